/** The kinds of object that this program reads or writes. Istio's version is selected at run time (istio/api.ts). */
import type { ResourceType } from './kube.ts'

const core = (kind: string, plural: string, namespaced = true): ResourceType => ({
  group: '',
  version: 'v1',
  kind,
  plural,
  namespaced,
})
const of = (group: string, version: string, kind: string, plural: string, namespaced = true): ResourceType => ({
  group,
  version,
  kind,
  plural,
  namespaced,
})

export const NAMESPACE = core('Namespace', 'namespaces', false)
export const POD = core('Pod', 'pods')
export const SERVICE = core('Service', 'services')
export const SECRET = core('Secret', 'secrets')
export const CONFIG_MAP = core('ConfigMap', 'configmaps')
export const SERVICE_ACCOUNT = core('ServiceAccount', 'serviceaccounts')
export const EVENT = core('Event', 'events')
export const STATEFUL_SET = of('apps', 'v1', 'StatefulSet', 'statefulsets')
export const DEPLOYMENT = of('apps', 'v1', 'Deployment', 'deployments')
export const POD_DISRUPTION_BUDGET = of('policy', 'v1', 'PodDisruptionBudget', 'poddisruptionbudgets')
const RBAC = 'rbac.authorization.k8s.io'
export const ROLE = of(RBAC, 'v1', 'Role', 'roles')
export const ROLE_BINDING = of(RBAC, 'v1', 'RoleBinding', 'rolebindings')
export const CLUSTER_ROLE = of(RBAC, 'v1', 'ClusterRole', 'clusterroles', false)
export const CLUSTER_ROLE_BINDING = of(RBAC, 'v1', 'ClusterRoleBinding', 'clusterrolebindings', false)
export const LEASE = of('coordination.k8s.io', 'v1', 'Lease', 'leases')
export const PERSISTENT_VOLUME_CLAIM = core('PersistentVolumeClaim', 'persistentvolumeclaims')
export const PERSISTENT_VOLUME = core('PersistentVolume', 'persistentvolumes', false)
export const STORAGE_CLASS = of('storage.k8s.io', 'v1', 'StorageClass', 'storageclasses', false)
export const MUTATING_WEBHOOK = of(
  'admissionregistration.k8s.io',
  'v1',
  'MutatingWebhookConfiguration',
  'mutatingwebhookconfigurations',
  false,
)
export const CASSANDRA_DATACENTER = of(
  'cassandra.datastax.com',
  'v1beta1',
  'CassandraDatacenter',
  'cassandradatacenters',
)
export const ISTIO_GATEWAY = of('networking.istio.io', 'v1beta1', 'Gateway', 'gateways')
export const VIRTUAL_SERVICE = of('networking.istio.io', 'v1beta1', 'VirtualService', 'virtualservices')
export const DESTINATION_RULE = of('networking.istio.io', 'v1beta1', 'DestinationRule', 'destinationrules')
export const SERVICE_ENTRY = of('networking.istio.io', 'v1beta1', 'ServiceEntry', 'serviceentries')
export const AUTHORIZATION_POLICY = of('security.istio.io', 'v1beta1', 'AuthorizationPolicy', 'authorizationpolicies')
export const NETWORK_POLICY = of('networking.k8s.io', 'v1', 'NetworkPolicy', 'networkpolicies')
export const PEER_AUTHENTICATION = of('security.istio.io', 'v1beta1', 'PeerAuthentication', 'peerauthentications')

/** The Kubernetes Gateway API. TLSRoute's version is selected at run time (gateway-api/observe-gateway-api.ts). */
export const GATEWAY_API_GROUP = 'gateway.networking.k8s.io'
export const API_GATEWAY = of(GATEWAY_API_GROUP, 'v1', 'Gateway', 'gateways')
export const GATEWAY_CLASS = of(GATEWAY_API_GROUP, 'v1', 'GatewayClass', 'gatewayclasses', false)
export const TLS_ROUTE = of(GATEWAY_API_GROUP, 'v1', 'TLSRoute', 'tlsroutes')
export const LISTENER_SET = of(GATEWAY_API_GROUP, 'v1', 'ListenerSet', 'listenersets')
/** The experimental form of ListenerSet. */
export const X_LISTENER_SET = of('gateway.networking.x-k8s.io', 'v1alpha1', 'XListenerSet', 'xlistenersets')

/** cert-manager (pkg/apis/certmanager/v1). */
export const CERT_MANAGER_GROUP = 'cert-manager.io'
export const CERTIFICATE = of(CERT_MANAGER_GROUP, 'v1', 'Certificate', 'certificates')
export const CERTIFICATE_REQUEST = of(CERT_MANAGER_GROUP, 'v1', 'CertificateRequest', 'certificaterequests')
export const ISSUER = of(CERT_MANAGER_GROUP, 'v1', 'Issuer', 'issuers')
export const CLUSTER_ISSUER = of(CERT_MANAGER_GROUP, 'v1', 'ClusterIssuer', 'clusterissuers', false)

/** The `apiVersion` of a kind: "v1", "apps/v1". */
export function apiVersionOf(type: ResourceType): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`
}

/** The name of an object in kubectl's output: "service/x", "gateway.networking.istio.io/y". */
export function displayName(type: ResourceType, name: string): string {
  const kind = type.kind.toLowerCase()
  return type.group === '' ? `${kind}/${name}` : `${kind}.${type.group}/${name}`
}
