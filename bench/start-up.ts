/** Time that help takes, next to an empty Node program. Requires kubectl and the plugin on PATH. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { medians, type Row } from './rounds.ts'

/** Runs the comparison; every figure is a median, in milliseconds. */
export async function benchStartUp(log: (line: string) => void = () => {}): Promise<Row[]> {
  const directory = await mkdtemp(join(tmpdir(), 'cass-sni-bench-'))
  try {
    log('help, next to an empty Node program')
    // includes the start of kubectl, as does the first command: a Node plugin that does nothing
    await writeFile(join(directory, 'kubectl-empty'), '#!/usr/bin/env node\n', { mode: 0o755 })
    process.env.PATH = `${process.env.PATH}:${directory}`
    const [help = 0, nothing = 0, direct = 0, node = 0] = await medians(
      21,
      ['kubectl', 'cass-sni', '--help'],
      ['kubectl', 'empty'],
      ['kubectl-cass_sni', '--help'],
      [process.execPath, '-e', '0'],
    )
    const row = (name: string, baselineName: string, value: number, baseline: number): Row => ({
      name,
      value,
      baseline,
      baselineName,
      unit: 'ms',
      better: 'lower',
    })
    return [
      row('kubectl-cass_sni --help', 'node -e 0', direct, node),
      row('kubectl cass-sni --help', 'node -e 0', help, node),
      row('kubectl cass-sni --help', 'kubectl with an empty plugin in Node', help, nothing),
    ]
  } finally {
    await rm(directory, { recursive: true })
  }
}
