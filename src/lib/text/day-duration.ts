/** Durations of days, as certificates have them. Pure. */

const HOUR = 3_600_000
const UNIT_MS: Record<string, number> = { d: 24 * HOUR, h: HOUR, m: 60_000 }

/** Parses "30d", "720h", "1d12h" or "30" (days) into milliseconds; undefined if the text is invalid or zero. */
export function parseDayDuration(text: string): number | undefined {
  const input = text.trim().toLowerCase()
  if (!/^(\d+|(\d+d)?(\d+h)?(\d+m)?)$/.test(input) || input === '') return undefined
  const parts = [...input.matchAll(/(\d+)([dhm]?)/g)]
  const ms = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNIT_MS[unit || 'd'] ?? 0), 0)
  return ms > 0 && Number.isSafeInteger(ms) ? ms : undefined
}

/** Returns the text that `parseDayDuration` reads: "30d", "1d12h". Whole minutes. */
export function dayDurationText(ms: number): string {
  let rest = ms
  const parts = Object.entries(UNIT_MS).flatMap(([unit, size]) => {
    const amount = Math.floor(rest / size)
    rest -= amount * size
    return amount > 0 ? [`${amount}${unit}`] : []
  })
  return parts.join('')
}
