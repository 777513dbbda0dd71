/** Lists of names in messages. Pure. */

/** Returns the first names and the number of the others: "a, b, c and 2 more". */
export function listed(names: readonly string[], most = 3): string {
  const first = names.slice(0, most).join(', ')
  return names.length > most ? `${first} and ${names.length - most} more` : first
}
