import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { labSources } from '../layout.ts'
import { LabError, step } from '../progress.ts'
import { run } from '../run.ts'
import { type GoProgram, goPrograms } from '../versions.ts'
import { artifact, cached, keyOf, keyOfDirectory } from './cache.ts'
import { requireGo } from './packages.ts'

const environment = () => ({
  ...process.env,
  CGO_ENABLED: '0',
  GOFLAGS: '-buildvcs=false -mod=readonly',
  GOWORK: 'off',
})

const moduleDirectory = (module: string) => join(labSources, 'modules', module)

/** The content key of a program: its module (go.mod, go.sum, sources) and its flags. */
export async function programKey(program: GoProgram): Promise<string> {
  return keyOf(await keyOfDirectory(moduleDirectory(program.module)), program.main, program.ldflags)
}

/** The path of a program in the cache, whether it exists or not. */
export async function programPath(name: string): Promise<string> {
  const program = goPrograms.find((each) => each.name === name)
  if (!program) throw new Error(`${name} is not in versions.ts`)
  return join(artifact('bin', name, await programKey(program)), name)
}

/** Throws if Go is missing and one of these programs must be built. */
export async function requireGoFor(names: readonly string[]): Promise<void> {
  for (const name of names) if (!existsSync(await programPath(name))) return requireGo()
}

/** Builds missing programs of these (default: all except optional ones); returns their paths by name. */
export async function ensurePrograms(names?: readonly string[]): Promise<Record<string, string>> {
  const paths: Record<string, string> = {}
  for (const program of goPrograms) {
    if (names ? !names.includes(program.name) : program.optional) continue
    const path = await programPath(program.name)
    if (!existsSync(path)) await buildProgram(program)
    paths[program.name] = path
  }
  return paths
}

async function buildProgram(program: GoProgram): Promise<void> {
  const cwd = moduleDirectory(program.module)
  if (program.pinned) {
    const line = `${program.pinned.path} ${program.pinned.version}`
    if (!(await readFile(join(cwd, 'go.mod'), 'utf8')).includes(line))
      throw new LabError(`lab/modules/${program.module}/go.mod does not require ${line} (see lab/versions.ts)`)
  }
  await cached('bin', program.name, await programKey(program), (directory) =>
    step(`go build ${program.name}`, async () => {
      const args = [
        'build',
        '-trimpath',
        '-ldflags',
        program.ldflags,
        '-o',
        join(directory, program.name),
        program.main,
      ]
      await run('go', args, { cwd, env: environment() })
    }),
  )
}

/** The directory of a dependency's sources in Go's module cache. */
export async function moduleSources(module: string, path: string): Promise<string> {
  const cwd = moduleDirectory(module)
  await run('go', ['mod', 'download', path], { cwd, env: environment() })
  return (await run('go', ['list', '-m', '-f', '{{.Dir}}', path], { cwd, env: environment() })).trim()
}
