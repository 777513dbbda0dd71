/** The same as churn.py with the Node.js driver: churn.cjs ADDRESS PORT CA HOST_ID... */
const { readFileSync } = require('node:fs')
const { Client, policies, types } = require('cassandra-driver')

const [address, port, ca, ...hostIds] = process.argv.slice(2)
let ended = false
const tell = (host, event, error) =>
  console.log(JSON.stringify({ at: Date.now() / 1000, host, event, error: error ?? null }))

async function main(login) {
  const client = new Client({
    contactPoints: ['unused'],
    localDataCenter: 'dc1',
    credentials: login,
    sslOptions: { ca: [readFileSync(ca)], rejectUnauthorized: true },
    policies: { reconnection: new policies.reconnection.ConstantReconnectionPolicy(1000) },
    socketOptions: { readTimeout: 5000 },
    queryOptions: { consistency: types.consistencies.localQuorum },
  })
  // the driver has no public option for SNI
  client.options.sni = { address: `${address}:${port}` }
  client.options.contactPoints = hostIds
  await client.connect()
  const answering = new Set()
  const statements = {}
  for (let number = 0; !ended; ) {
    for (const host of client.hosts.values()) {
      const hostId = String(host.hostId)
      if (!host.isUp()) {
        answering.delete(hostId)
        continue
      }
      try {
        number++
        await client.execute(`INSERT INTO churn.node (id, v) VALUES (${number}, 'x')`, [], { host })
        const { rows } = await client.execute('SELECT host_id FROM system.local', [], { host })
        const answer = String(rows[0].host_id)
        statements[hostId] = (statements[hostId] ?? 0) + 2
        if (answer !== hostId) tell(hostId, 'wrong', answer)
        else if (!answering.has(hostId)) {
          answering.add(hostId)
          tell(hostId, 'answered')
        }
      } catch (error) {
        // each is reported and judged by the test
        answering.delete(hostId)
        tell(hostId, 'failed', `${error.name}: ${error.message}`)
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  console.log(JSON.stringify({ statements }))
  await client.shutdown()
}

let input = ''
let started = false
process.stdin.setEncoding('utf8')
process.stdin.on('data', (text) => {
  input += text
  const [line, rest] = input.split('\n', 2)
  if (started || rest === undefined) return
  started = true
  main(JSON.parse(line)).then(
    () => process.exit(0),
    (error) => {
      console.error(error)
      process.exit(1)
    },
  )
})
process.stdin.on('end', () => {
  ended = true
})
