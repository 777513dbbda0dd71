/** Files that flags name are checked before the cluster is contacted. */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { CassSniError } from '../errors.ts'
import { homePath } from '../files/home-path.ts'
import { systemError } from '../text/system-errors.ts'
import type { GivenFlag } from './command-line.ts'

/** The helpValue of flags that name a file. */
const FILE = 'FILE'
/** Flags whose file is written. */
export const WRITTEN_FILES: ReadonlySet<string> = new Set(['out', 'ca-out'])
const STDIN = '-'

/**
 * Throws CSNI104 if a file that the command reads does not exist or cannot be read. The content is not read: the file
 * may be a pipe.
 * @param definitions the command's flags
 */
export async function requireInputFiles(
  given: readonly GivenFlag[],
  definitions: Readonly<Record<string, object>>,
): Promise<void> {
  for (const { name, value } of given) {
    const { helpValue } = (definitions[name] ?? {}) as { helpValue?: unknown }
    if (helpValue !== FILE || WRITTEN_FILES.has(name) || value === undefined || value === STDIN) continue
    try {
      await access(homePath(value), constants.R_OK)
    } catch (error) {
      throw new CassSniError('CSNI104', `cannot read ${value}: ${systemError(error)}`, { object: value, cause: error })
    }
  }
}
