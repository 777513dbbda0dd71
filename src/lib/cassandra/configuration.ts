/** Reads a CassandraDatacenter's configuration, which is free-form JSON of unknown shape. */

/** Returns section `cassandra-yaml` of `spec.config` or of a config Secret's text; undefined if absent. */
export function cassandraYaml(config: unknown): unknown {
  return field(parsed(config), 'cassandra-yaml')
}

/** Returns section `dse-yaml`, in the same way. */
export function dseYaml(config: unknown): unknown {
  return field(parsed(config), 'dse-yaml')
}

/** Returns the value of an object's own key; undefined for anything else. */
export function field(from: unknown, name: string): unknown {
  return typeof from === 'object' && from !== null && Object.hasOwn(from, name)
    ? (from as Record<string, unknown>)[name]
    : undefined
}

/** Returns whether the value is true or the text "true". */
export function truth(value: unknown): boolean {
  return value === true || (typeof value === 'string' && value.trim().toLowerCase() === 'true')
}

/** The API server preserves `spec.config` as written: an object, or its JSON as a string. */
function parsed(config: unknown): unknown {
  if (typeof config !== 'string') return config
  try {
    return JSON.parse(config)
  } catch {
    // cass-operator refuses such a configuration, so it has no settings.
    return undefined
  }
}
