// Asks each node by its host id which node it is: driver.cjs ADDRESS PORT CA HOST_ID... (login as JSON on stdin).
const { readFileSync } = require('node:fs')
const { Client } = require('cassandra-driver')

async function main() {
  const [address, port, ca, ...hostIds] = process.argv.slice(2)
  const client = new Client({
    contactPoints: ['unused'],
    localDataCenter: 'dc1',
    credentials: JSON.parse(readFileSync(0, 'utf8')),
    sslOptions: { ca: [readFileSync(ca)], rejectUnauthorized: true },
  })
  client.options.sni = { address: `${address}:${port}` }
  client.options.contactPoints = hostIds
  await client.connect()
  const answers = []
  for (const host of client.hosts.values()) {
    const { rows } = await client.execute('SELECT host_id FROM system.local', [], { host })
    answers.push({ asked: String(host.hostId), answered: String(rows[0].host_id) })
  }
  console.log(JSON.stringify(answers))
  await client.shutdown()
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
