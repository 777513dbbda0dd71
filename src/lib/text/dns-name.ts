/** Names of DNS as users write them: pure. */

/** Whether a lower-case text is a name of DNS; a first label of * is taken for a wildcard. */
export function isDnsName(name: string): boolean {
  if (name.length > 253) return false
  const labels = name.split('.')
  if (labels[0] === '*' && labels.length > 2) labels.shift()
  // A last label of digits only is a mistyped address.
  return (
    labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '')
  )
}
