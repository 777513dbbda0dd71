/** Writes files that a user names: whole or not at all, through symbolic links, and into what is no regular file. */
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { lstat, open, readFile, readlink, rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { again, CassSniError } from '../errors.ts'
import type { Ask } from '../events.ts'
import { systemError } from '../text/system-errors.ts'

/** As the system's own limit (ELOOP, path_resolution(7)). */
const MOST_LINKS = 40

export interface OutputFile {
  path: string
  text: string
  /** 0o600 for what only its owner may read. */
  mode: 0o600 | 0o644
}

/** Who decides about a regular file that holds something else: it may be the user's own work. */
export interface Overwriting {
  /** --yes: it is replaced. */
  yes: boolean
  /** Else it is asked for, when somebody is there. */
  ask?: Ask | undefined
}

/**
 * Writes a file. A regular file is replaced as a whole, so that a full disk leaves the old one; of a symbolic link the
 * target is written; a device, pipe or socket is written to as it is.
 * Throws CSNI104 with the system's reason, or when the file holds something else that is not to be overwritten.
 */
export async function writeOutputFile(file: OutputFile, overwriting: Overwriting): Promise<'written' | 'unchanged'> {
  const { path, text, mode } = file
  try {
    const { target, kind } = await destination(path)
    if (kind === 'special') {
      await writeInto(target, text)
      return 'written'
    }
    if (kind === 'file') {
      const current = await readFile(target, 'utf8')
      // Who may read it is a part of what it is to be.
      if (current === text && ((await stat(target)).mode & 0o777 & ~mode) === 0) return 'unchanged'
      if (current !== text) await mayOverwrite(path, overwriting)
    }
    await writeWhole(target, text, mode)
    return 'written'
  } catch (error) {
    if (error instanceof CassSniError) throw error
    throw new CassSniError('CSNI104', `${path} cannot be written: ${systemError(error)}`, {
      object: path,
      cause: error,
    })
  }
}

async function mayOverwrite(path: string, { yes, ask }: Overwriting): Promise<void> {
  if (yes) return
  const answer = await ask?.({
    kind: 'confirm',
    name: 'overwrite',
    flag: '--yes',
    message: `File ${path} holds something else. Overwrite it?`,
    initial: false,
  })
  if (answer === 'yes') return
  throw new CassSniError('CSNI104', `file ${path} is there already and holds something else`, {
    object: path,
    next: [again`--yes`],
  })
}

/** Where a path leads, and what is there. */
async function destination(path: string): Promise<{ target: string; kind: 'file' | 'special' | 'nothing' }> {
  let target = path
  // What the system keeps there are open files, also where it shows a link to a regular one (/dev/stdout > out.txt).
  if (/^\/(dev|proc)\//.test(resolve(path))) return { target, kind: 'special' }
  for (let links = 0; links < MOST_LINKS; links += 1) {
    const found = await lstat(target).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (found === undefined) return { target, kind: 'nothing' }
    if (!found.isSymbolicLink()) return { target, kind: found.isFile() || found.isDirectory() ? 'file' : 'special' }
    target = resolve(dirname(target), await readlink(target))
    if (/^\/(dev|proc)\//.test(target)) return { target, kind: 'special' }
  }
  throw Object.assign(new Error(), { code: 'ELOOP' })
}

/** Without blocking: a pipe that nobody reads is an error (ENXIO), not a wait without end. */
async function writeInto(path: string, text: string): Promise<void> {
  const handle = await open(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_APPEND)
  try {
    await handle.writeFile(text)
  } finally {
    await handle.close()
  }
}

async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const fresh = `${path}.${randomUUID()}`
  try {
    const handle = await open(fresh, 'wx', mode)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(fresh, path)
  } catch (error) {
    await rm(fresh, { force: true })
    throw error
  }
}
