/** COPY. */
import { type ShellCommand, unsupported } from './shell-command.ts'

export const COPY: ShellCommand = {
  pattern: /^/,
  usage: "COPY <table> [(<column>, …)] FROM | TO '<file>' [WITH <option> = <value> …]",
  summary: 'Not supported yet',
  run: async () => {
    throw unsupported('COPY', 'to write a file: kubectl cass-sni cqlsh-sni -o csv -e "SELECT …" > FILE')
  },
}
