/** Writes rotated tokens back into a kubeconfig, safely alongside kubectl and concurrent runs. */
import { chmod, chown, open, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { type Document, isMap, isSeq, parseDocument, type YAMLMap } from 'yaml'
import { poll } from '../waiting/poll.ts'

type Provider = Readonly<Record<string, string>>

/** kubectl holds its lock for the duration of one write. */
const LOCK_MS = 3000
const LOCK_POLL_MS = 50

/**
 * Updates `auth-provider.config` of a user. `change` receives the stored value (or undefined) and returns the new one,
 * or undefined to write nothing. Resolves with the resulting value. The rest of the file is preserved, including
 * comments, mode and owner. The file is locked as kubectl locks it (client-go tools/clientcmd/loader.go lockFile) and
 * replaced atomically.
 */
export async function editUser(
  path: string,
  user: string,
  signal: AbortSignal,
  change: (stored: Provider | undefined) => Promise<Provider | undefined>,
): Promise<Provider | undefined> {
  const lock = `${path}.lock`
  const locked = await poll({
    signal,
    interval: LOCK_POLL_MS,
    timeoutMs: LOCK_MS,
    until: async () => {
      try {
        await (await open(lock, 'wx', 0o600)).close()
        return true
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
        return undefined
      }
    },
  })
  if (!locked) throw new Error(`${path} is locked by another process (${lock})`)
  try {
    // keep a symbolic link
    const file = await realpath(path)
    const document = parseDocument(await readFile(file, 'utf8'), { version: '1.1', uniqueKeys: false, merge: true })
    const config = configOf(document, user)
    const stored = config?.toJSON() as Provider | undefined
    const wanted = await change(stored)
    if (wanted === undefined) return stored
    if (config === undefined) throw new Error(`${path} no longer has a user "${user}" with an auth-provider`)
    for (const [key, value] of Object.entries(wanted)) if (stored?.[key] !== value) config.set(key, value)
    await replace(file, document.toString({ lineWidth: 0 }))
    return wanted
  } finally {
    await rm(lock, { force: true })
  }
}

function configOf(document: Document, user: string): YAMLMap | undefined {
  const users = document.get('users')
  if (!isSeq(users)) return undefined
  const entry = users.items.find((item): item is YAMLMap => isMap(item) && item.get('name') === user)
  const config = entry?.getIn(['user', 'auth-provider', 'config'])
  return isMap(config) ? config : undefined
}

/** Replaces the file atomically: readers see either the old or the new one. */
async function replace(file: string, text: string): Promise<void> {
  const { mode, uid, gid } = await stat(file)
  const fresh = `${file}.${process.pid}.new`
  try {
    await writeFile(fresh, text, { flag: 'wx', mode: 0o600 })
    await chmod(fresh, mode & 0o7777)
    if (process.getuid?.() === 0) await chown(fresh, uid, gid)
    await rename(fresh, file)
  } catch (error) {
    await rm(fresh, { force: true })
    throw error
  }
}
