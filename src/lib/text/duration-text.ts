/** Durations in messages. */

/** Returns a duration in milliseconds as text: "1.5s", or "10ms" below a second. */
export function durationText(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)}ms` : `${Math.round(ms / 100) / 10}s`
}
