/** Reading a CassandraDatacenter's configuration, which is free-form JSON: nothing in it can be relied on. */

/** The part `cassandra-yaml` of `spec.config`, or of a config Secret's text; undefined when there is none. */
export function cassandraYaml(config: unknown): unknown {
  return field(parsed(config), 'cassandra-yaml')
}

/** The part `dse-yaml`, in the same way. */
export function dseYaml(config: unknown): unknown {
  return field(parsed(config), 'dse-yaml')
}

/** The value of an object's own key; undefined for anything else. */
export function field(from: unknown, name: string): unknown {
  return typeof from === 'object' && from !== null && Object.hasOwn(from, name)
    ? (from as Record<string, unknown>)[name]
    : undefined
}

/** true, also as the text of it. */
export function truth(value: unknown): boolean {
  return value === true || (typeof value === 'string' && value.trim().toLowerCase() === 'true')
}

/** The API server keeps `spec.config` as it was written: an object, or the JSON of one as a string. */
function parsed(config: unknown): unknown {
  if (typeof config !== 'string') return config
  try {
    return JSON.parse(config)
  } catch {
    // The operator refuses such a configuration; there are no settings in it.
    return undefined
  }
}
