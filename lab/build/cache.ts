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

/** Key over every file below a folder: names and contents. */
export async function keyOfFolder(folder: string): Promise<string> {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  const parts: Array<string | Buffer> = []
  for (const name of names) parts.push(name.slice(folder.length), await readFile(name))
  return keyOf(...parts)
}

/** Where an artifact with this key is, or will be. */
export function artifact(kind: string, name: string, key: string): string {
  return join(cacheDir, kind, `${name}-${key}`)
}

/**
 * The folder of an artifact: found in the cache, or produced into a temporary folder and moved into
 * place when complete, so that a killed build leaves nothing that looks finished.
 */
export async function cached(
  kind: string,
  name: string,
  key: string,
  produce: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = artifact(kind, name, key)
  if (existsSync(folder)) return folder
  let unfinished: string
  try {
    await mkdir(join(cacheDir, kind), { recursive: true })
    unfinished = await mkdtemp(join(cacheDir, kind, `.unfinished-${name}-`))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'EACCES' && code !== 'EROFS') throw error
    throw new LabError(`${cacheDir} cannot be written: run as root, or name another folder in CASS_SNI_LAB_CACHE.`)
  }
  try {
    await produce(unfinished)
    await rename(unfinished, folder)
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
  return folder
}

/** Removes what killed builds left, and all but the two newest versions of each artifact. */
export async function prune(kind: string): Promise<void> {
  const folder = join(cacheDir, kind)
  if (!existsSync(folder)) return
  const versions = new Map<string, Array<{ path: string; time: number }>>()
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
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

/** Marks an artifact as just used, so that `prune` keeps it. One that is not there needs no mark. */
export async function touch(path: string): Promise<void> {
  const now = new Date()
  await utimes(path, now, now).catch(() => {})
}
