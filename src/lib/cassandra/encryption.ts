/** The TLS settings in a CassandraDatacenter's configuration. */
import type { EncryptionOptions } from './datacenter.ts'

/**
 * client_encryption_options and server_encryption_options out of `spec.config` (or out of a config Secret's text),
 * which is free-form JSON.
 */
export function encryptionFrom(config: unknown): {
  client: EncryptionOptions
  server: EncryptionOptions
} {
  const yaml = field(parsed(config), 'cassandra-yaml')
  const client = field(yaml, 'client_encryption_options')
  const server = field(yaml, 'server_encryption_options')
  const between = field(server, 'internode_encryption')
  return {
    client: options(client, truth(field(client, 'enabled'))),
    // cassandra.yaml: none, all, dc, rack; absent is none.
    server: options(server, typeof between === 'string' && between !== 'none' && between !== ''),
  }
}

function options(from: unknown, enabled: boolean): EncryptionOptions {
  const keystore = field(from, 'keystore')
  const password = field(from, 'keystore_password')
  const clientAuth = field(from, 'require_client_auth')
  return {
    enabled,
    optional: truth(field(from, 'optional')),
    requireClientAuth: truth(clientAuth),
    ...(typeof keystore === 'string' ? { keystorePath: keystore.trim() } : {}),
    // A password of digits may stand in the object as a number.
    ...(typeof password === 'string' || typeof password === 'number' ? { keystorePassword: String(password) } : {}),
  }
}

function field(from: unknown, name: string): unknown {
  return typeof from === 'object' && from !== null && Object.hasOwn(from, name)
    ? (from as Record<string, unknown>)[name]
    : undefined
}

function truth(value: unknown): boolean {
  return value === true || (typeof value === 'string' && value.trim().toLowerCase() === 'true')
}

/** The API server keeps `spec.config` as it was written: an object, or the JSON of one as a string. */
function parsed(config: unknown): unknown {
  if (typeof config !== 'string') return config
  try {
    return JSON.parse(config)
  } catch {
    // The operator refuses such a configuration; there are no TLS settings in it.
    return undefined
  }
}
