/** Returns the value at a path in an object of unknown shape, or undefined. */
export function valueAt(object: unknown, path: string[]): unknown {
  let value = object
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}
