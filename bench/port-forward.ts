/**
 * Our tunnel beside `kubectl port-forward`, in one run, to the same server in a pod: throughput both ways, latency of a small echo,
 * connections per second, memory. Alone: `node bench/port-forward.ts` with KUBECONFIG set to a cluster that has the lab's Cassandra image.
 */
import type { Row } from './rounds.ts'
import { fileURLToPath } from 'node:url'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { bundleEntries } from '../build/bundle.ts'

const NAMESPACE = 'cass-sni-bench'
const POD = 'sink'
const PORT = 7000
const IMAGE = 'docker.io/lab/cassandra:5.0.6'
const MEGABYTES = 128
const ROUNDS = 3
const ECHOES = 1500
const ECHO_BYTES = 200
const CONNECTIONS = 200
const AT_ONCE = 8

const run = promisify(execFile)

/** Runs the comparison. Makes a namespace of its own and deletes it again. */
export async function benchPortForward(log: (line: string) => void = () => {}): Promise<Row[]> {
  const started: ChildProcess[] = []
  try {
    log('starting the server pod')
    await raiseServer()
    const ours = await forwarder(process.execPath, [await bundled(), NAMESPACE, POD, String(PORT)], started)
    const theirs = await forwarder('kubectl', ['port-forward', '-n', NAMESPACE, `pod/${POD}`, `:${PORT}`], started)
    const both = { ours, theirs }
    // The first connection of each pays for what is loaded once.
    for (const { port } of Object.values(both)) await echo(port, 20)
    const rows: Row[] = []
    const compare = async (
      name: string,
      unit: string,
      better: Row['better'],
      measure: (port: number) => Promise<number>,
    ) => {
      const figures: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] }
      // By turns, so that a slow moment of the machine hits both.
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const side of ['ours', 'theirs'] as const) figures[side].push(await measure(both[side].port))
      }
      rows.push(row(name, unit, better, median(figures.ours), median(figures.theirs)))
      log(formatRow(rows.at(-1) as Row))
    }
    await compare('down', 'MB/s', 'higher', (port) => throughput(port, 'D'))
    await compare('up', 'MB/s', 'higher', (port) => throughput(port, 'U'))
    const echoes = { ours: [] as number[], theirs: [] as number[] }
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const side of ['ours', 'theirs'] as const) echoes[side].push(...(await echo(both[side].port, ECHOES)))
    }
    for (const share of [0.5, 0.99])
      rows.push(
        row(
          `echo of ${ECHO_BYTES} bytes, p${share * 100}`,
          'ms',
          'lower',
          quantile(echoes.ours, share),
          quantile(echoes.theirs, share),
        ),
      )
    await compare('connections', '1/s', 'higher', connectionsPerSecond)
    rows.push(row('memory, peak', 'MB', 'lower', await peakMemory(ours.process), await peakMemory(theirs.process)))
    return rows
  } finally {
    for (const child of started) child.kill('SIGINT')
    await run('kubectl', ['delete', 'namespace', NAMESPACE, '--wait=false', '--ignore-not-found'])
  }
}

const row = (name: string, unit: string, better: Row['better'], ours: number, theirs: number): Row => ({
  name,
  ours,
  theirs,
  unit,
  ratio: ours / theirs,
  better,
})

export function formatRow({ name, ours, theirs, unit, ratio, better }: Row): string {
  const figure = (value: number) => value.toFixed(value < 10 ? 2 : 0).padStart(7)
  return `${name.padEnd(26)} ours ${figure(ours)}  kubectl ${figure(theirs)} ${unit.padEnd(5)} ratio ${ratio.toFixed(2)} (${better} is better)`
}

/** A Java program of one file, which the image's own java compiles: 'E' echoes, 'U' takes so many bytes and confirms, 'D' sends so many. */
const SERVER = `
import java.io.*; import java.net.*;
public class Server {
  public static void main(String[] args) throws Exception {
    try (ServerSocket server = new ServerSocket(${PORT}, 512)) {
      while (true) { Socket socket = server.accept(); socket.setTcpNoDelay(true); Thread thread = new Thread(() -> serve(socket)); thread.setDaemon(true); thread.start(); }
    }
  }
  static void serve(Socket socket) {
    try (socket; DataInputStream in = new DataInputStream(socket.getInputStream()); OutputStream out = socket.getOutputStream()) {
      byte[] buffer = new byte[131072];
      int what = in.read();
      if (what == 'E') { int n; while ((n = in.read(buffer)) > 0) out.write(buffer, 0, n); return; }
      long rest = in.readLong();
      if (what == 'U') { while (rest > 0) { int n = in.read(buffer, 0, (int) Math.min(buffer.length, rest)); if (n < 0) return; rest -= n; } out.write('k'); out.flush(); in.read(); }
      else { while (rest > 0) { int n = (int) Math.min(buffer.length, rest); out.write(buffer, 0, n); rest -= n; } in.read(); }
    } catch (IOException gone) { /* the client went away */ }
  }
}
`

async function raiseServer(): Promise<void> {
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'server', namespace: NAMESPACE },
      data: { 'Server.java': SERVER },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: POD, namespace: NAMESPACE },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: 'server',
            image: IMAGE,
            imagePullPolicy: 'IfNotPresent',
            command: ['java', '-Xmx64m', '/server/Server.java'],
            readinessProbe: { tcpSocket: { port: PORT }, periodSeconds: 1 },
            volumeMounts: [{ name: 'server', mountPath: '/server' }],
          },
        ],
        volumes: [{ name: 'server', configMap: { name: 'server' } }],
      },
    },
  ]
  const apply = spawn('kubectl', ['apply', '--server-side', '-f', '-'], { stdio: ['pipe', 'ignore', 'inherit'] })
  apply.stdin.end(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }))
  const [code] = await once(apply, 'exit')
  if (code !== 0) throw new Error('the server pod could not be made')
  await run('kubectl', ['wait', '-n', NAMESPACE, `pod/${POD}`, '--for=condition=Ready', '--timeout=120s'])
}

/** Our side as users run it: one bundle, no types to strip. */
async function bundled(): Promise<string> {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const out = join(root, 'node_modules/.cache/bench')
  await bundleEntries(root, out, { entryPoints: ['bench/tunnel-process.ts'], outbase: 'bench' })
  return join(out, 'tunnel-process.js')
}

/** Starts a program that prints "Forwarding from 127.0.0.1:PORT -> …" when it listens. */
async function forwarder(
  command: string,
  args: string[],
  started: ChildProcess[],
): Promise<{ port: number; process: ChildProcess }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  started.push(child)
  for await (const line of createInterface(child.stdout)) {
    const port = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line)?.[1]
    if (port === undefined) continue
    // kubectl tells of each connection: nobody reads on, and a full pipe would stop it.
    child.stdout.resume()
    return { port: Number(port), process: child }
  }
  throw new Error(`${command} ended before it listened`)
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  return socket
}

function request(what: 'U' | 'D', bytes: number): Buffer {
  const header = Buffer.alloc(9)
  header.write(what)
  header.writeBigInt64BE(BigInt(bytes), 1)
  return header
}

/** Megabytes (10^6) per second, until the last byte has arrived. */
async function throughput(port: number, way: 'U' | 'D'): Promise<number> {
  const bytes = MEGABYTES * 1_000_000
  const socket = await dial(port)
  const start = performance.now()
  socket.write(request(way, bytes))
  let received = 0
  const arrived = new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the connection broke')))
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length
      if (received >= (way === 'D' ? bytes : 1)) resolve()
    })
  })
  if (way === 'U') {
    const chunk = Buffer.alloc(64 * 1024)
    for (let rest = bytes; rest > 0; rest -= chunk.length) {
      if (!socket.write(rest < chunk.length ? chunk.subarray(0, rest) : chunk)) await once(socket, 'drain')
    }
  }
  await arrived
  const seconds = (performance.now() - start) / 1000
  socket.destroy()
  return MEGABYTES / seconds
}

/** Milliseconds of each round trip on one connection. */
async function echo(port: number, times: number): Promise<number[]> {
  const socket = await dial(port)
  socket.write('E')
  const message = Buffer.alloc(ECHO_BYTES, 'x')
  const took: number[] = []
  for (let time = 0; time < times; time += 1) {
    const start = performance.now()
    socket.write(message)
    for (let rest = ECHO_BYTES; rest > 0; ) rest -= ((await once(socket, 'data')) as [Buffer])[0].length
    took.push(performance.now() - start)
  }
  socket.destroy()
  return took
}

/** Connections that are opened, echo one byte and are closed, eight at once. */
async function connectionsPerSecond(port: number): Promise<number> {
  let rest = CONNECTIONS
  const start = performance.now()
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (rest > 0) {
        rest -= 1
        const socket = await dial(port)
        socket.write('Ex')
        await once(socket, 'data')
        socket.destroy()
      }
    }),
  )
  return CONNECTIONS / ((performance.now() - start) / 1000)
}

/** Peak resident memory in MB (10^6). */
async function peakMemory(child: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
  return (Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024) / 1_000_000
}

const quantile = (values: number[], share: number) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN
const median = (values: number[]) => quantile(values, 0.5)

if (process.argv[1] !== undefined && import.meta.filename === process.argv[1]) {
  for (const each of await benchPortForward((line) => console.error(line))) console.log(formatRow(each))
}
