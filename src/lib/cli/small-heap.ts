/** Memory of a program through which data streams, or that reads many objects. */
import { setFlagsFromString } from 'node:v8'

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
 * Does the work of a command, and keeps the heap small after this time, in ms. At the end V8's defaults apply again,
 * with which compiled code must be saved (bin/code-cache.js): V8 accepts it only with the same flags.
 */
export async function inSmallHeap<T>(afterMs: number, work: () => Promise<T>): Promise<T> {
  const timer = setTimeout(keepHeapSmall, afterMs).unref()
  try {
    return await work()
  } finally {
    clearTimeout(timer)
    setFlagsFromString('--semi-space-growth-factor=2')
    setFlagsFromString('--heap-growing-percent=0')
  }
}
