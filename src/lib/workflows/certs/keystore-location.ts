/** Which keystores `certs` and `certs rotate-ca` can change: the one that cass-operator creates. */
import { OPERATOR_KEYSTORE_PATH } from '../../cassandra/authority-secret.ts'
import type { Datacenter } from '../../cassandra/datacenter.ts'
import { CassSniError, command, hint, type NextStep } from '../../errors.ts'
import { packageFile } from '../../text/package-file.ts'

/**
 * Requires that client TLS uses the keystore that cass-operator creates.
 * @throws CSNI306 for another one, or without client TLS; CSNI203, CSNI204 if the configuration cannot be read
 */
export function requireOperatorKeystore(dc: Datacenter): void {
  if (dc.configurationHidden !== undefined) throw dc.configurationHidden
  const { enabled, keystorePath } = dc.clientEncryption
  if (!enabled)
    throw unsupported(
      dc,
      'client TLS is disabled (client_encryption_options.enabled is not true)',
      hint(`see ${packageFile('docs/certificates.md')} for the required configuration`),
    )
  if (keystorePath === OPERATOR_KEYSTORE_PATH) return
  const expected = `(expected ${OPERATOR_KEYSTORE_PATH}, which cass-operator creates)`
  if (keystorePath === undefined)
    throw unsupported(dc, `client_encryption_options.keystore is not set ${expected}`, ...elsewhere(dc))
  const { otherSecret } = dc.keystores
  const from = otherSecret === undefined ? '' : ` from secret/${otherSecret}`
  throw unsupported(dc, `unsupported keystore ${keystorePath}${from} ${expected}`, ...elsewhere(dc))
}

/**
 * Throws CSNI306 if the nodes' certificates between nodes are in the keystore, but the CAs that they trust are not.
 */
export function requireSharedTruststore(dc: Datacenter): void {
  const { enabled, keystorePath, truststorePath } = dc.serverEncryption
  if (!enabled || keystorePath !== OPERATOR_KEYSTORE_PATH || truststorePath === OPERATOR_KEYSTORE_PATH) return
  throw unsupported(
    dc,
    `unsupported truststore ${truststorePath ?? '(none)'} in server_encryption_options: nodes would not ` +
      `trust the new CA (expected ${OPERATOR_KEYSTORE_PATH})`,
    hint('set server_encryption_options.truststore to the keystore, which also has the trusted CAs'),
  )
}

/** What to do with a keystore of another origin. */
function elsewhere({ k8ssandraCluster, namespace, keystores: { otherSecret } }: Datacenter): NextStep[] {
  const place = otherSecret === undefined ? 'there' : `in secret/${otherSecret}`
  const issue =
    k8ssandraCluster === undefined
      ? hint(`issue the certificate with the tool that created this keystore, store it ${place}, then check it:`)
      : hint(
          `the keystore belongs to K8ssandraCluster ${k8ssandraCluster} (clientEncryptionStores): store one with the ` +
            `required names ${place}, then check it:`,
        )
  return [
    ...(otherSecret === undefined ? [] : [command`kubectl describe secret ${otherSecret} -n ${namespace}`]),
    issue,
    command`kubectl cass-sni verify`,
  ]
}

function unsupported(dc: Datacenter, reason: string, ...next: NextStep[]): CassSniError {
  const { name, namespace, configSecret } = dc
  const object = `cassandradatacenter/${name} in namespace ${namespace}`
  const showConfig =
    configSecret === undefined
      ? command`kubectl get cassandradatacenter ${name} -n ${namespace} -o jsonpath='{.spec.config.cassandra-yaml}'`
      : command`kubectl get secret ${configSecret} -n ${namespace} -o jsonpath='{.data.config}' | base64 -d`
  return new CassSniError('CSNI306', `${object}: ${reason}`, { object, next: [showConfig, ...next] })
}
