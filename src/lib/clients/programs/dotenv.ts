/** Variables as KEY=VALUE, for Docker's --env-file, Spring, systemd and dotenv libraries. Pure. */
import { commentLines, type DriverProgram } from './driver-program.ts'

export const dotenv: DriverProgram = {
  file: 'cassandra.env',
  run: [],
  login: '',
  // No quotes: Docker takes them as part of the value (docker/cli opts/envfile.go).
  text: ({ host, port, caFile, hostIds, localDatacenter, comment }) =>
    `${commentLines('#', comment)}${Object.entries({
      CASSANDRA_HOST: host,
      CASSANDRA_PORT: port,
      CASSANDRA_CA_FILE: caFile,
      CASSANDRA_LOCAL_DATACENTER: localDatacenter,
      CASSANDRA_HOST_IDS: hostIds.join(','),
    })
      .map(([name, value]) => `${name}=${String(value).replace(/[\r\n]+/g, ' ')}\n`)
      .join('')}`,
}
