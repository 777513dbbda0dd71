import assert from 'node:assert/strict'
import { connect, type TLSSocket } from 'node:tls'
import cassandra from 'cassandra-driver'
import { CQLSH_COMMAND, CQLSH_ENVIRONMENT, installCqlsh } from '../support/apache-cqlsh.ts'
import { kubectl, NAMESPACE, object, plugin, startPlugin, until } from '../support/lab.ts'

/** The host id of a node, and the authority to check it with. */
async function nodeZero(): Promise<{ hostId: string; ca: string }> {
  const datacenter = await object<{ status: { nodeStatuses: Record<string, { hostID: string }> } }>(
    'cassandradatacenter',
    'dc1',
  )
  const ca = await plugin(['certs', 'ca', '-n', NAMESPACE])
  return { hostId: datacenter?.status.nodeStatuses['dse-dc1-default-sts-0']?.hostID ?? '', ca: ca.stdout }
}

/** CQL's OPTIONS request, protocol version 4 (apache/cassandra doc/native_protocol_v4.spec); the answer is SUPPORTED, opcode 6. */
const OPTIONS = Buffer.from([4, 0, 0, 0, 5, 0, 0, 0, 0])

async function askOptions(
  port: number,
  servername: string,
  ca: string,
): Promise<{ socket: TLSSocket; opcode: number }> {
  const socket = connect({ port, host: '127.0.0.1', servername, ca })
  const opcode = await new Promise<number>((done, fail) => {
    socket.setTimeout(10_000, () => fail(new Error('no answer within 10 s')))
    socket.on('error', fail).on('close', () => fail(new Error('closed')))
    socket.on('secureConnect', () => socket.write(OPTIONS)).once('data', (data) => done(data[4] ?? -1))
  })
  return { socket, opcode }
}

/** Counts the frames that come: each has a header of nine bytes with the length of its body at the end. */
function countAnswers(socket: TLSSocket): () => number {
  let count = 0
  let rest = Buffer.alloc(0)
  socket.on('data', (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes])
    for (let size = 0; rest.length >= 9; rest = rest.subarray(size)) {
      size = 9 + rest.readUInt32BE(5)
      if (rest.length < size) return
      count++
    }
  })
  return () => count
}

function portOf(text: string): number | undefined {
  const found = /127\.0\.0\.1:(\d+)/.exec(text)
  return found === null ? undefined : Number(found[1])
}

describe('port-forward', () => {
  it('leads to each node by SNI, and goes on when the gateway pod is replaced', async function () {
    this.timeout(120_000)
    const { hostId, ca } = await nodeZero()
    const forward = await startPlugin(['port-forward', '-n', NAMESPACE, '--port', '0'])
    try {
      const port = await until('a port is told', () => portOf(forward.stdout()), 20_000)
      const first = await askOptions(port, hostId, ca)
      assert.equal(first.opcode, 6)
      first.socket.destroy()
      await kubectl(['delete', 'pod', '-n', 'istio-system', '-l', 'istio=ingressgateway', '--wait=false'])
      const again = await until('the replaced gateway answers', () => askOptions(port, hostId, ca), 60_000, 500)
      assert.equal(again.opcode, 6)
      again.socket.destroy()
      forward.child.kill('SIGINT')
      assert.equal(await forward.ended, 130)
    } finally {
      forward.child.kill('SIGKILL')
    }
  })

  it('loses none of 300 quick connections, eight at a time', async function () {
    this.timeout(60_000)
    const { hostId, ca } = await nodeZero()
    const forward = await startPlugin(['port-forward', '-n', NAMESPACE, '--port', '0'])
    try {
      const port = await until('a port is told', () => portOf(forward.stdout()), 20_000)
      let left = 300
      const opcodes: number[] = []
      const client = async () => {
        for (; left > 0; left -= 1) {
          const { socket, opcode } = await askOptions(port, hostId, ca)
          opcodes.push(opcode)
          socket.destroy()
        }
      }
      await Promise.all(Array.from({ length: 8 }, client))
      assert.ok(opcodes.length >= 300)
      assert.ok(opcodes.every((opcode) => opcode === 6))
      assert.doesNotMatch(forward.stderr(), /connection \d+/)
    } finally {
      forward.child.kill('SIGINT')
      await forward.ended
    }
  })

  it('carries 200 idle connections and a reader that is slow, and ends at once with all of them open', async function () {
    this.timeout(180_000)
    const { hostId, ca } = await nodeZero()
    const forward = await startPlugin(['port-forward', '-n', NAMESPACE, '--port', '0'])
    const sockets: TLSSocket[] = []
    try {
      const port = await until('a port is told', () => portOf(forward.stdout()), 20_000)
      while (sockets.length < 200) {
        const more = await Promise.all(Array.from({ length: 20 }, () => askOptions(port, hostId, ca)))
        for (const { socket, opcode } of more) {
          assert.equal(opcode, 6)
          sockets.push(socket)
        }
      }
      // each answer has some 100 bytes: what is not read fills every buffer on the way
      const slow = sockets[0] as TLSSocket
      slow.pause()
      const questions = 20_000
      for (let asked = 0; asked < questions; asked += 100) slow.write(Buffer.concat(Array(100).fill(OPTIONS)))
      const other = await askOptions(port, hostId, ca)
      assert.equal(other.opcode, 6)
      sockets.push(other.socket)
      const answers = countAnswers(slow)
      slow.resume()
      await until('every answer has come', () => answers() === questions, 60_000)
      assert.ok(sockets.every((socket) => !socket.destroyed))
      const interrupted = Date.now()
      forward.child.kill('SIGINT')
      assert.equal(await forward.ended, 130)
      assert.ok(Date.now() - interrupted < 2000, `it took ${Date.now() - interrupted} ms to end`)
    } finally {
      forward.child.kill('SIGKILL')
      for (const socket of sockets) socket.destroy()
    }
  })

  it("--target node leads to a node's own pod, without the gateway", async function () {
    this.timeout(60_000)
    const { hostId, ca } = await nodeZero()
    const forward = await startPlugin([
      'port-forward',
      '-n',
      NAMESPACE,
      '--target',
      'node',
      '--node',
      '0',
      '--port',
      '0',
      '-o',
      'json',
    ])
    try {
      const port = await until('a port is told', () => /"port":\s*(\d+)/.exec(forward.stdout())?.[1], 20_000)
      const answer = await askOptions(Number(port), hostId, ca)
      assert.equal(answer.opcode, 6)
      answer.socket.destroy()
    } finally {
      forward.child.kill('SIGINT')
      assert.equal(await forward.ended, 130)
    }
  })

  it('says at once that the local port is taken', async function () {
    this.timeout(60_000)
    const forward = await startPlugin(['port-forward', '-n', NAMESPACE, '--port', '0'])
    try {
      const port = await until('a port is told', () => portOf(forward.stdout()), 20_000)
      const outcome = await plugin(['port-forward', '-n', NAMESPACE, '--port', String(port)])
      assert.equal(outcome.exitCode, 1)
      assert.match(outcome.stderr, new RegExp(`${port}.*CSNI106.*--port 0`, 's'))
    } finally {
      forward.child.kill('SIGINT')
      await forward.ended
    }
  })

  it("--sni any runs Apache's cqlsh, which knows neither TLS nor SNI here, and ends with its exit code", async function () {
    this.timeout(120_000)
    await installCqlsh()
    const { username, password } = await superuser()
    const sni = ['port-forward', '-n', NAMESPACE, '--sni', 'any', '--']
    const env = { ...CQLSH_ENVIRONMENT, CQLSH_USER: username, CQLSH_PASSWORD: password }
    const login = `-u "$CQLSH_USER" --password="$CQLSH_PASSWORD" "$CASSANDRA_HOST" "$CASSANDRA_PORT"`
    const cqlsh = (statement: string) => [...sni, 'sh', '-c', `${CQLSH_COMMAND.join(' ')} ${login} -e "${statement}"`]
    const read = await plugin(cqlsh('SELECT host_id FROM system.local'), { env })
    assert.equal(read.exitCode, 0, read.stderr)
    assert.match(read.stdout, /[0-9a-f]{8}-/)
    assert.equal((await plugin(cqlsh('SELECT nothing FROM system.local'), { env })).exitCode, 2)
    assert.equal((await plugin([...sni, 'sh', '-c', 'exit 7'])).exitCode, 7)
  })

  it('--sni all opens a verified port for each node, for drivers that translate addresses', async function () {
    this.timeout(60_000)
    const forward = await startPlugin(['port-forward', '-n', NAMESPACE, '--sni', 'all', '--port', '0', '-o', 'json'])
    try {
      const line = await until('the ports are told', () => /^\{.*\}$/m.exec(forward.stdout())?.[0], 20_000)
      const { result } = JSON.parse(line) as { result: { nodes: { address: string; port: number }[] } }
      const pods = ['get', 'pods', '-n', NAMESPACE, '-l', 'cassandra.datastax.com/datacenter=dc1', '-o']
      const addresses = (await kubectl([...pods, 'jsonpath={.items[*].status.podIP}'])).split(' ').sort()
      assert.deepEqual(result.nodes.map(({ address }) => address.replace(/:9042$/, '')).sort(), addresses)
      assert.deepEqual(await answeringNodes(result.nodes), addresses)
    } finally {
      forward.child.kill('SIGINT')
      assert.equal(await forward.ended, 130)
    }
  })
})

async function superuser(): Promise<{ username: string; password: string }> {
  const secret = await object<{ data: { username: string; password: string } }>('secret', 'dse-superuser')
  const plain = (text = '') => Buffer.from(text, 'base64').toString('utf8')
  return { username: plain(secret?.data.username), password: plain(secret?.data.password) }
}

/** Whether a driver that translates the nodes' addresses to local ports reaches each node, by the node's own word. */
async function answeringNodes(nodes: { address: string; port: number }[]): Promise<string[]> {
  const local = new Map(nodes.map(({ address, port }) => [address, `127.0.0.1:${port}`]))
  // a class, which the types of version 4.10 declare as an interface
  const { AddressTranslator } = cassandra.policies.addressResolution as unknown as {
    AddressTranslator: new () => object
  }
  class LocalPorts extends AddressTranslator {
    translate(address: string, port: number, done: (...endpoint: string[]) => void): void {
      done(local.get(`${address}:${port}`) ?? '')
    }
  }
  const { username, password } = await superuser()
  const client = new cassandra.Client({
    contactPoints: [...local.values()],
    localDataCenter: 'dc1',
    credentials: { username, password },
    policies: { addressResolution: new LocalPorts() as cassandra.policies.addressResolution.AddressTranslator },
  })
  try {
    await client.connect()
    const answers = client.hosts.values().map(async (host) => {
      const { rows } = await client.execute('SELECT broadcast_address FROM system.local', [], { host })
      return String(rows[0]?.['broadcast_address'])
    })
    return (await Promise.all(answers)).sort()
  } finally {
    await client.shutdown()
  }
}
