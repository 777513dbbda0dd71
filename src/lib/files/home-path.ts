/** Paths as a user types them where no shell expands them. */
import { homedir } from 'node:os'
import { join } from 'node:path'

/** The path with a leading "~" replaced by the home directory. "~name" stays: other homes are not looked up. */
export function homePath(path: string, home: string = homedir()): string {
  if (path === '~') return home
  return path.startsWith('~/') ? join(home, path.slice(2)) : path
}
