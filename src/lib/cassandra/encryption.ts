/** The TLS settings in a CassandraDatacenter's configuration. */
import { cassandraYaml, field, truth } from './configuration.ts'
import type { EncryptionOptions } from './datacenter.ts'

/**
 * client_encryption_options and server_encryption_options out of `spec.config` (or out of a config Secret's text),
 * which is free-form JSON.
 */
export function encryptionFrom(config: unknown): {
  client: EncryptionOptions
  server: EncryptionOptions
} {
  const yaml = cassandraYaml(config)
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
