/** TLS and login settings in a CassandraDatacenter's configuration. */
import { cassandraYaml, dseYaml, field, truth } from './configuration.ts'
import type { EncryptionOptions } from './datacenter.ts'

/** Returns client_encryption_options and server_encryption_options from `spec.config` or a config Secret's text. */
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
    // cassandra.yaml: none, all, dc, rack; absent means none.
    server: options(server, typeof between === 'string' && between !== 'none' && between !== ''),
  }
}

function options(from: unknown, enabled: boolean): EncryptionOptions {
  const keystore = field(from, 'keystore')
  const truststore = field(from, 'truststore')
  const password = field(from, 'keystore_password')
  const clientAuth = field(from, 'require_client_auth')
  return {
    enabled,
    optional: truth(field(from, 'optional')),
    requireClientAuth: truth(clientAuth),
    // apache/cassandra src/java/org/apache/cassandra/config/EncryptionOptions.java, ClientAuth.from
    optionalClientAuth: typeof clientAuth === 'string' && clientAuth.trim().toLowerCase() === 'optional',
    keystorePath: typeof keystore === 'string' ? keystore.trim() : undefined,
    truststorePath: typeof truststore === 'string' ? truststore.trim() : undefined,
    // A numeric password may be stored as a number.
    keystorePassword: typeof password === 'string' || typeof password === 'number' ? String(password) : undefined,
  }
}

/**
 * Returns whether clients must log in, by cassandra.yaml's authenticator (and DSE's authentication_options). Undefined
 * if the configuration does not set it, so the server's default applies.
 */
export function loginFrom(config: unknown): boolean | undefined {
  const authenticator = field(cassandraYaml(config), 'authenticator')
  // Cassandra 5 also accepts an object with class_name (cassandra.yaml of 5.0)
  const name = typeof authenticator === 'string' ? authenticator : field(authenticator, 'class_name')
  if (typeof name !== 'string' || name.trim() === '') return undefined
  const own = name.trim().split('.').at(-1) ?? ''
  if (own !== 'DseAuthenticator') return own !== 'AllowAllAuthenticator'
  const options = field(dseYaml(config), 'authentication_options')
  return truth(field(options, 'enabled')) && field(options, 'transitional_mode') !== 'permissive'
}
