/** An error for the user, printed as one line; any other error is a bug, printed with its stack. */
export class LabError extends Error {
  override name = 'LabError'
}

const started = Date.now()
const seconds = (since: number) => `${((Date.now() - since) / 1000).toFixed(1)} s`

/** Prints a progress line to stderr: stdout is for results. */
export function say(line: string): void {
  process.stderr.write(`${`${((Date.now() - started) / 1000).toFixed(1)}s`.padStart(7)}  ${line}\n`)
}

/** Runs `work` and reports its start, its duration, and every 15 s that it is still running. */
export async function step<T>(title: string, work: () => Promise<T>): Promise<T> {
  const since = Date.now()
  say(`${title} ...`)
  const heartbeat = setInterval(() => say(`${title} ... ${seconds(since)}`), 15_000)
  try {
    const result = await work()
    say(`${title}: done in ${seconds(since)}`)
    return result
  } catch (error) {
    say(`${title}: failed after ${seconds(since)}`)
    throw error
  } finally {
    clearInterval(heartbeat)
  }
}

/** Polls `condition` until it is true; the error on timeout names `what`. */
export async function until(
  what: string,
  condition: () => Promise<boolean>,
  { timeout = 60_000, every = 200 }: { timeout?: number; every?: number } = {},
): Promise<void> {
  const deadline = Date.now() + timeout
  for (;;) {
    if (await condition()) return
    if (Date.now() > deadline)
      throw new LabError(`timed out after ${timeout / 1000}s: ${what}; see npm run lab -- logs`)
    await new Promise((wake) => setTimeout(wake, every))
  }
}
