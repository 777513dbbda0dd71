/** The CassandraDatacenter to install, from flags and answers or from a file. Pure. */
import type { V1PersistentVolumeClaimSpec, V1ResourceRequirements } from '@kubernetes/client-node'
import { ownedLabels } from '../../changes/ownership.ts'
import type { KubeObject } from '../../cluster/kube.ts'
import { valueAt } from './field-values.ts'

/** Settings from flags and answers. Undefined keeps the live value, or uses the default. */
export interface DatacenterOptions {
  clusterName?: string | undefined
  size?: number | undefined
  serverType?: string | undefined
  serverVersion?: string | undefined
  serverImage?: string | undefined
  serviceAccount?: string | undefined
  cpu?: string | undefined
  memory?: string | undefined
  cpuLimit?: string | undefined
  memoryLimit?: string | undefined
  heap?: string | undefined
  storageClass?: string | undefined
  storageSize?: string | undefined
  allowMultipleNodesPerWorker?: boolean | undefined
  allowPlaintext: boolean
}

/** Defaults for a new datacenter. */
export const DEFAULTS = {
  datacenterName: 'dc1',
  clusterName: 'dse',
  size: 3,
  serverType: 'cassandra',
  serverVersion: '5.0.6',
  storageSize: '10Gi',
  cpu: '2',
  memory: '4Gi',
}

/**
 * The keystore path for which cass-operator creates the keys (k8ssandra/cass-operator
 * pkg/serverconfig/parsing.go).
 */
export const OPERATOR_KEYSTORE = '/etc/encryption/node-keystore.jks'

/**
 * Required by cass-operator's webhook to change the volume size (apis/cassandra/v1beta1/cassandradatacenter_types.go).
 */
export const STORAGE_CHANGES_ANNOTATION = 'cassandra.datastax.com/allow-storage-changes'

/** Path of the data volume claim in a CassandraDatacenter. */
export const CLAIM = ['spec', 'storageConfig', 'cassandraDataVolumeClaimSpec']

/** Returns the cassandra-yaml section: TLS everywhere, password login, plaintext clients only if allowed. */
export function cassandraYaml(datacenterName: string, allowPlaintext: boolean): Record<string, unknown> {
  const store = {
    keystore: OPERATOR_KEYSTORE,
    keystore_password: datacenterName,
    truststore: OPERATOR_KEYSTORE,
    truststore_password: datacenterName,
  }
  return {
    authenticator: 'org.apache.cassandra.auth.PasswordAuthenticator',
    authorizer: 'org.apache.cassandra.auth.CassandraAuthorizer',
    role_manager: 'org.apache.cassandra.auth.CassandraRoleManager',
    server_encryption_options: { internode_encryption: 'all', ...store },
    client_encryption_options: { enabled: true, optional: allowPlaintext, ...store },
  }
}

/** Returns the name of the ServiceAccount created for the Cassandra pods. */
export function serviceAccountName(datacenterName: string): string {
  return `${datacenterName}-cassandra`
}

/** Returns a new datacenter: the defaults, overlaid with the options. */
export function newDatacenter(
  name: string,
  namespace: string,
  storageClass: string | undefined,
  options: Readonly<DatacenterOptions>,
): KubeObject {
  const claim: V1PersistentVolumeClaimSpec = {
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: DEFAULTS.storageSize } },
  }
  if (storageClass !== undefined) claim.storageClassName = storageClass
  const resources: V1ResourceRequirements = { requests: { cpu: DEFAULTS.cpu, memory: DEFAULTS.memory } }
  const bare: KubeObject = {
    apiVersion: 'cassandra.datastax.com/v1beta1',
    kind: 'CassandraDatacenter',
    metadata: { name, namespace, labels: ownedLabels(name) },
    spec: {
      clusterName: DEFAULTS.clusterName,
      serverType: DEFAULTS.serverType,
      serverVersion: DEFAULTS.serverVersion,
      serviceAccountName: serviceAccountName(name),
      size: DEFAULTS.size,
      managementApiAuth: { insecure: {} },
      storageConfig: { cassandraDataVolumeClaimSpec: claim },
      resources,
      // cass-operator's default requests a whole CPU for the init container, too much for a small cluster
      systemLoggerResources: { requests: { cpu: '10m', memory: '32Mi' } },
      configBuilderResources: { requests: { cpu: '50m', memory: '128Mi' } },
      config: { 'cassandra-yaml': cassandraYaml(name, options.allowPlaintext) },
    },
  }
  return overlaid(bare, options)
}

/**
 * Returns a copy of the datacenter overlaid with the given options only. `live` supplies values that affect others and
 * that the datacenter itself lacks.
 */
export function overlaid(
  datacenter: KubeObject,
  options: Readonly<DatacenterOptions>,
  live?: KubeObject | undefined,
): KubeObject {
  const copy = structuredClone(datacenter)
  const put = (path: string[], value: unknown): void => {
    if (value !== undefined) setAt(copy, ['spec', ...path], value)
  }
  const effective = (path: string[]): unknown => valueAt(copy, ['spec', ...path]) ?? valueAt(live, ['spec', ...path])
  put(['clusterName'], options.clusterName)
  put(['serverType'], options.serverType)
  put(['serverVersion'], options.serverVersion)
  put(['serverImage'], options.serverImage)
  put(['serviceAccountName'], options.serviceAccount)
  put(['size'], options.size)
  put(['allowMultipleNodesPerWorker'], options.allowMultipleNodesPerWorker)
  put(['storageConfig', 'cassandraDataVolumeClaimSpec', 'storageClassName'], options.storageClass)
  put(['storageConfig', 'cassandraDataVolumeClaimSpec', 'resources', 'requests', 'storage'], options.storageSize)
  put(['resources', 'requests', 'cpu'], options.cpu)
  put(['resources', 'requests', 'memory'], options.memory)
  put(['resources', 'limits', 'cpu'], options.cpuLimit)
  put(['resources', 'limits', 'memory'], options.memoryLimit)
  if (options.allowMultipleNodesPerWorker === true) {
    // cass-operator's webhook then requires requests and limits of both (cassandradatacenter_webhook.go)
    for (const resource of ['cpu', 'memory'] as const) {
      if (effective(['resources', 'requests', resource]) === undefined)
        put(['resources', 'requests', resource], DEFAULTS[resource])
      if (effective(['resources', 'limits', resource]) === undefined)
        put(['resources', 'limits', resource], effective(['resources', 'requests', resource]))
    }
  }
  if (options.heap !== undefined) {
    // Cassandra 3 has a single file for client and server options; the webhook refuses the other one
    const file =
      effective(['serverType']) === 'cassandra' && String(effective(['serverVersion'])).startsWith('3.')
        ? 'jvm-options'
        : 'jvm-server-options'
    put(['config', file, 'initial_heap_size'], options.heap)
    put(['config', file, 'max_heap_size'], options.heap)
  }
  if (options.allowPlaintext) put(['config', 'cassandra-yaml', 'client_encryption_options', 'optional'], true)
  return copy
}

function setAt(object: Record<string, unknown>, path: string[], value: unknown): void {
  const [key, ...rest] = path
  if (key === undefined) return
  if (rest.length === 0) {
    object[key] = value
    return
  }
  const inner = object[key]
  const next = typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>) : {}
  object[key] = next
  setAt(next, rest, value)
}
