/**
 * `npm run build`: src/ to dist/: bundles (third-party code included), the help
 * texts, oclif.manifest.json, the schemas of the results; and a type check. Quick when nothing changed.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { bundle } from './bundle.ts'

const root = dirname(import.meta.dirname)
const dist = join(root, 'dist')
const stamp = join(dist, '.stamp')

/** Everything that the build depends on, as one hash. */
function fingerprint(): string {
  const hash = createHash('sha256').update(process.version)
  const add = (path: string) => hash.update(`${relative(root, path)}\n`).update(readFileSync(path))
  for (const folder of ['src', 'build']) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true }).sort((a, b) =>
      join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1,
    )) {
      if (entry.isFile()) add(join(entry.parentPath, entry.name))
    }
  }
  for (const file of ['package.json', 'package-lock.json', 'tsconfig.json']) add(join(root, file))
  return hash.digest('hex')
}

/** Runs a program of node_modules with this Node; its output is shown. */
function node(script: string, ...args: string[]): boolean {
  return spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit' }).status === 0
}

const now = fingerprint()
if (
  existsSync(stamp) &&
  readFileSync(stamp, 'utf8') === now &&
  existsSync(join(root, 'oclif.manifest.json')) &&
  existsSync(join(root, 'docs/schemas'))
) {
  console.log('dist/ is up to date.')
} else {
  const started = performance.now()
  rmSync(stamp, { force: true })
  const fresh = join(root, 'dist.new')
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(fresh, { recursive: true })
  await bundle(root, fresh)
  // In two renames: whoever runs the plugin meanwhile (a test, the lab) finds the old or the new one, hardly ever none.
  const old = join(root, 'dist.old')
  rmSync(old, { recursive: true, force: true })
  if (existsSync(dist)) renameSync(dist, old)
  renameSync(fresh, dist)
  rmSync(old, { recursive: true, force: true })
  // In a process of its own: it imports the commands just built.
  if (!node(join(root, 'build/describe.ts'))) process.exit(1)
  // Last, so that a type error fails the build but leaves something to try.
  if (!node(join(root, 'build/types.ts'))) process.exit(1)
  writeFileSync(stamp, now)
  console.log(`Built dist/ in ${((performance.now() - started) / 1000).toFixed(1)} s.`)
}
