/** Writes files given by the user: atomically, through symbolic links, and directly to devices and pipes. */
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { lstat, open, readFile, readlink, rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { again, CassSniError } from '../errors.ts'
import type { Ask } from '../events.ts'
import { systemError } from '../text/system-errors.ts'

/** The system's limit (ELOOP, path_resolution(7)). */
const MOST_LINKS = 40

export interface OutputFile {
  path: string
  text: string
  /** 0o600 for a file that only its owner can read. */
  mode: 0o600 | 0o644
}

/** How to handle a regular file with different content, which may be the user's own. */
export interface Overwriting {
  /** --yes: overwrite. */
  yes: boolean
  /** Otherwise prompt, if interactive. */
  ask?: Ask | undefined
}

/**
 * Writes a file. A regular file is replaced atomically, so the old one survives a full disk; a symbolic link is
 * followed; a device, pipe or socket is written to directly.
 * Throws CSNI104 with the system's error, or if the file has different content and must not be overwritten.
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
      // Permissions must match too.
      if (current === text && ((await stat(target)).mode & 0o777 & ~mode) === 0) return 'unchanged'
      if (current !== text) await confirmOverwrite(path, overwriting)
    }
    await writeWhole(target, text, mode)
    return 'written'
  } catch (error) {
    if (error instanceof CassSniError) throw error
    throw new CassSniError('CSNI104', `cannot write ${path}: ${systemError(error)}`, {
      object: path,
      cause: error,
    })
  }
}

async function confirmOverwrite(path: string, { yes, ask }: Overwriting): Promise<void> {
  if (yes) return
  const answer = await ask?.({
    kind: 'confirm',
    name: 'overwrite',
    flag: '--yes',
    message: `File ${path} exists with different content. Overwrite it?`,
    initial: false,
  })
  if (answer === 'yes') return
  throw new CassSniError('CSNI104', `file ${path} already exists with different content`, {
    object: path,
    next: [again`--yes`],
  })
}

/** Resolves symbolic links and returns the target and its type. */
async function destination(path: string): Promise<{ target: string; kind: 'file' | 'special' | 'nothing' }> {
  let target = path
  // These are open files, even if shown as a link to a regular one (/dev/stdout > out.txt).
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

/** Opens non-blocking: a pipe without a reader is an error (ENXIO), not an endless wait. */
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
