/**
 * What a tunnel must survive: 500 concurrent connections with 10 GB through them, a reader of 1 GB that is slow, and a
 * gateway pod that is deleted five times. Standalone: `node bench/endurance.ts` with the lab's environment and a build;
 * `SCALE=0.01` for a short run.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { promisify } from 'node:util'
import { Forwarder } from './forwarder.ts'
import { bundled } from './port-forward.ts'
import type { Row } from './rounds.ts'
import { removeServer, SERVER, startServer } from './server-pod.ts'

const run = promisify(execFile)

const SCALE = Number(process.env['SCALE'] ?? 1)
const CONNECTIONS = 500
const ECHOED_BYTES = 5_000_000_000 * SCALE
const SLOW_BYTES = 1_000_000_000 * SCALE
const SLOW_MS = 10_000
const WARM_UP_BYTES = 100_000_000
const DELETIONS = 5
/** Unused WebSockets are closed after 30 s. */
const IDLE_MS = 35_000
/** Between attempts to connect while the gateway is replaced. */
const RETRY_MS = 50
const GATEWAY = { namespace: 'istio-system', selector: 'istio=ingressgateway' }

export async function benchEndurance(log: (line: string) => void = () => {}): Promise<Row[]> {
  log('starting the server pod')
  await startServer()
  const { namespace, pod, port } = SERVER
  const forwarder = new Forwarder([process.execPath, await bundled(), namespace, pod, String(port)])
  try {
    const local = await forwarder.port()
    const pid = forwarder.pid ?? 0
    // as in use: code is compiled, and the heap has its size
    await echo(local, WARM_UP_BYTES)
    log('slow reader')
    const growth = await slowReader(local, pid)
    const sockets = openSockets(pid)
    log(`${CONNECTIONS} connections`)
    const each = Math.ceil(ECHOED_BYTES / CONNECTIONS)
    const echoes = await Promise.allSettled(Array.from({ length: CONNECTIONS }, () => echo(local, each)))
    const broken = echoes.filter(({ status }) => status === 'rejected')
    for (const { reason } of broken.slice(0, 5) as PromiseRejectedResult[]) log(String(reason))
    await pause(IDLE_MS)
    const left = openSockets(pid) - sockets
    log('deleting the gateway pod')
    return [
      limited('slow reader of 1 GB, growth of memory', growth, 'MB', 4),
      limited(`${CONNECTIONS} concurrent connections, 10 GB, lost or with wrong bytes`, broken.length, 'count', 0),
      limited(`${CONNECTIONS} concurrent connections, sockets that stay open`, Math.max(0, left), 'count', 0),
      limited(
        `gateway pod deleted ${DELETIONS} times, longest until a connection through the next`,
        await deletions(log),
        's',
        2,
      ),
    ]
  } finally {
    forwarder.stop()
    await removeServer()
  }
}

function limited(name: string, value: number, unit: string, limit: number): Row {
  return { name: `tunnel, ${name}`, value, unit, better: 'lower', goal: { of: 'value', limit } }
}

/** Sends bytes and rejects unless exactly these come back. */
async function echo(port: number, bytes: number): Promise<void> {
  const pattern = randomBytes(64 * 1024)
  const socket = await connected(port)
  const reading = (async () => {
    let received = 0
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length; ) {
        const start = received % pattern.length
        const length = Math.min(chunk.length - at, pattern.length - start)
        if (pattern.compare(chunk, at, at + length, start, start + length) !== 0)
          throw new Error(`wrong bytes after ${received}`)
        at += length
        received += length
      }
      if (received >= bytes) break
    }
    if (received !== bytes) throw new Error(`${received} of ${bytes} bytes were received`)
  })()
  const writing = (async () => {
    socket.write('E')
    for (let sent = 0; sent < bytes; sent += pattern.length)
      if (!socket.write(pattern.subarray(0, Math.min(pattern.length, bytes - sent)))) await once(socket, 'drain')
  })()
  try {
    await Promise.all([reading, writing])
  } finally {
    socket.destroy()
  }
}

async function connected(port: number): Promise<Socket> {
  const socket = connectTcp(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.on('error', () => undefined)
  return socket
}

/** Returns by how many MB the process grows while a client does not read, then reads the rest. */
async function slowReader(port: number, pid: number): Promise<number> {
  const socket = await connected(port)
  socket.pause()
  const request = Buffer.alloc(9, 'D')
  request.writeBigInt64BE(BigInt(SLOW_BYTES), 1)
  const before = residentMegabytes(pid)
  socket.write(request)
  await pause(SLOW_MS)
  const growth = residentMegabytes(pid) - before
  let received = 0
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    received += chunk.length
    if (received >= SLOW_BYTES) break
  }
  if (received !== SLOW_BYTES) throw new Error(`${received} of ${SLOW_BYTES} bytes were received`)
  return Math.max(0, growth)
}

function residentMegabytes(pid: number): number {
  return (Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024) / 1_000_000
}

function openSockets(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

/** Returns the longest time, in seconds, from a replaced pod that is ready to a TLS handshake with a node through it. */
async function deletions(log: (line: string) => void): Promise<number> {
  const program = join(import.meta.dirname, '../bin/run.js')
  const command = [process.execPath, program, 'port-forward', '-n', 'cass-operator', '--port', '0']
  const forwarder = new Forwarder(command)
  const get = ['get', 'cassandradatacenter', 'dc1', '-n', 'cass-operator', '-o', 'jsonpath={.status.nodeStatuses}']
  const nodes = JSON.parse((await run('kubectl', get)).stdout) as Record<string, { hostID: string }>
  const servername = Object.values(nodes)[0]?.hostID ?? ''
  const pods = ['-n', GATEWAY.namespace, '-l', GATEWAY.selector]
  let longest = 0
  try {
    const port = await forwarder.port()
    await handshake(port, servername)
    for (let round = 0; round < DELETIONS; round += 1) {
      await run('kubectl', ['delete', 'pod', ...pods, '--wait=true'])
      // kubectl wait fails before the new pod exists
      await run('kubectl', ['rollout', 'status', 'deployment', ...pods, '--timeout=120s'])
      const ready = performance.now()
      while (!(await handshake(port, servername))) await pause(RETRY_MS)
      const seconds = (performance.now() - ready) / 1000
      log(`${seconds.toFixed(2)} s`)
      longest = Math.max(longest, seconds)
    }
  } finally {
    forwarder.stop()
  }
  return longest
}

/** Whether a node answers. Which certificate it has is not what is measured. */
async function handshake(port: number, servername: string): Promise<boolean> {
  const socket = connectTls({ port, host: '127.0.0.1', servername, rejectUnauthorized: false })
  try {
    await once(socket, 'secureConnect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

if (process.argv[1] === import.meta.filename) console.log(await benchEndurance((line) => console.error(line)))
