/** Writes files given by the user: atomically, through symbolic links, and directly to devices and pipes. */
import { randomUUID } from 'node:crypto'
import { constants, existsSync } from 'node:fs'
import { lstat, mkdir, open, readFile, readlink, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { again, CassSniError } from '../errors.ts'
import type { Ask } from '../events.ts'
import { systemError } from '../text/system-errors.ts'

/** The system's limit (ELOOP, path_resolution(7)). */
const MOST_LINKS = 40

export interface OutputFile {
  path: string
  text: string | Buffer
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
      const state = await compared(target, file)
      if (state === 'same') return 'unchanged'
      if (state === 'different') await confirmOverwrite(path, overwriting)
    }
    const fresh = await stage(target, text, mode)
    await renameOver(fresh, target)
    return 'written'
  } catch (error) {
    throw unwritable(path, error)
  }
}

/**
 * Writes the files of a directory, which is created if it is missing: all of them, or none if one cannot be written.
 * Returns what happened to each, in their order. `path` is the name of a file in the directory.
 * @throws CSNI104 as `writeOutputFile` does, and for anything there that is not a regular file
 */
export async function writeOutputFiles(
  directory: string,
  files: readonly OutputFile[],
  overwriting: Overwriting,
): Promise<('written' | 'unchanged')[]> {
  const staged: { fresh: string; target: string }[] = []
  let current = directory
  try {
    await makeDirectory(directory)
    const states = []
    for (const file of files) {
      current = join(directory, file.path)
      const { target, kind } = await destination(current)
      if (kind === 'special') throw new CassSniError('CSNI104', `${current} is not a regular file`, { object: current })
      const state = kind === 'nothing' ? 'missing' : await compared(target, file)
      states.push({ file, target, path: current, state })
    }
    const different = states.filter(({ state }) => state === 'different').map(({ path }) => path)
    if (different.length > 0) await confirmOverwrite(different.join(', '), overwriting)
    for (const { file, target, path, state } of states) {
      current = path
      if (state !== 'same') staged.push({ fresh: await stage(target, file.text, file.mode), target })
    }
    while (staged[0] !== undefined) {
      await renameOver(staged[0].fresh, staged[0].target)
      staged.shift()
    }
    return states.map(({ state }) => (state === 'same' ? 'unchanged' : 'written'))
  } catch (error) {
    for (const { fresh } of staged) await rm(fresh, { force: true })
    throw unwritable(current, error)
  }
}

/**
 * Creates a directory and those above it that are missing, mode 0700. Not mkdir's own `recursive`: it never returns
 * where the file system answers ENOENT below a directory that exists, as /proc does (nodejs/node src/node_file.cc,
 * MKDirpAsync).
 */
async function makeDirectory(directory: string): Promise<void> {
  const above = dirname(directory)
  if (above !== directory && !existsSync(above)) await makeDirectory(above)
  try {
    await mkdir(directory, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !(await stat(directory)).isDirectory()) throw error
  }
}

/** Compares a regular file with the desired one; its permissions must match too. */
async function compared(target: string, { text, mode }: OutputFile): Promise<'same' | 'different' | 'permissions'> {
  const current = await readFile(target)
  if (!current.equals(Buffer.from(text))) return 'different'
  return ((await stat(target)).mode & 0o777 & ~mode) === 0 ? 'same' : 'permissions'
}

function unwritable(path: string, error: unknown): CassSniError {
  if (error instanceof CassSniError) return error
  return new CassSniError('CSNI104', `cannot write ${path}: ${systemError(error)}`, { object: path, cause: error })
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
async function writeInto(path: string, text: string | Buffer): Promise<void> {
  const handle = await open(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_APPEND)
  try {
    await handle.writeFile(text)
  } finally {
    await handle.close()
  }
}

/** Writes the text to a new file next to the target, and returns its path. */
async function stage(target: string, text: string | Buffer, mode: number): Promise<string> {
  const fresh = `${target}.${randomUUID()}`
  try {
    const handle = await open(fresh, 'wx', mode)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    return fresh
  } catch (error) {
    await rm(fresh, { force: true })
    throw error
  }
}

async function renameOver(fresh: string, target: string): Promise<void> {
  try {
    await rename(fresh, target)
  } catch (error) {
    await rm(fresh, { force: true })
    throw error
  }
}
