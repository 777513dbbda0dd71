/** DNS names from user input. Pure. */

/** Whether a lower-case text is a DNS name; a first label of * is a wildcard. */
export function isDnsName(name: string): boolean {
  if (name.length > 253) return false
  const labels = name.split('.')
  if (labels[0] === '*' && labels.length > 2) labels.shift()
  // A last label of only digits is a mistyped IP address.
  return (
    labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '')
  )
}
