/** A DNS server on a loopback address, and programs that use it: the lab has no public names. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface NameServer {
  /** Returns the command line that runs a program with this server as its only one. */
  using(command: readonly string[]): string[]
  close(): Promise<void>
}

const RECURSION_AND_RESPONSE = 0x8180
const NO_SUCH_NAME = 3
const A = 1

/** Starts a server that has these names only, with their IPv4 addresses. Listens on port 53, as resolvers expect. */
export async function nameServer(
  names: Readonly<Record<string, string>>,
  address = '127.0.0.153',
): Promise<NameServer> {
  const socket = createSocket('udp4')
  socket.on('message', (query, from) => socket.send(answer(query, names), from.port, from.address))
  socket.bind(53, address)
  await once(socket, 'listening')
  const directory = await mkdtemp(join(tmpdir(), 'cass-sni-names-'))
  const resolver = join(directory, 'resolv.conf')
  await writeFile(resolver, `nameserver ${address}\n`)
  return {
    using: (command) => [
      ...['unshare', '--mount', 'sh', '-c', 'mount --bind "$0" /etc/resolv.conf && exec "$@"', resolver],
      ...command,
    ],
    close: async () => {
      socket.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** RFC 1035, section 4: a header of 12 bytes, the question, and for a known name its address. */
function answer(query: Buffer, names: Readonly<Record<string, string>>): Buffer {
  let end = 12
  const labels: string[] = []
  for (let length = query[end] ?? 0; length > 0; length = query[end] ?? 0) {
    labels.push(query.toString('latin1', end + 1, end + 1 + length))
    end += 1 + length
  }
  const type = query.readUInt16BE(end + 1)
  const known = names[labels.join('.').toLowerCase()]
  const header = Buffer.alloc(12)
  query.copy(header, 0, 0, 2)
  header.writeUInt16BE(RECURSION_AND_RESPONSE | (known === undefined ? NO_SUCH_NAME : 0), 2)
  header.writeUInt16BE(1, 4)
  const records = known !== undefined && type === A ? [known] : []
  header.writeUInt16BE(records.length, 6)
  // a pointer to the name in the question, class IN, one second, four bytes
  const bodies = records.map((each) =>
    Buffer.from([0xc0, 12, 0, A, 0, 1, 0, 0, 0, 1, 0, 4, ...each.split('.').map(Number)]),
  )
  return Buffer.concat([header, query.subarray(12, end + 5), ...bodies])
}
