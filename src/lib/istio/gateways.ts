/** Detects ingress gateways from Services and pods, however Istio was installed. Pure. */
import type { KubeObject } from '../cluster/kube.ts'
import { isReady, type Pod, type Service } from '../cluster/workloads.ts'
import { again, CassSniError, command } from '../errors.ts'
import type { GatewayPod, IngressGateway, Istiod, Mesh, ServicePort } from './mesh.ts'

/** Names of egress and east-west gateways. */
const NOT_INGRESS = /egress|east-?west/i

/**
 * On the Service, Deployment and pods that an implementation creates for a Gateway (Gateway API GEP-1762, "In Cluster
 * Gateway Deployments").
 */
export const GATEWAY_NAME_LABEL = 'gateway.networking.k8s.io/gateway-name'

/** Returns whether the object was created for a Gateway of the Gateway API, some of whose labels it may have. */
export function isCreatedForGateway({ metadata }: KubeObject): boolean {
  return metadata.labels?.[GATEWAY_NAME_LABEL] !== undefined
}

/**
 * The labels that istiod sets on objects that it creates for a Gateway of the Kubernetes Gateway API (istio/istio
 * manifests/…/files/kube-gateway.yaml).
 */
const MANAGED_LABELS = ['gateway.istio.io/managed', GATEWAY_NAME_LABEL, 'istio.io/gateway-name']

/**
 * Returns the ingress gateways among the Services: those whose selector matches pods that run Envoy as a router.
 * A Service without pods is recognized by its `istio` label. Egress and east-west gateways are excluded.
 */
export function gatewaysFrom(services: Service[], pods: Pod[]): IngressGateway[] {
  const routers = pods.filter(isRouter)
  return services
    .flatMap((service) => gatewayFrom(service, routers) ?? [])
    .sort((a, b) => compareText(`${a.namespace}/${a.service}`, `${b.namespace}/${b.service}`))
}

/**
 * Whether Envoy runs as a gateway in this pod. The agent is started as `pilot-agent proxy router` in every kind of
 * installation, injected or not.
 */
export function isRouter(pod: Pod): boolean {
  const proxy = (pod.spec?.containers ?? []).find((container) => container.name === 'istio-proxy')
  return proxy !== undefined && (proxy.args ?? []).slice(0, 2).join(' ') === 'proxy router'
}

function gatewayFrom(service: Service, routers: Pod[]): IngressGateway | undefined {
  const { name, namespace = '', labels = {} } = service.metadata
  const spec = service.spec ?? {}
  const serviceSelector = spec.selector ?? {}
  if (Object.keys(serviceSelector).length === 0 || spec.type === 'ExternalName') return undefined
  const pods = routers.filter(
    (pod) => pod.metadata.namespace === namespace && covers(pod.metadata.labels ?? {}, serviceSelector),
  )
  if (pods.length === 0 && !hasGatewayLabels(labels, serviceSelector)) return undefined
  const istio = commonLabel(pods, 'istio') ?? serviceSelector.istio
  if (NOT_INGRESS.test(name) || NOT_INGRESS.test(istio ?? '') || pods.some(isEastWest)) return undefined
  const managed = MANAGED_LABELS.some((each) => labels[each] !== undefined || commonLabel(pods, each) !== undefined)
  return {
    namespace,
    service: name,
    serviceType: spec.type ?? 'ClusterIP',
    ports: spec.ports ?? [],
    addresses: [
      ...(service.status?.loadBalancer?.ingress ?? []).flatMap((one) => one.ip ?? one.hostname ?? []),
      ...(spec.externalIPs ?? []),
    ],
    selector: narrowestSelector(pods, routers, serviceSelector),
    pods: pods.map(gatewayPod).sort((a, b) => compareText(a.name, b.name)),
    managed: managed ? true : undefined,
    object: service,
  }
}

/**
 * Recognizes a gateway without pods by the labels that istioctl's charts and the gateway chart set on the Service
 * (istio: ingressgateway, istio: <release>). istiod's own label is istio: pilot.
 */
function hasGatewayLabels(labels: Record<string, string>, selector: Record<string, string>): boolean {
  const istio = labels.istio
  return istio !== undefined && istio !== 'pilot' && istio !== 'istiod' && selector.istio === istio
}

/** East-west gateways have this variable (istio/istio manifests/charts/gateway, `networkGateway`). */
function isEastWest(pod: Pod): boolean {
  return (pod.spec?.containers ?? []).some((container) =>
    (container.env ?? []).some(
      (each) => each.name === 'ISTIO_META_REQUESTED_NETWORK_VIEW' && (each.value ?? '') !== '',
    ),
  )
}

export function gatewayPod(pod: Pod): GatewayPod {
  const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? [])
  const named = ports.flatMap(({ name, containerPort }) => (name === undefined ? [] : [[name, containerPort] as const]))
  return {
    name: pod.metadata.name,
    namespace: pod.metadata.namespace ?? '',
    ready: isReady(pod),
    terminating: pod.metadata.deletionTimestamp !== undefined,
    address: pod.status?.podIP || undefined,
    labels: pod.metadata.labels ?? {},
    namedPorts: named.length === 0 ? undefined : Object.fromEntries(named),
  }
}

/** Labels that change with the gateway's revision, chart or version: unsuitable for a selector. */
const VOLATILE_LABELS = [
  /^(pod-template-hash|controller-revision-hash|chart|heritage|release)$/,
  /^(istio\.io\/rev|helm\.sh\/chart|app\.kubernetes\.io\/(version|managed-by))$/,
  /^(service|sidecar|operator|install\.operator)\.istio\.io\//,
  /^(statefulset|apps)\.kubernetes\.io\//,
]

/**
 * The fewest labels that select these pods and no other gateway's: Istio selects pods in all namespaces, not Services.
 * The label `istio` alone if sufficient, as is common, otherwise with the Service's selector, otherwise with further
 * labels that the pods share; `istio` alone if nothing distinguishes them. Without pods, based on the Service.
 */
function narrowestSelector(
  pods: Pod[],
  routers: Pod[],
  serviceSelector: Record<string, string>,
): Record<string, string> {
  const istio = commonLabel(pods, 'istio') ?? serviceSelector['istio']
  const first: Record<string, string> = istio === undefined ? serviceSelector : { istio }
  const others = routers.filter((pod) => !pods.includes(pod)).map((pod) => pod.metadata.labels ?? {})
  if (pods.length === 0) return others.some((labels) => covers(labels, first)) ? serviceSelector : first
  const common = Object.entries(pods[0]?.metadata.labels ?? {}).filter(
    ([key, value]) => !VOLATILE_LABELS.some((pattern) => pattern.test(key)) && commonLabel(pods, key) === value,
  )
  const candidates = [Object.entries(serviceSelector), ...common.map((entry) => [entry]), common]
  const selectors = [first, ...candidates.map((more) => ({ ...first, ...Object.fromEntries(more) }))]
  return selectors.find((selector) => !others.some((labels) => covers(labels, selector))) ?? first
}

/** Whether an Istio Gateway with this selector configures exactly the pods of this gateway. */
export function selectsExactly(
  selector: Record<string, string>,
  gateway: IngressGateway,
  routers: readonly GatewayPod[],
): boolean {
  return (
    gateway.pods.every((pod) => covers(pod.labels ?? {}, selector)) &&
    (gateway.pods.length > 0 || covers(gateway.selector, selector)) &&
    otherSelectedPods(selector, gateway, routers).length === 0
  )
}

/** Returns the pods of other gateways that an Istio Gateway with this selector configures too. */
export function otherSelectedPods(
  selector: Record<string, string>,
  gateway: IngressGateway,
  routers: readonly GatewayPod[],
): GatewayPod[] {
  const own = new Set(gateway.pods.map(({ name }) => name))
  return routers.filter(
    (pod) => !(pod.namespace === gateway.namespace && own.has(pod.name)) && covers(pod.labels ?? {}, selector),
  )
}

/** The value that all these pods share for a label; undefined if they differ or lack it, or without pods. */
function commonLabel(pods: Pod[], label: string): string | undefined {
  const value = pods[0]?.metadata.labels?.[label]
  return value !== undefined && pods.every((pod) => pod.metadata.labels?.[label] === value) ? value : undefined
}

function covers(labels: Record<string, string>, selector: Record<string, string>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value)
}

/**
 * Whether an Istio Gateway with this selector configures the gateway. An empty selector matches every gateway.
 * Compares the pods' labels or, without pods, the gateway's own selector.
 */
export function selects(selector: Record<string, string>, gateway: IngressGateway): boolean {
  const live = gateway.pods.filter((pod) => pod.labels !== undefined)
  if (live.length === 0) return covers(gateway.selector, selector)
  return live.some((pod) => covers(pod.labels ?? {}, selector))
}

/**
 * Returns the only ingress gateway, or the one named "namespace/service" or "service".
 * Throws CSNI502 if none is found, CSNI105 with the candidates if there is more than one.
 */
export function chooseGateway(mesh: Mesh, wanted?: string): IngressGateway {
  const named = wanted === undefined || wanted === '' ? undefined : wanted
  const fitting =
    named === undefined
      ? unmanagedFirst(mesh.gateways)
      : mesh.gateways.filter(
          (gateway) => nameOf(gateway) === named || (!named.includes('/') && gateway.service === named),
        )
  const [only] = fitting
  if (only !== undefined && fitting.length === 1) return only
  if (fitting.length > 1) {
    const names = fitting.map(nameOf)
    throw new CassSniError('CSNI105', `found ${fitting.length} ingress gateways: ${names.join(', ')}`, {
      object: 'services of ingress gateways',
      next: names.map((name) => again`--gateway ${name}`),
    })
  }
  if (mesh.gateways.length === 0) {
    if (mesh.refused !== undefined) throw mesh.refused
    const where =
      mesh.istiods.length === 0
        ? ''
        : ` (istiod: ${mesh.istiods.map((istiod) => `${istiod.namespace}/${istiod.deployment}`).join(', ')})`
    throw new CassSniError(
      'CSNI502',
      `${named === undefined ? '' : `--gateway ${named}: `}no Istio ingress gateway found${where}`,
      {
        object: named === undefined ? 'services of ingress gateways' : `service ${named}`,
        next: [command`kubectl cass-sni install`, command`kubectl get services -A -l istio`],
      },
    )
  }
  throw new CassSniError(
    'CSNI502',
    `--gateway ${named}: not found (available: ${mesh.gateways.map(nameOf).join(', ')})`,
    {
      object: `service ${named}`,
      next: mesh.gateways.map((gateway) => again`--gateway ${nameOf(gateway)}`),
    },
  )
}

/** Returns the control planes of the gateway's revision; all if the revision is unknown. */
export function controlPlanesOf(gateway: IngressGateway, { istiods }: Pick<Mesh, 'istiods'>): Istiod[] {
  const revision = gateway.pods[0]?.labels?.['istio.io/rev']
  const own = istiods.filter((istiod) => istiod.revision === revision)
  return own.length > 0 ? own : istiods
}

/** The Service's entry for this TCP port: UDP may share the number (HTTP/3 on 443). */
export function tcpPort({ ports }: Pick<IngressGateway, 'ports'>, port: number): ServicePort | undefined {
  return ports.find((each) => each.port === port && (each.protocol ?? 'TCP') === 'TCP')
}

/**
 * The name of a gateway in flags and results: "namespace/service", or "namespace/name" of the Gateway resource for
 * routes of the Gateway API.
 */
export function nameOf(gateway: IngressGateway): string {
  return gateway.resource ?? `${gateway.namespace}/${gateway.service}`
}

function unmanagedFirst(gateways: IngressGateway[]): IngressGateway[] {
  const unmanaged = gateways.filter((gateway) => gateway.managed !== true)
  return unmanaged.length > 0 ? unmanaged : gateways
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
