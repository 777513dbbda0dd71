/** Counts with nouns. Pure. */

/** Formats a count with its noun: "1 node", "3 nodes". */
export function counted(count: number | string, thing: string): string {
  return `${count} ${thing}${Number(count) === 1 ? '' : 's'}`
}
