/**
 * A program for the Node.js driver, which has no public option for SNI in version 4.10 (apache/cassandra-nodejs-driver
 * lib/control-connection.js reads the two fields). Pure.
 */
import { commentLines, type DriverProgram, literal } from './driver-program.ts'

export const node: DriverProgram = {
  file: 'connect.cjs',
  library: 'cassandra-driver@4.10.0',
  run: ['npm install cassandra-driver@4.10.0', 'node connect.cjs'],
  text: ({ host, port, caFile, hostIds, localDatacenter, comment }) => `${commentLines('//', comment)}\
const { readFileSync } = require('node:fs')
const { Client, policies } = require('cassandra-driver')

const GATEWAY = ${literal(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)}
const CA_FILE = ${literal(caFile)}
const LOCAL_DATACENTER = ${literal(localDatacenter)}
// the driver finds further nodes itself
const HOST_IDS = [
${hostIds.map((id) => `  ${literal(id)},\n`).join('')}]

async function main() {
  const client = new Client({
    contactPoints: ['unused'],
    localDataCenter: LOCAL_DATACENTER,
    credentials: { username: process.env.CQL_USER, password: process.env.CQL_PASSWORD },
    // without rejectUnauthorized, the driver accepts any certificate
    sslOptions: { ca: [readFileSync(CA_FILE)], rejectUnauthorized: true },
    policies: { reconnection: new policies.reconnection.ExponentialReconnectionPolicy(200, 5000, false) },
  })
  // of version 4.10, not public: the driver sets them itself when it reads a secure connect bundle
  client.options.sni = { address: GATEWAY }
  client.options.contactPoints = HOST_IDS
  await client.connect()
  for (const host of client.hosts.values()) {
    if (host.datacenter !== LOCAL_DATACENTER) continue
    const { rows } = await client.execute('SELECT host_id, release_version FROM system.local', [], { host })
    console.log(String(rows[0].host_id), rows[0].release_version)
  }
  await client.shutdown()
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
`,
}
