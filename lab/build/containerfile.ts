/** Reads the last stage of a Containerfile, with the instructions that the lab builds. */
import { LabError } from '../progress.ts'

export interface Stage {
  /** The image of FROM. */
  from: string
  /** COPY --from=build, in order: paths in the build stage and in the image. */
  copies: { source: string; target: string }[]
  user: number
  entrypoint: string[]
  /** WORKDIR of the build stage, where the sources are. */
  sources: string
}

/** Parses the text. Throws a LabError for an instruction that the lab does not build. */
export function lastStage(text: string): Stage {
  const instructions = text
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line.trim()) ?? []
      return { name: name.toUpperCase(), rest }
    })
  const starts = instructions.flatMap(({ name }, index) => (name === 'FROM' ? [index] : []))
  const last = starts.at(-1) ?? 0
  const stage: Stage = {
    from: instructions[last]?.rest ?? '',
    copies: [],
    user: 0,
    entrypoint: [],
    sources: instructions.slice(0, last).find(({ name }) => name === 'WORKDIR')?.rest ?? '/',
  }
  for (const { name, rest } of instructions.slice(last + 1)) {
    const copy = /^--from=build (\S+) (\S+)$/.exec(rest)
    if (name === 'COPY' && copy?.[1] !== undefined && copy[2] !== undefined)
      stage.copies.push({ source: copy[1], target: copy[2] })
    else if (name === 'USER' && /^\d+$/.test(rest)) stage.user = Number(rest)
    else if (name === 'ENTRYPOINT') stage.entrypoint = JSON.parse(rest) as string[]
    else if (name !== 'EXPOSE') throw new LabError(`Containerfile: the lab does not build "${name} ${rest}"`)
  }
  return stage
}
