/** Memory of buffers that data has passed through. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Bytes after which unused buffers are collected. V8 starts a collection after so many objects, whatever the size of
 * their buffers, or 64 MB of those (kExternalAllocationSoftLimit in v8 include/v8-internal.h). Measured with 768 MB
 * through a tunnel: 96 instead of 150 MB at the peak, and no more CPU time.
 */
const COLLECTED_BYTES = 8_000_000

let passed = 0
let collect: ((options: { type: 'minor' }) => void) | undefined

/** Counts bytes whose buffers are not used anymore, and collects them from time to time. */
export function bytesPassed(bytes: number): void {
  passed += bytes
  if (passed < COLLECTED_BYTES) return
  passed = 0
  collect ??= exposedCollection()
  collect({ type: 'minor' })
}

/** The flag is reset because compiled code is saved and accepted with the same flags only (bin/code-cache.js). */
function exposedCollection(): (options: { type: 'minor' }) => void {
  setFlagsFromString('--expose-gc')
  try {
    return runInNewContext('gc') as (options: { type: 'minor' }) => void
  } finally {
    setFlagsFromString('--no-expose-gc')
  }
}
