// Reads and writes with a secure connect bundle, a round for each line on stdin: bundle.cjs BUNDLE KEYSPACE
// The first two lines are user and password. KEYSPACE_one has one replica, KEYSPACE_all has one on each of three nodes.
const { createInterface } = require('node:readline')
const { Client, types } = require('cassandra-driver')

async function main() {
  const [bundle, keyspace] = process.argv.slice(2)
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  const line = async () => (await lines.next()).value
  const credentials = { username: await line(), password: await line() }
  const client = new Client({ cloud: { secureConnectBundle: bundle }, credentials })
  await client.connect()
  while ((await line()) !== undefined) {
    const nodes = new Set()
    const errors = []
    let astray = 0
    for (let key = 0; key < 60; key++) {
      try {
        const consistency = types.consistencies.localQuorum
        const write = `INSERT INTO ${keyspace}_all.t (k, v) VALUES (?, ?)`
        await client.execute(write, [key, 'Node.js'], { prepare: true, consistency })
        const { info } = await client.execute(`SELECT v FROM ${keyspace}_one.t WHERE k = ?`, [key], { prepare: true })
        const token = Buffer.alloc(4)
        token.writeInt32BE(key)
        const replicas = client.getReplicas(`${keyspace}_one`, token).map(({ address }) => address)
        nodes.add(String(client.hosts.get(info.queriedHost).hostId))
        if (!replicas.includes(info.queriedHost)) astray++
      } catch (error) {
        errors.push(String(error).slice(0, 300))
      }
    }
    console.log(JSON.stringify({ nodes: [...nodes].sort(), astray, errors }))
  }
  await client.shutdown()
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
