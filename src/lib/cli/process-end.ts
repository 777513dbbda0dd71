/** The end of the process: what was written has left it, and nothing that still hangs keeps it alive. */
import { EXIT } from '../errors.ts'

/** How long a reader of the output may take after an interruption or a time limit. */
const PATIENCE_MS = 1000
const CUT_SHORT: readonly number[] = [EXIT.timeout, EXIT.interrupted, EXIT.terminated]

/** Ends the process with this exit code, once stdout and stderr have taken what was written to them. */
export async function endProcess(exitCode: number): Promise<void> {
  const written = Promise.all([process.stdout, process.stderr].map(flushed))
  if (!CUT_SHORT.includes(exitCode)) await written
  else await Promise.race([written, new Promise((done) => setTimeout(done, PATIENCE_MS))])
  endAtOnce(exitCode)
}

/**
 * Ends the process without waiting for anything. `process.exit` waits for libuv's threads (deps/uv/src/threadpool.c,
 * uv__threadpool_cleanup), and a thread in open(2) of a FIFO that nobody writes never returns. In that case another
 * program takes over the process and exits; where Node has no execve (before 22.15), the signal that ends it.
 */
export function endAtOnce(exitCode: number): void {
  if (process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'))) {
    const { execve } = process as { execve?: (file: string, args: string[], env: Record<string, string>) => never }
    execve?.('/bin/sh', ['sh', '-c', `exit ${exitCode}`], {})
    for (const name of ['SIGINT', 'SIGTERM']) process.removeAllListeners(name)
    process.kill(process.pid, exitCode === EXIT.terminated ? 'SIGTERM' : 'SIGINT')
  }
  process.exit(exitCode)
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((done) => {
    if (stream.destroyed || stream.writableLength === 0) done()
    else stream.write('', () => done())
  })
}
