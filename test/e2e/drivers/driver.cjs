// Asks each node which node it is, once for each kind of name: driver.cjs ADDRESS PORT CA KIND/HOST_ID/NAME... (login as
// JSON on stdin). SNI is the host ID; the certificate must be valid for the name.
const { readFileSync } = require('node:fs')
const tls = require('node:tls')
const { Client } = require('cassandra-driver')

async function ask(kind, names, [address, port, ca], credentials) {
  const client = new Client({
    contactPoints: ['unused'],
    localDataCenter: 'dc1',
    credentials,
    sslOptions: {
      ca: [readFileSync(ca)],
      rejectUnauthorized: true,
      checkServerIdentity: (hostId, certificate) => tls.checkServerIdentity(names[hostId], certificate),
    },
  })
  client.options.sni = { address: `${address}:${port}` }
  client.options.contactPoints = Object.keys(names)
  try {
    await client.connect()
    const answers = []
    for (const host of client.hosts.values()) {
      const { rows } = await client.execute('SELECT host_id FROM system.local', [], { host })
      answers.push({ kind, asked: String(host.hostId), answered: String(rows[0].host_id) })
    }
    return answers
  } catch (error) {
    return [
      {
        kind,
        error: Object.values(error.innerErrors ?? { error })
          .map((each) => each.message)
          .join('; '),
      },
    ]
  } finally {
    await client.shutdown()
  }
}

async function main() {
  const words = process.argv.slice(2)
  const credentials = JSON.parse(readFileSync(0, 'utf8'))
  const kinds = {}
  for (const word of words.slice(3)) {
    const [kind, hostId, name] = word.split('/')
    kinds[kind] = { ...kinds[kind], [hostId]: name }
  }
  const answers = []
  for (const [kind, names] of Object.entries(kinds)) answers.push(...(await ask(kind, names, words, credentials)))
  console.log(JSON.stringify(answers))
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
