/**
 * Runs commands in containers over a WebSocket (k8s.io/apimachinery/pkg/util/remotecommand/constants.go: v4 and
 * v5.channel.k8s.io).
 */
import { CassSniError, command } from '../errors.ts'
import { durationText } from '../text/duration-text.ts'
import type { ExecResult } from './kube.ts'
import { statusOf } from './api-errors.ts'
import type { Transport } from './transport.ts'
import { openWebSocket } from './websocket-handshake.ts'

const STDIN = 0
const STDOUT = 1
const STDERR = 2
const STATUS = 3
/** v5 only: closes a channel. */
const CLOSE = 255

/** Output limit in bytes, far above what any of our commands prints. */
const LARGEST_OUTPUT = 32 * 1024 * 1024
const DEFAULT_TIMEOUT_MS = 60_000

/**
 * Returns the output and exit code of a command; a non-zero exit code is not an error. Throws CSNI203 without
 * permission, CSNI204 if the pod does not exist, CSNI209 if the command cannot be started or its exit status is lost.
 * `timeoutMs` (default 60,000) limits the wait; the command keeps running. API servers before 1.30 cannot signal the
 * end of input, so a command that reads stdin to the end never finishes there.
 */
export async function execInPod(
  transport: Transport,
  pod: { name: string; namespace: string },
  container: string,
  words: string[],
  options: { stdin?: string; timeoutMs?: number } = {},
): Promise<ExecResult> {
  const { POD } = await import('./resources.ts')
  const query = new URLSearchParams([
    ['container', container],
    ['stdout', 'true'],
    ['stderr', 'true'],
    ...words.map((word): [string, string] => ['command', word]),
  ])
  if (options.stdin !== undefined) query.set('stdin', 'true')
  const path = `/api/v1/namespaces/${encodeURIComponent(pod.namespace)}/pods/${encodeURIComponent(pod.name)}/exec`
  const failed = (why: string, cause?: unknown) =>
    new CassSniError('CSNI209', `cannot run ${words[0] ?? ''} in container ${container} of pod ${pod.name}: ${why}`, {
      object: `pod/${pod.name} in namespace ${pod.namespace}`,
      next: [command`kubectl describe pod ${pod.name} -n ${pod.namespace}`],
      cause,
    })
  const request = {
    verb: 'create',
    type: POD,
    name: pod.name,
    namespace: pod.namespace,
    subresource: 'exec',
  }
  const socket = await openWebSocket(transport, path, query, ['v5.channel.k8s.io', 'v4.channel.k8s.io'], request).catch(
    (error: unknown) => {
      const status = statusOf(error)
      // 400: the container does not exist or is not running; 5xx: the kubelet does not respond
      throw status === 400 || (status !== undefined && status >= 500)
        ? failed((error as Error).message.replace(/^.*?\): /, ''), (error as CassSniError).cause)
        : error
    },
  )
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  let size = 0
  const status: Buffer[] = []
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = options
  return await new Promise((resolve, reject) => {
    const abort = () => fail(transport.signal.reason)
    const timer = setTimeout(() => fail(failed(`timed out after ${durationText(timeoutMs)}`)), timeoutMs)
    transport.signal.addEventListener('abort', abort, { once: true })
    const finish = () => {
      clearTimeout(timer)
      transport.signal.removeEventListener('abort', abort)
    }
    const fail = (error: unknown) => {
      finish()
      reject(error)
      socket.terminate()
    }
    let channel = STATUS
    socket.attach({
      received: (part, first) => {
        if (first) channel = part[0] ?? STATUS
        const data = first ? part.subarray(1) : part
        size += data.length
        if (size > LARGEST_OUTPUT) fail(failed('output too large'))
        else if (channel === STDOUT) stdout.push(data)
        else if (channel === STDERR) stderr.push(data)
        else if (channel === STATUS) status.push(data)
      },
      failed: (why, cause) => fail(failed(why, cause)),
      closed: (why = 'connection closed before the command finished') => {
        finish()
        try {
          if (status.length === 0) throw new Error(why)
          resolve({
            stdout: Buffer.concat(stdout).toString('utf8'),
            stderr: Buffer.concat(stderr).toString('utf8'),
            exitCode: exitCodeOf(Buffer.concat(status).toString('utf8')),
          })
        } catch (error) {
          reject(failed((error as Error).message))
        }
      },
    })
    const send = (to: number, data: Buffer) => socket.send(Buffer.of(to), [data])
    if (options.stdin !== undefined) {
      send(STDIN, Buffer.from(options.stdin))
      // v4 cannot close stdin
      if (socket.protocol === 'v5.channel.k8s.io') send(CLOSE, Buffer.from([STDIN]))
    }
  })
}

/**
 * Parses the status channel and returns the exit code. Throws an Error with the server's message for any other failure.
 */
function exitCodeOf(text: string): number {
  const status = JSON.parse(text) as {
    status?: string
    reason?: string
    message?: string
    details?: { causes?: { reason?: string; message?: string }[] }
  }
  if (status.status === 'Success') return 0
  const code = status.details?.causes?.find((cause) => cause.reason === 'ExitCode')?.message
  if (status.reason === 'NonZeroExitCode' && code !== undefined) return Number(code)
  // containerd and runc wrap this part in a long message
  const notFound = /exec: "[^"]*": [^:]*(?:not found|permission denied|no such file)[^:]*/.exec(
    status.message ?? '',
  )?.[0]
  throw new Error(notFound ?? status.message ?? 'no reason given')
}
