/** Ends the process after its output is written, even if something still blocks. */
import { EXIT } from '../errors.ts'

/** Time for a reader of the output to consume it after an interruption or a time limit. */
const FLUSH_MS = 1000
const CUT_SHORT: readonly number[] = [EXIT.timeout, EXIT.interrupted, EXIT.terminated]

/** Ends the process with this exit code once stdout and stderr are flushed. */
export async function endProcess(exitCode: number): Promise<void> {
  const written = Promise.all([process.stdout, process.stderr].map(flushed))
  if (!CUT_SHORT.includes(exitCode)) await written
  else await Promise.race([written, new Promise((done) => setTimeout(done, FLUSH_MS))])
  endImmediately(exitCode)
}

/**
 * Ends the process without waiting. `process.exit` waits for libuv's threads (deps/uv/src/threadpool.c,
 * uv__threadpool_cleanup), and a thread in open(2) of a FIFO without a writer never returns. In that case the process
 * is replaced by another program that exits, or killed by a signal where Node has no execve (before 22.15).
 */
export function endImmediately(exitCode: number): void {
  if (process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'))) {
    // Neither of the two ways below runs the listeners that restore the terminal.
    process.emit('exit', exitCode)
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
