/** Writes a rotated login back into a kubeconfig, beside kubectl and other runs. */
import { chmod, chown, open, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { type Document, isMap, isSeq, parseDocument, type YAMLMap } from 'yaml'
import { poll } from '../waiting/poll.ts'

type Provider = Readonly<Record<string, string>>

/** kubectl holds its lock for the time of one write. */
const LOCK_MS = 3000
const LOCK_POLL_MS = 50

/**
 * Changes `auth-provider.config` of a user. `change` is handed what stands there, or undefined, and answers with what
 * is to stand there, or undefined when nothing is to be written. Resolves with what stands there afterwards. All else
 * in the file stays as it is, its comments, mode and owner too. The file is locked as kubectl locks it (client-go
 * tools/clientcmd/loader.go lockFile), and replaced in one step.
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
  if (!locked) throw new Error(`${path} is locked by another program (${lock})`)
  try {
    // a link stays a link
    const file = await realpath(path)
    const document = parseDocument(await readFile(file, 'utf8'), { version: '1.1', uniqueKeys: false, merge: true })
    const config = configOf(document, user)
    const stored = config?.toJSON() as Provider | undefined
    const wanted = await change(stored)
    if (wanted === undefined) return stored
    if (config === undefined) throw new Error(`${path} has no user "${user}" with an auth-provider any more`)
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

/** In one step: who reads it meanwhile sees the old or the new file. */
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
