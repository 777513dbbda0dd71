/** Numbers of things in sentences: pure. */

/** "1 node", "3 nodes". */
export function counted(count: number | string, thing: string): string {
  return `${count} ${thing}${Number(count) === 1 ? '' : 's'}`
}
