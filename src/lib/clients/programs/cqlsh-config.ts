/** A cqlshrc for Apache's cqlsh through a local port. Pure. */
import { commentLines, type DriverProgram } from './driver-program.ts'

export const cqlsh: DriverProgram = {
  file: 'cqlshrc',
  library: 'cqlsh==6.2.2',
  run: ['pip install cqlsh==6.2.2', 'cqlsh --cqlshrc cqlshrc -u app'],
  login: '-u, or [plain_text_auth] in ~/.cassandra/credentials',
  notes: (cass) => [`Or in one command, with the login of the superuser: ${cass('cqlsh-sni', '--exec')}`],
  throughLocalPort: true,
  text: ({ host, port, comment }) => `${commentLines(';', comment)}\
[connection]
hostname = ${host}
port = ${port}
ssl = false
`,
}
