/**
 * `npm run build`: builds dist/ from src/ (bundles with third-party code, help texts), oclif.manifest.json and the
 * schemas of the results, and checks types. Does nothing if the inputs are unchanged.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { bundle } from './bundle.ts'

const root = dirname(import.meta.dirname)
const dist = join(root, 'dist')
const stamp = join(dist, '.stamp')

/** A hash of all inputs of the build. */
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

/** Runs a script with this Node and prints its output. Returns whether it succeeded. */
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
  console.log('dist/ is up to date')
} else {
  const started = performance.now()
  rmSync(stamp, { force: true })
  const fresh = join(root, 'dist.new')
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(fresh, { recursive: true })
  await bundle(root, fresh)
  // Two renames: tests and the lab that run the plugin during a build find either the old or the new one.
  const old = join(root, 'dist.old')
  rmSync(old, { recursive: true, force: true })
  if (existsSync(dist)) renameSync(dist, old)
  renameSync(fresh, dist)
  rmSync(old, { recursive: true, force: true })
  // In a separate process: it imports the commands just built.
  if (!node(join(root, 'build/describe.ts'))) process.exit(1)
  // Last: a type error fails the build, but dist/ is usable.
  if (!node(join(root, 'build/types.ts'))) process.exit(1)
  writeFileSync(stamp, now)
  console.log(`built dist/ in ${((performance.now() - started) / 1000).toFixed(1)}s`)
}
