/** The files of COPY FROM: names and globs with commas between them, as cqlsh takes them. */
import { readdir, stat } from 'node:fs/promises'
import { isAbsolute, join, parse } from 'node:path'
import { CassSniError } from '../../errors.ts'
import { homePath } from '../../files/home-path.ts'

/**
 * The files that a list of names and globs stands for, in its order; those of one glob in alphabetical order.
 * Throws CSNI104 for a name without a file.
 */
export async function sourceFiles(list: string): Promise<string[]> {
  const files: string[] = []
  for (const item of list.split(',').map((name) => homePath(name.trim()))) {
    const found = (await exists(item)) ? [item] : await matchingFiles(item)
    if (found.length === 0) throw new CassSniError('CSNI104', `${item}: no such file`, { object: item })
    files.push(...found)
  }
  return files
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch {
    // whatever the reason is: it is reported when the file is read, or as a name without a file
    return false
  }
}

/** Globs of Python's glob module without "recursive": *, ? and [abc] within one part of the path. */
async function matchingFiles(pattern: string): Promise<string[]> {
  let found = [isAbsolute(pattern) ? parse(pattern).root : '']
  for (const part of pattern.split('/').filter((name) => name !== '')) {
    if (!/[*?[]/.test(part)) found = found.map((directory) => join(directory, part))
    else {
      const matcher = globMatcher(part)
      const inner = found.map(async (directory) =>
        (await namesIn(directory)).filter(matcher).map((name) => join(directory, name)),
      )
      found = (await Promise.all(inner)).flat()
    }
  }
  const there = await Promise.all(found.map(exists))
  return found.filter((_, index) => there[index])
}

/** A directory that cannot be read has no matches, as for a shell. */
async function namesIn(directory: string): Promise<string[]> {
  const names = await readdir(directory === '' ? '.' : directory).catch((): string[] => [])
  return names.toSorted()
}

function globMatcher(part: string): (name: string) => boolean {
  const source = part.replace(/\[(!?)([^\]]+)\]|[*?]|[^[\]*?]+|[[\]]/g, (piece, not: string, characters: string) => {
    if (piece === '*') return '.*'
    if (piece === '?') return '.'
    if (characters !== undefined) return `[${not === '!' ? '^' : ''}${characters.replace(/[\\^[]/g, '\\$&')}]`
    return piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  })
  const pattern = new RegExp(`^${source}$`, 's')
  return (name) => pattern.test(name) && (part.startsWith('.') || !name.startsWith('.'))
}
