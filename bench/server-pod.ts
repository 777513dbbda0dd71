/** The server that the tunnels are measured with: a pod of the lab's Cassandra image, in a separate namespace. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'

export const SERVER = { namespace: 'cass-sni-bench', pod: 'sink', port: 7000 } as const
const IMAGE = 'docker.io/lab/cassandra:5.0.6'
const LIMIT = 150_000

const run = promisify(execFile)

/** A Java program, compiled by the image's Java: 'E' echoes; 'U' receives N bytes and confirms; 'D' sends N bytes. */
const PROGRAM = `
import java.io.*; import java.net.*;
public class Server {
  public static void main(String[] args) throws Exception {
    try (ServerSocket server = new ServerSocket(${SERVER.port}, 512)) {
      while (true) { Socket socket = server.accept(); socket.setTcpNoDelay(true); Thread thread = new Thread(() -> serve(socket)); thread.setDaemon(true); thread.start(); }
    }
  }
  static void serve(Socket socket) {
    try (socket; DataInputStream in = new DataInputStream(socket.getInputStream()); OutputStream out = socket.getOutputStream()) {
      int what = in.read();
      byte[] buffer = new byte[what == 'E' ? 16384 : 131072];
      if (what == 'E') { int n; while ((n = in.read(buffer)) > 0) out.write(buffer, 0, n); return; }
      long rest = in.readLong();
      if (what == 'U') { while (rest > 0) { int n = in.read(buffer, 0, (int) Math.min(buffer.length, rest)); if (n < 0) return; rest -= n; } out.write('k'); out.flush(); in.read(); }
      else { while (rest > 0) { int n = (int) Math.min(buffer.length, rest); out.write(buffer, 0, n); rest -= n; } in.read(); }
    } catch (IOException gone) { /* the client disconnected */ }
  }
}
`

/** Creates the namespace and the pod, and waits until it is ready. */
export async function startServer(): Promise<void> {
  const { namespace, pod, port } = SERVER
  // left over from an earlier run
  await run('kubectl', ['delete', 'namespace', namespace, '--ignore-not-found'], { timeout: LIMIT })
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'server', namespace }, data: { 'Server.java': PROGRAM } },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: pod, namespace },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: 'server',
            image: IMAGE,
            imagePullPolicy: 'IfNotPresent',
            command: ['java', '-Xmx128m', '/server/Server.java'],
            readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
            volumeMounts: [{ name: 'server', mountPath: '/server' }],
          },
        ],
        volumes: [{ name: 'server', configMap: { name: 'server' } }],
      },
    },
  ]
  const apply = spawn('kubectl', ['apply', '--server-side', '-f', '-'], { stdio: ['pipe', 'ignore', 'inherit'] })
  apply.stdin.end(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }))
  const [code] = await once(apply, 'exit', { signal: AbortSignal.timeout(LIMIT) })
  if (code !== 0) throw new Error('the server pod could not be made')
  const ready = ['wait', '-n', namespace, `pod/${pod}`, '--for=condition=Ready', '--timeout=120s']
  await run('kubectl', ready, { timeout: LIMIT })
}

export async function removeServer(): Promise<void> {
  const deletion = ['delete', 'namespace', SERVER.namespace, '--wait=false', '--ignore-not-found']
  await run('kubectl', deletion, { timeout: LIMIT })
}
