/** What a datacenter's configuration requires of clients. It is read from the file, the live object, or a Secret. */
import type { V1Secret } from '@kubernetes/client-node'
import { encryptionFrom, loginFrom } from '../../cassandra/encryption.ts'
import type { Kube, KubeObject } from '../../cluster/kube.ts'
import { SECRET } from '../../cluster/resources.ts'
import { CassSniError, hint } from '../../errors.ts'
import { CLAIM, type DatacenterOptions, OPERATOR_KEYSTORE } from './datacenter-spec.ts'
import { valueAt } from './field-values.ts'

/** spec.config, or the text of the Secret in spec.configSecret; undefined when that Secret cannot be read. */
export interface DatacenterConfig {
  secret?: string | undefined
  config?: unknown
}

/** Finds the configuration of a datacenter. `objects` may include its Secret. */
export async function configOf(
  kube: Kube,
  datacenter: unknown,
  objects: readonly KubeObject[],
  namespace: string,
): Promise<DatacenterConfig> {
  const secret = valueAt(datacenter, ['spec', 'configSecret'])
  if (typeof secret !== 'string' || secret === '') return { config: valueAt(datacenter, ['spec', 'config']) ?? {} }
  const included = objects.find(({ kind, metadata }) => kind === SECRET.kind && metadata.name === secret)
  const found = (included ??
    (await kube.get(SECRET, secret, namespace).catch((error: unknown) => {
      if (error instanceof CassSniError && error.code === 'CSNI203') return undefined
      throw error
    }))) as Pick<V1Secret, 'data' | 'stringData'> | undefined
  const encoded = found?.data?.['config']
  const text =
    found?.stringData?.['config'] ??
    (encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('utf8'))
  return { secret, config: text }
}

/** Throws CSNI101 for flags that change spec.config when spec.configSecret is set: cass-operator then ignores it. */
export function refuseConfigFlags(options: Readonly<DatacenterOptions>, { secret }: DatacenterConfig): void {
  if (secret === undefined) return
  const flags = [
    ...(options.heap === undefined ? [] : ['--heap']),
    ...(options.allowPlaintext ? ['--allow-plaintext'] : []),
  ]
  if (flags.length === 0) return
  throw new CassSniError(
    'CSNI101',
    `${flags.join(', ')} cannot be combined with spec.configSecret: the configuration is in secret/${secret}`,
    { next: [hint(`change the key config of secret/${secret} instead`)] },
  )
}

/** Returns what clients need, such as "TLS, login". */
export function clientsNeed({ config, secret }: DatacenterConfig): string {
  if (config === undefined) return `configuration in secret/${secret ?? ''} not readable`
  const { client } = encryptionFrom(config)
  const login = loginFrom(config)
  return [
    client.enabled ? (client.optional ? 'TLS optional' : 'TLS') : 'WITHOUT TLS',
    login === true ? 'login' : login === false ? 'WITHOUT LOGIN' : 'authenticator not set',
  ].join(', ')
}

/** Returns warnings about settings that are insecure or will not work. */
export function configWarnings(
  { config, secret }: DatacenterConfig,
  datacenterName: string,
  { allowPlaintext }: Pick<DatacenterOptions, 'allowPlaintext'>,
): string[] {
  const named = `cassandradatacenter/${datacenterName}`
  if (config === undefined) return [`${named}: TLS and login unknown, cannot read secret/${secret ?? ''}`]
  const { client, server } = encryptionFrom(config)
  const passwords = [
    ['client_encryption_options', client],
    ['server_encryption_options', server],
  ] as const
  return [
    ...(client.enabled ? [] : [`${named}: client_encryption_options.enabled is not true, but SNI routes require TLS`]),
    ...(client.enabled && client.optional && !allowPlaintext
      ? [
          `${named}: clients can connect without TLS (client_encryption_options.optional is true); pass ` +
            '--allow-plaintext to confirm',
        ]
      : []),
    ...(loginFrom(config) === false ? [`${named}: AllowAllAuthenticator accepts any user and password`] : []),
    // cass-operator uses the datacenter's name as keystore password (pkg/reconciliation/secrets.go)
    ...passwords.flatMap(([section, { keystorePath, keystorePassword }]) =>
      keystorePath === OPERATOR_KEYSTORE && keystorePassword !== undefined && keystorePassword !== datacenterName
        ? [
            `${named}: ${section}.keystore_password is not "${datacenterName}", which cass-operator uses; ` +
              'Cassandra cannot open the keystore until the certs command has replaced it',
          ]
        : [],
    ),
  ]
}

/** Returns the name of the StorageClass that a CassandraDatacenter requests. */
export function storageClassOf(datacenter: KubeObject | undefined): string | undefined {
  const name = valueAt(datacenter, [...CLAIM, 'storageClassName'])
  return typeof name === 'string' ? name : undefined
}
