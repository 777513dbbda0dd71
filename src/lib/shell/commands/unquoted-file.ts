/** Invalid file names of commands. */
import { CassSniError, hint } from '../../errors.ts'

/** CSNI101 for a file name without quotes. @param rest of the command, beginning with the name */
export function unquotedFile(command: string, rest: string): CassSniError {
  const [name = ''] = rest.split(/\s/, 1)
  return new CassSniError('CSNI101', `${command}: file name ${name} is not quoted`, {
    next: [hint(`write '${name.replaceAll("'", "''")}'`)],
  })
}

/** CSNI101 for ''. */
export function emptyFile(command: string): CassSniError {
  return new CassSniError('CSNI101', `${command} requires a file name: found an empty string`)
}
