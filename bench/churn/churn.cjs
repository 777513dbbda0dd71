// The same as churn.py with the Node.js driver.
const { readFileSync } = require('node:fs')
const { Client, policies } = require('cassandra-driver')

const [address, port, ca, reconnect, ...hostIds] = process.argv.slice(2)
const { ConstantReconnectionPolicy, ExponentialReconnectionPolicy } = policies.reconnection
const ms = Number(reconnect)
let ended = false
process.stdin.resume().on('end', () => {
  ended = true
})

async function main() {
  const client = new Client({
    contactPoints: ['unused'],
    localDataCenter: 'dc1',
    credentials: { username: process.env.CQL_USER, password: process.env.CQL_PASSWORD },
    sslOptions: { ca: [readFileSync(ca)], rejectUnauthorized: true },
    socketOptions: { readTimeout: 5000 },
    policies: {
      reconnection: ms < 1000 ? new ExponentialReconnectionPolicy(ms, 5000, false) : new ConstantReconnectionPolicy(ms),
    },
  })
  client.options.sni = { address: `${address}:${port}` }
  client.options.contactPoints = hostIds
  await client.connect()
  while (!ended) {
    const line = { at: Date.now() / 1000 }
    try {
      const { rows, info } = await client.execute('SELECT host_id FROM system.local')
      line.at = Date.now() / 1000
      line.requested = String(client.hosts.get(info.queriedHost)?.hostId)
      line.answered = String(rows[0].host_id)
    } catch (error) {
      line.error = `${error.name}: ${error.message}`
    }
    console.log(JSON.stringify(line))
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  await client.shutdown()
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error)
    process.exit(1)
  },
)
