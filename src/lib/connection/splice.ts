/** Joins two connections. Two of Node's pipelines do the same with twice the CPU time for a short connection. */
import type { Duplex } from 'node:stream'

export interface SpliceFailure {
  stream: Duplex
  /** Without an error, the stream was closed before the other one had ended. */
  error?: Error | undefined
}

/**
 * Passes what each stream receives on to the other, with backpressure. An end becomes a half-close of the other one, a
 * failure closes both. `done` is called once both are closed, with the first failure. Neither may be destroyed yet.
 */
export function splice(one: Duplex, other: Duplex, done: (failure?: SpliceFailure) => void): void {
  let failure: SpliceFailure | undefined
  let open = 2
  const pass = (from: Duplex, to: Duplex): void => {
    let isCorked = false
    const flush = (): void => {
      isCorked = false
      to.uncork()
    }
    from.on('data', (chunk: Buffer) => {
      // a stream that has closed its side accepts no more data
      if (!to.writable) return
      // what arrives together is written together: TLS delivers 16 KB at a time
      if (!isCorked) {
        isCorked = true
        to.cork()
        setImmediate(flush)
      }
      if (!to.write(chunk)) from.pause()
    })
    to.on('drain', () => from.resume())
    from.on('end', () => to.end())
    from.on('error', (error) => {
      failure ??= { stream: from, error }
    })
    from.on('close', () => {
      if (!to.destroyed && !to.readableEnded) failure ??= { stream: from }
      if (from.readableEnded && from.errored === null) closeAfterWrites(to)
      else to.destroy()
      open -= 1
      if (open === 0) done(failure)
    })
  }
  pass(one, other)
  pass(other, one)
}

/** Closes a stream whose end was requested once what was written before is sent; what it receives is dropped. */
function closeAfterWrites(stream: Duplex): void {
  if (stream.writableFinished) stream.destroy()
  else stream.once('finish', () => stream.destroy()).resume()
}
