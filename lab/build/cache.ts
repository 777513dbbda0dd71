import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDir } from '../layout.ts'
import { LabError } from '../progress.ts'

/** A short content key over pinned versions, flags and file contents. */
export function keyOf(...parts: Array<string | Buffer>): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part).update('\0')
  return hash.digest('hex').slice(0, 12)
}

/** Key over every file below a directory: names and contents. */
export async function keyOfDirectory(directory: string): Promise<string> {
  const names = (await readdir(directory, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  const parts: Array<string | Buffer> = []
  for (const name of names) parts.push(name.slice(directory.length), await readFile(name))
  return keyOf(...parts)
}

/** The path of the artifact with this key, whether it exists or not. */
export function artifact(kind: string, name: string, key: string): string {
  return join(cacheDir, kind, `${name}-${key}`)
}

/**
 * Returns the directory of an artifact from the cache, or produces it in a temporary directory that is renamed when
 * complete: a killed build leaves no incomplete artifact.
 */
export async function cached(
  kind: string,
  name: string,
  key: string,
  produce: (directory: string) => Promise<void>,
): Promise<string> {
  const directory = artifact(kind, name, key)
  if (existsSync(directory)) return directory
  let unfinished: string
  try {
    await mkdir(join(cacheDir, kind), { recursive: true })
    unfinished = await mkdtemp(join(cacheDir, kind, `.unfinished-${name}-`))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'EACCES' && code !== 'EROFS') throw error
    throw new LabError(`cannot write ${cacheDir}: run as root, or set CASS_SNI_LAB_CACHE to another directory`)
  }
  try {
    await produce(unfinished)
    await rename(unfinished, directory)
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true })
    if (!existsSync(directory)) throw error
  }
  return directory
}

/** Removes the remains of killed builds, and keeps the two newest versions of each artifact. */
export async function prune(kind: string): Promise<void> {
  const directory = join(cacheDir, kind)
  if (!existsSync(directory)) return
  const versions = new Map<string, Array<{ path: string; time: number }>>()
  for (const name of await readdir(directory)) {
    const path = join(directory, name)
    if (name.startsWith('.unfinished-')) await rm(path, { recursive: true, force: true })
    const base = /^(.*)-[0-9a-f]{12}$/.exec(name)?.[1]
    if (!base) continue
    const list = versions.get(base) ?? []
    list.push({ path, time: (await stat(path)).mtimeMs })
    versions.set(base, list)
  }
  for (const list of versions.values()) {
    list.sort((a, b) => b.time - a.time)
    for (const { path } of list.slice(2)) await rm(path, { recursive: true, force: true })
  }
}

/** Marks an artifact as recently used, so that `prune` keeps it. Does nothing for one that does not exist. */
export async function touch(path: string): Promise<void> {
  const now = new Date()
  await utimes(path, now, now).catch(() => {})
}
