/**
 * `npm run lint`: format and lint (biome), types (tsc), import rules of the layers and cycles (dependency-cruiser),
 * layers, names and line lengths of src/ (source-rules.ts), dead code (knip). Read-only. Runs all checks before it
 * fails.
 */
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'

const root = dirname(import.meta.dirname)
const modules = join(root, 'node_modules')

/** The checks, with the paths of their scripts below node_modules. */
const checks: { name: string; script: string; args: string[] }[] = [
  { name: 'format and lint', script: '@biomejs/biome/bin/biome', args: ['check', '--max-diagnostics=50'] },
  { name: 'types of src', script: 'typescript/bin/tsc', args: ['-p', 'tsconfig.json'] },
  { name: 'types of all', script: 'typescript/bin/tsc', args: ['-p', 'tsconfig.check.json'] },
  {
    name: 'import rules and cycles',
    script: 'dependency-cruiser/bin/dependency-cruise.mjs',
    args: ['--config', '.dependency-cruiser.mjs', 'src', 'lab', 'build', 'bench', 'test', 'bin'],
  },
  { name: 'files of src', script: '../build/source-rules.ts', args: [] },
  { name: 'dead code', script: 'knip/bin/knip.js', args: ['--no-progress', '--no-config-hints'] },
]

/** Runs one check. Resolves with its whole output. */
function run(script: string, args: string[]): Promise<{ ok: boolean; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(modules, script), ...args], {
      cwd: root,
      env: { ...process.env, FORCE_COLOR: process.stdout.isTTY ? '1' : '0' },
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.once('error', reject)
    child.once('close', (code) => resolve({ ok: code === 0, output }))
  })
}

let failed = 0
for (const { name, script, args } of checks) {
  const { ok, output } = await run(script, args)
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name}`)
  if (ok) continue
  failed++
  console.log(output.trimEnd().replace(/^/gm, '     '))
}
process.exitCode = failed === 0 ? 0 : 1
