/**
 * Every permission that the program needs: docs/permissions.yaml is generated from this table, and so are the roles of
 * the routes controller.
 */
import type { V1PolicyRule } from '@kubernetes/client-node'

/** Where a permission applies, which is where its role is bound. */
export type PermissionScope =
  /** The whole cluster. Read-only, no access to Secrets. */
  | 'mesh'
  /** Cassandra's namespace. */
  | 'datacenter'
  /** The namespace of the ingress gateway. */
  | 'gateway'
  /** The controller's own namespace. */
  | 'controller'
  /** Cassandra's namespace, only the Secrets of CA, keystore and metadata service. */
  | 'keystores'

/**
 * `commands`: the command line, except install. `controller`: the routes controller. `renewal`: the Deployment that
 * renews certificates. `metadata`: the metadata service.
 */
export type PermissionUser = 'commands' | 'controller' | 'renewal' | 'metadata'

export interface Permission {
  scope: PermissionScope
  /** '' is the core group. */
  group: string
  resources: readonly string[]
  /** Only these objects. */
  names?: readonly string[] | undefined
  verbs: readonly string[]
  why: string
  /** Default: commands and controller. */
  only?: PermissionUser | undefined
  /** These as well. */
  also?: readonly PermissionUser[] | undefined
}

const READ = ['get', 'list', 'watch']
const WRITE = ['create', 'patch', 'delete']
/** A tunnel; create is required in addition to get since Kubernetes 1.35. */
const CONNECT = ['get', 'create']

const CASSANDRA = 'cassandra.datastax.com'
const ISTIO = 'networking.istio.io'
const GATEWAY_API = 'gateway.networking.k8s.io'
const CERT_MANAGER = 'cert-manager.io'

export const PERMISSIONS: readonly Permission[] = [
  { scope: 'mesh', group: '', resources: ['namespaces'], verbs: READ, why: "labels, for Istio's discoverySelectors" },
  {
    scope: 'mesh',
    group: '',
    resources: ['configmaps'],
    names: ['istio', 'coredns'],
    verbs: READ,
    why: "Istio's discoverySelectors and the cluster's DNS domain",
    also: ['renewal'],
  },
  { scope: 'mesh', group: '', resources: ['services', 'pods'], verbs: READ, why: 'ingress gateways' },
  { scope: 'mesh', group: 'apps', resources: ['deployments'], verbs: READ, why: "Istio's control planes" },
  {
    scope: 'mesh',
    group: 'admissionregistration.k8s.io',
    resources: ['mutatingwebhookconfigurations'],
    verbs: READ,
    why: "Istio's revision tags",
    only: 'commands',
  },
  { scope: 'mesh', group: ISTIO, resources: ['gateways', 'virtualservices'], verbs: READ, why: 'conflicting routes' },
  {
    scope: 'mesh',
    group: 'security.istio.io',
    resources: ['authorizationpolicies'],
    verbs: READ,
    why: 'policies that deny the port of the gateway',
  },
  {
    scope: 'mesh',
    group: GATEWAY_API,
    resources: ['gateways', 'gatewayclasses', 'listenersets', 'tlsroutes'],
    verbs: READ,
    why: 'the Kubernetes Gateway API, if installed',
  },
  {
    scope: 'mesh',
    group: 'gateway.networking.x-k8s.io',
    resources: ['xlistenersets'],
    verbs: READ,
    why: 'ListenerSets of earlier versions',
  },
  { scope: 'mesh', group: CASSANDRA, resources: ['cassandradatacenters'], verbs: READ, why: 'available datacenters' },
  {
    scope: 'mesh',
    group: CERT_MANAGER,
    resources: ['clusterissuers'],
    verbs: READ,
    why: 'whether the ClusterIssuer of --issuer is ready',
    only: 'commands',
  },

  {
    scope: 'datacenter',
    group: CASSANDRA,
    resources: ['cassandradatacenters'],
    verbs: READ,
    why: 'the datacenter',
    also: ['renewal', 'metadata'],
  },
  {
    scope: 'datacenter',
    group: 'apps',
    resources: ['statefulsets'],
    verbs: READ,
    why: 'which nodes there are',
    also: ['renewal'],
  },
  { scope: 'datacenter', group: '', resources: ['pods'], verbs: READ, why: 'the nodes', also: ['renewal', 'metadata'] },
  {
    scope: 'datacenter',
    group: '',
    resources: ['pods'],
    verbs: ['patch'],
    why: 'an annotation that makes the kubelet sync a new keystore to the pod immediately',
    only: 'commands',
    also: ['renewal'],
  },
  {
    scope: 'datacenter',
    group: '',
    resources: ['pods/portforward'],
    verbs: CONNECT,
    why: 'tunnels to nodes; host IDs that are in doubt',
    also: ['renewal'],
  },
  {
    scope: 'datacenter',
    group: '',
    resources: ['pods/exec'],
    verbs: CONNECT,
    why: 'reloading the keystore',
    only: 'commands',
    also: ['renewal'],
  },
  {
    scope: 'datacenter',
    group: '',
    resources: ['persistentvolumeclaims'],
    verbs: ['list', 'watch'],
    why: 'whether a new pod has the volume of the former pod, and so its host ID',
  },
  { scope: 'datacenter', group: '', resources: ['services'], verbs: [...READ, ...WRITE], why: 'one per node' },
  {
    scope: 'datacenter',
    group: '',
    resources: ['services'],
    verbs: READ,
    why: 'the host IDs that the routes controller has confirmed',
    only: 'metadata',
  },
  {
    scope: 'datacenter',
    group: ISTIO,
    resources: ['gateways', 'virtualservices'],
    verbs: [...READ, ...WRITE],
    why: 'the routes',
  },
  {
    scope: 'datacenter',
    group: ISTIO,
    resources: ['destinationrules', 'serviceentries'],
    verbs: [...READ, ...WRITE],
    why: 'the routes with --backend subset or serviceentry',
  },
  {
    scope: 'datacenter',
    group: 'security.istio.io',
    resources: ['peerauthentications'],
    verbs: [...READ, ...WRITE],
    why: 'the CQL port with --backend serviceentry, if the nodes have sidecars',
  },
  {
    scope: 'datacenter',
    group: GATEWAY_API,
    resources: ['gateways', 'tlsroutes'],
    verbs: [...READ, ...WRITE],
    why: 'the routes with --api gateway',
  },
  {
    scope: 'datacenter',
    group: '',
    resources: ['secrets'],
    verbs: ['get', 'list', 'create', 'patch'],
    why: 'the CA, the keystore and the login; client certificates in Secrets',
    only: 'commands',
  },
  {
    scope: 'datacenter',
    group: CERT_MANAGER,
    resources: ['certificates'],
    verbs: ['get', ...WRITE],
    why: 'the node certificate, with --issuer',
    only: 'commands',
    also: ['renewal'],
  },
  {
    scope: 'datacenter',
    group: CERT_MANAGER,
    resources: ['certificates/status'],
    verbs: ['patch'],
    why: 'a renewal by cert-manager before it is due',
    only: 'commands',
    also: ['renewal'],
  },
  {
    scope: 'datacenter',
    group: CERT_MANAGER,
    resources: ['issuers', 'certificaterequests'],
    verbs: ['get'],
    why: 'why cert-manager does not issue',
    only: 'commands',
    also: ['renewal'],
  },
  {
    scope: 'datacenter',
    group: '',
    resources: ['events'],
    verbs: ['create', 'patch'],
    why: 'Events on the CassandraDatacenter',
    only: 'controller',
    also: ['renewal'],
  },

  {
    scope: 'datacenter',
    group: ISTIO,
    resources: ['gateways', 'virtualservices'],
    verbs: READ,
    why: 'the names of the routes',
    only: 'renewal',
  },
  {
    scope: 'datacenter',
    group: GATEWAY_API,
    resources: ['tlsroutes'],
    verbs: READ,
    why: 'the names of the routes with --api gateway',
    only: 'renewal',
  },
  {
    scope: 'keystores',
    group: '',
    resources: ['secrets'],
    verbs: ['get', 'patch'],
    why: 'the CA, the keystore, and the certificates from cert-manager and of the metadata service',
    only: 'renewal',
  },

  { scope: 'gateway', group: '', resources: ['services'], verbs: [...READ, 'patch'], why: 'the port of its Service' },
  { scope: 'gateway', group: '', resources: ['pods'], verbs: READ, why: 'its pods' },
  {
    scope: 'gateway',
    group: '',
    resources: ['pods/portforward'],
    verbs: CONNECT,
    why: 'tunnels through the gateway; what its Envoys have loaded',
  },

  {
    scope: 'controller',
    group: 'coordination.k8s.io',
    resources: ['leases'],
    verbs: ['get', 'create', 'patch'],
    why: 'leader election',
    only: 'controller',
  },
]

/** Returns the permissions of a user in a scope. */
export function permissionsOf(user: PermissionUser, scope: PermissionScope): Permission[] {
  return PERMISSIONS.filter((each) => each.scope === scope && isFor(each, user))
}

function isFor({ only, also = [] }: Permission, user: PermissionUser): boolean {
  if (only === user || also.includes(user)) return true
  return only === undefined && (user === 'commands' || user === 'controller')
}

/** Returns them as the rules of a role. */
export function rulesOf(user: PermissionUser, scope: PermissionScope): V1PolicyRule[] {
  return permissionsOf(user, scope).map(({ group, resources, names, verbs }) => ({
    apiGroups: [group],
    resources: [...resources],
    ...(names === undefined ? {} : { resourceNames: [...names] }),
    verbs: [...verbs],
  }))
}
