/** The CassandraDatacenter that `install` desires, from flags and answers or from a file. Pure. */
import { ownedLabels } from '../../changes/ownership.ts'
import type { KubeObject } from '../../cluster/kube.ts'
import type { InstallOptions } from './step.ts'
import { valueAt } from './field-values.ts'

/** What a new datacenter gets when nobody says otherwise: the blog's names and size. */
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
 * The keystore path at which cass-operator makes keys by itself (k8ssandra/cass-operator
 * pkg/serverconfig/parsing.go).
 */
const KEYSTORE = '/etc/encryption/node-keystore.jks'

/** TLS between nodes and to clients and login by password, as in the blog, but plaintext only when asked for. */
export function cassandraYaml(datacenterName: string, allowPlaintext: boolean): Record<string, unknown> {
  const store = {
    keystore: KEYSTORE,
    keystore_password: datacenterName,
    truststore: KEYSTORE,
    truststore_password: datacenterName,
  }
  return {
    authenticator: 'org.apache.cassandra.auth.PasswordAuthenticator',
    authorizer: 'org.apache.cassandra.auth.CassandraAuthorizer',
    role_manager: 'org.apache.cassandra.auth.CassandraRoleManager',
    server_encryption_options: { internode_encryption: 'all', ...store },
    client_encryption_options: {
      enabled: true,
      optional: allowPlaintext,
      ...store,
    },
  }
}

/** The service account of the Cassandra pods; the blog has one of its own for them too. */
export function serviceAccountName(datacenterName: string): string {
  return `${datacenterName}-cassandra`
}

/** A datacenter that does not exist yet: the blog's, with what the flags say. */
export function newDatacenter(
  name: string,
  namespace: string,
  storageClass: string,
  options: InstallOptions,
): KubeObject {
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
      storageConfig: {
        cassandraDataVolumeClaimSpec: {
          storageClassName: storageClass,
          accessModes: ['ReadWriteOnce'],
          resources: { requests: { storage: DEFAULTS.storageSize } },
        },
      },
      resources: { requests: { cpu: DEFAULTS.cpu, memory: DEFAULTS.memory } },
      // cass-operator's own default asks a whole CPU for the init container: three of them do not start on a small
      // cluster
      systemLoggerResources: { requests: { cpu: '10m', memory: '32Mi' } },
      configBuilderResources: { requests: { cpu: '50m', memory: '128Mi' } },
      config: { 'cassandra-yaml': cassandraYaml(name, options.allowPlaintext) },
    },
  }
  return overlaid(bare, options)
}

/** A copy of the datacenter with what the flags name, and only that, put on top. */
export function overlaid(datacenter: KubeObject, options: InstallOptions): KubeObject {
  const copy = structuredClone(datacenter)
  const put = (path: string[], value: unknown): void => {
    if (value !== undefined) setAt(copy, ['spec', ...path], value)
  }
  put(['clusterName'], options.clusterName)
  put(['serverType'], options.serverType)
  put(['serverVersion'], options.serverVersion)
  put(['serverImage'], options.serverImage)
  put(['serviceAccountName'], options.serviceAccount)
  put(['size'], options.size)
  put(['allowMultipleNodesPerWorker'], options.allowMultipleNodesPerWorker)
  put(['storageConfig', 'cassandraDataVolumeClaimSpec', 'resources', 'requests', 'storage'], options.storageSize)
  put(['resources', 'requests', 'cpu'], options.cpu)
  put(['resources', 'requests', 'memory'], options.memory)
  put(['config', 'jvm-server-options', 'initial_heap_size'], options.heap)
  put(['config', 'jvm-server-options', 'max_heap_size'], options.heap)
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

/** Settings that cass-operator's webhook refuses to change on a live datacenter (apis/cassandra/v1beta1/webhook.go). */
const FIXED = [
  { path: ['spec', 'clusterName'], flag: '--cluster-name' },
  {
    path: ['spec', 'storageConfig', 'cassandraDataVolumeClaimSpec', 'storageClassName'],
    flag: '--storage-class',
  },
]

/**
 * The first setting that differs from the live datacenter's although it cannot be changed in place; undefined when
 * there is none.
 */
export function fixedDifference(
  desired: KubeObject,
  live: KubeObject,
): { flag: string; from: string; to: string } | undefined {
  for (const { path, flag } of FIXED) {
    const from = valueAt(live, path)
    const to = valueAt(desired, path)
    if (to !== undefined && from !== undefined && from !== to) return { flag, from: String(from), to: String(to) }
  }
  return undefined
}
