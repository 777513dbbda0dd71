/** File names for completion, for SOURCE, CAPTURE and COPY. */
import { readdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

export interface FileName {
  /** The whole path, in the form that was typed. */
  path: string
  directory: boolean
}

/** Returns matching entries, hidden ones only after a dot; none if the directory cannot be read. */
export async function fileNames(typed: string): Promise<FileName[]> {
  const head = typed.slice(0, typed.lastIndexOf('/') + 1)
  const tail = typed.slice(head.length)
  const directory = head.startsWith('~/') ? join(homedir(), head.slice(2)) : head || '.'
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
  return entries
    .filter(({ name }) => name.startsWith(tail) && (tail !== '' || !name.startsWith('.')))
    .map((entry) => ({ path: head + entry.name, directory: entry.isDirectory() }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}
