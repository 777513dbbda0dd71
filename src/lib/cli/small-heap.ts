/** Memory of a program through which data streams. */
import { setFlagsFromString } from 'node:v8'

/** A command that takes longer than this may stream data. */
const LATER_MS = 400

/**
 * Keeps V8 from growing its heap far beyond what is in use, from now on: rows that were just written are garbage, which
 * V8 otherwise collects only after a hundred megabytes of it. It costs up to a quarter more CPU time.
 */
export function keepHeapSmall(): void {
  // The young generation keeps its size, 2 MB early in a command; the old one is collected after growing by a fifth.
  setFlagsFromString('--semi-space-growth-factor=1')
  setFlagsFromString('--heap-growing-percent=20')
}

/**
 * Keeps the heap small if the command takes longer than a short statement does. `release` sets V8's defaults again,
 * with which compiled code must be saved (bin/code-cache.js): V8 accepts it only with the same flags.
 */
export function keepHeapSmallLater(): { release(): void } {
  const timer = setTimeout(keepHeapSmall, LATER_MS).unref()
  return {
    release: () => {
      clearTimeout(timer)
      setFlagsFromString('--semi-space-growth-factor=2')
      setFlagsFromString('--heap-growing-percent=0')
    },
  }
}
