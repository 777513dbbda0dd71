/** The Deployments of the controller's image, and their settings. Pure. */
import type { V1Container, V1DeploymentSpec } from '@kubernetes/client-node'
import { METADATA_POD_PORT, metadataLabels } from '../../routes/backends/metadata-service.ts'
import { routeNames } from '../../routes/sni-names.ts'
import { CONTROLLER_NAME, RENEWAL_NAME } from '../../text/own-keys.ts'

export interface ControllerSettings {
  /** The namespace of the controller. */
  namespace: string
  image: string
  /** Undefined: the datacenters of all namespaces. */
  namespaces?: readonly string[] | undefined
  /** Only the datacenter with this metadata.name. */
  datacenter?: string | undefined
  /** Namespaces of the ingress gateways. */
  gatewayNamespaces: readonly string[]
  /** The datacenters whose certificates are renewed; undefined: none are. */
  renews?: readonly RenewedDatacenter[] | undefined
  /** Default: none. */
  metadata?: readonly MetadataService[] | undefined
}

/** A metadata service, which runs in the namespace of its datacenter. */
export interface MetadataService {
  namespace: string
  /** metadata.name of the CassandraDatacenter. */
  datacenter: string
  /** The server name under which clients connect. */
  name: string
}

/** A datacenter whose certificates are renewed, with the names of the Secrets concerned. */
export interface RenewedDatacenter {
  namespace: string
  secrets: readonly string[]
}

const REPLICAS = 2
/**
 * Grace period of a pod. Its process ends within 10 s of the signal (src/controller/controller-main.ts). Kubernetes
 * waits for about half of the period before it checks again whether a deleted namespace is empty
 * (kubernetes/kubernetes pkg/controller/namespace/namespace_controller.go).
 */
const GRACE_SECONDS = 15

/** Environment variable of the metadata service: its server name. */
export const METADATA_NAME_VARIABLE = 'CASS_SNI_METADATA_NAME'

const USER = 65_532
const PORT = 8080
/** Where the metadata service finds its certificate. */
const CERTIFICATE_DIRECTORY = '/etc/cass-sni/certificate'

/** The labels of all objects of a controller; the selector of its pods as well. */
export function controllerLabels(namespace: string): Record<string, string> {
  return { 'app.kubernetes.io/name': CONTROLLER_NAME, 'app.kubernetes.io/instance': namespace }
}

/** The routes controller. */
export function deploymentSpec(
  settings: ControllerSettings,
  labels: Record<string, string> = controllerLabels(settings.namespace),
): V1DeploymentSpec {
  const spread = (topologyKey: string) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels: labels },
  })
  return {
    replicas: REPLICAS,
    selector: { matchLabels: labels },
    template: {
      metadata: {
        // only the API server is called; what is served has its own TLS
        labels: { ...labels, 'sidecar.istio.io/inject': 'false' },
        annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(PORT) },
      },
      spec: {
        serviceAccountName: CONTROLLER_NAME,
        terminationGracePeriodSeconds: GRACE_SECONDS,
        securityContext: {
          runAsNonRoot: true,
          runAsUser: USER,
          runAsGroup: USER,
          seccompProfile: { type: 'RuntimeDefault' },
        },
        topologySpreadConstraints: [spread('kubernetes.io/hostname'), spread('topology.kubernetes.io/zone')],
        containers: [container(settings)],
      },
    },
  }
}

/** One replica, which is replaced before the next one starts: certificates are not urgent. */
export function renewalSpec(settings: ControllerSettings): V1DeploymentSpec {
  const spec = deploymentSpec(settings)
  const labels = { 'app.kubernetes.io/name': RENEWAL_NAME, 'app.kubernetes.io/instance': settings.namespace }
  const { metadata, spec: pod } = spec.template
  const { topologySpreadConstraints: _, ...rest } = pod ?? { containers: [] }
  const task = { name: 'CASS_SNI_TASK', value: 'certificates' }
  return {
    replicas: 1,
    strategy: { type: 'Recreate' },
    selector: { matchLabels: labels },
    template: {
      metadata: { ...metadata, labels: { ...metadata?.labels, ...labels } },
      spec: {
        ...rest,
        serviceAccountName: RENEWAL_NAME,
        containers: rest.containers.map((each) => ({ ...each, env: [...(each.env ?? []), task] })),
      },
    },
  }
}

/** A metadata service: its replicas serve the document, and have no leader. */
export function metadataSpec(
  settings: ControllerSettings,
  { namespace, datacenter, name }: MetadataService,
): V1DeploymentSpec {
  const own = { ...settings, namespaces: [namespace], datacenter }
  const labels = metadataLabels(datacenter)
  const { template } = deploymentSpec(own, labels)
  const { metadata: object } = routeNames(datacenter)
  const env = [
    { name: 'CASS_SNI_TASK', value: 'metadata' },
    { name: METADATA_NAME_VARIABLE, value: name },
    { name: 'CASS_SNI_METADATA_PORT', value: String(METADATA_POD_PORT) },
    { name: 'CASS_SNI_METADATA_CERTIFICATE', value: CERTIFICATE_DIRECTORY },
  ]
  return {
    replicas: REPLICAS,
    selector: { matchLabels: labels },
    template: {
      ...template,
      spec: {
        ...template.spec,
        serviceAccountName: object,
        volumes: [{ name: 'certificate', secret: { secretName: object } }],
        containers: [container(own)].map((each) => ({
          ...each,
          env: [...(each.env ?? []), ...env],
          ports: [...(each.ports ?? []), { name: 'tls-metadata', containerPort: METADATA_POD_PORT }],
          volumeMounts: [{ name: 'certificate', mountPath: CERTIFICATE_DIRECTORY, readOnly: true }],
        })),
      },
    },
  }
}

function container({ image, namespaces, datacenter }: ControllerSettings): V1Container {
  const fromPod = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } })
  const probe = (path: string, periodSeconds: number) => ({
    httpGet: { path, port: 'http' },
    periodSeconds,
    timeoutSeconds: 5,
  })
  return {
    name: 'controller',
    image,
    env: [
      fromPod('POD_NAME', 'metadata.name'),
      fromPod('POD_NAMESPACE', 'metadata.namespace'),
      { name: 'CASS_SNI_PORT', value: String(PORT) },
      ...(namespaces === undefined ? [] : [{ name: 'CASS_SNI_NAMESPACES', value: namespaces.join(',') }]),
      ...(datacenter === undefined ? [] : [{ name: 'CASS_SNI_DATACENTER', value: datacenter }]),
    ],
    ports: [{ name: 'http', containerPort: PORT }],
    livenessProbe: probe('/healthz', 20),
    readinessProbe: probe('/readyz', 5),
    resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
  }
}
