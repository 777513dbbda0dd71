/** Which Services are ingress gateways: pure, from Services and pods, however Istio was installed. */
import { isReady, type Pod, type Service } from '../cluster/workloads.ts'
import { again, CassSniError, command } from '../errors.ts'
import type { GatewayPod, IngressGateway, Mesh, ServicePort } from './mesh.ts'

/**
 * The ports of istiod and of sidecars are no sign of a gateway; these names are signs of the other kinds of gateway.
 */
const NOT_INGRESS = /egress|east-?west/i

/**
 * The labels that istiod puts on what it makes for a Gateway of the Kubernetes Gateway API (istio/istio
 * manifests/…/files/kube-gateway.yaml).
 */
const MANAGED_LABELS = ['gateway.istio.io/managed', 'gateway.networking.k8s.io/gateway-name', 'istio.io/gateway-name']

/**
 * The ingress gateways among the Services: those whose selector takes in pods that run Envoy as a router.
 * A Service whose gateway has no pods just now counts by its own `istio` label. Gateways for egress and between
 * networks are left out.
 */
export function gatewaysFrom(services: Service[], pods: Pod[]): IngressGateway[] {
  const routers = pods.filter(isRouter)
  return services
    .flatMap((service) => gatewayFrom(service, routers) ?? [])
    .sort((a, b) => compareText(`${a.namespace}/${a.service}`, `${b.namespace}/${b.service}`))
}

/**
 * Does Envoy run in this pod as a gateway? The agent is started as `pilot-agent proxy router` in every kind of
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
  if (pods.length === 0 && !looksLikeGateway(labels, serviceSelector)) return undefined
  const istio = commonLabel(pods, 'istio') ?? serviceSelector.istio
  if (NOT_INGRESS.test(name) || NOT_INGRESS.test(istio ?? '') || pods.some(joinsNetworks)) return undefined
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
 * Without pods to look at: the labels that istioctl's charts and the gateway chart put on the Service (istio:
 * ingressgateway, istio: <release>). istiod's own is istio: pilot.
 */
function looksLikeGateway(labels: Record<string, string>, selector: Record<string, string>): boolean {
  const istio = labels.istio
  return istio !== undefined && istio !== 'pilot' && istio !== 'istiod' && selector.istio === istio
}

/** Gateways between networks carry this variable (istio/istio manifests/charts/gateway, `networkGateway`). */
function joinsNetworks(pod: Pod): boolean {
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

/** Labels that a new revision, chart or version of the gateway changes: nothing to select by. */
const PASSING = [
  /^(pod-template-hash|controller-revision-hash|chart|heritage|release)$/,
  /^(istio\.io\/rev|helm\.sh\/chart|app\.kubernetes\.io\/(version|managed-by))$/,
  /^(service|sidecar|operator|install\.operator)\.istio\.io\//,
  /^(statefulset|apps)\.kubernetes\.io\//,
]

/**
 * The fewest labels that take in these pods and no other gateway's: Istio selects pods of all namespaces, not Services.
 * The label `istio` alone where that is enough, as everybody writes it, else along with what the Service selects by,
 * else with whatever else the pods have in common; `istio` alone again when nothing tells them apart. Without pods:
 * what the Service says.
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
    ([key, value]) => !PASSING.some((pattern) => pattern.test(key)) && commonLabel(pods, key) === value,
  )
  const candidates = [Object.entries(serviceSelector), ...common.map((entry) => [entry]), common]
  const selectors = [first, ...candidates.map((more) => ({ ...first, ...Object.fromEntries(more) }))]
  return selectors.find((selector) => !others.some((labels) => covers(labels, selector))) ?? first
}

/** Does an Istio Gateway with this selector configure exactly the pods of this gateway, of all that run Envoy so? */
export function selectsExactly(
  selector: Record<string, string>,
  gateway: IngressGateway,
  routers: readonly GatewayPod[],
): boolean {
  return (
    gateway.pods.every((pod) => covers(pod.labels ?? {}, selector)) &&
    (gateway.pods.length > 0 || covers(gateway.selector, selector)) &&
    takenInBesides(selector, gateway, routers).length === 0
  )
}

/** The pods of other gateways that an Istio Gateway with this selector configures too. */
export function takenInBesides(
  selector: Record<string, string>,
  gateway: IngressGateway,
  routers: readonly GatewayPod[],
): GatewayPod[] {
  const own = new Set(gateway.pods.map(({ name }) => name))
  return routers.filter(
    (pod) => !(pod.namespace === gateway.namespace && own.has(pod.name)) && covers(pod.labels ?? {}, selector),
  )
}

/** The value that all these pods have for a label; undefined when they differ, lack it, or there are none. */
function commonLabel(pods: Pod[], label: string): string | undefined {
  const value = pods[0]?.metadata.labels?.[label]
  return value !== undefined && pods.every((pod) => pod.metadata.labels?.[label] === value) ? value : undefined
}

function covers(labels: Record<string, string>, selector: Record<string, string>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value)
}

/**
 * Does an Istio Gateway with this selector configure the gateway? An empty selector means every gateway.
 * By the pods' labels; while there are no pods, by what the Service is known by.
 */
export function selects(selector: Record<string, string>, gateway: IngressGateway): boolean {
  const live = gateway.pods.filter((pod) => pod.labels !== undefined)
  if (live.length === 0) return covers(gateway.selector, selector)
  return live.some((pod) => covers(pod.labels ?? {}, selector))
}

/**
 * The one ingress gateway there is, or the one named "namespace/service" or "service".
 * Throws CSNI502 when there is none of that name (or none at all), CSNI105 listing the candidates when several fit.
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
    throw new CassSniError('CSNI105', `${fitting.length} ingress gateways fit: ${names.join(', ')}`, {
      object: 'services of ingress gateways',
      next: names.map((name) => again`--gateway ${name}`),
    })
  }
  if (mesh.gateways.length === 0) {
    if (mesh.refused !== undefined) throw mesh.refused
    const where =
      mesh.istiods.length === 0
        ? ''
        : `; istiod runs in ${mesh.istiods.map((istiod) => `${istiod.namespace}/${istiod.deployment}`).join(', ')}`
    throw new CassSniError(
      'CSNI502',
      `there is no ingress gateway of Istio${named === undefined ? '' : `, so none called ${named}`}${where}`,
      {
        object: named === undefined ? 'services of ingress gateways' : `service ${named}`,
        next: [command`kubectl cass-sni install`, command`kubectl get services -A -l istio`],
      },
    )
  }
  throw new CassSniError(
    'CSNI502',
    `${named} is no ingress gateway; there is ${mesh.gateways.map(nameOf).join(', ')}`,
    {
      object: `service ${named}`,
      next: mesh.gateways.map((gateway) => again`--gateway ${nameOf(gateway)}`),
    },
  )
}

/** The entry of the gateway's Service for TCP on this port: UDP may share the number (HTTP/3 on 443). */
export function tcpPort({ ports }: Pick<IngressGateway, 'ports'>, port: number): ServicePort | undefined {
  return ports.find((each) => each.port === port && (each.protocol ?? 'TCP') === 'TCP')
}

/** "namespace/service": how a gateway is named in flags and results. */
export function nameOf(gateway: IngressGateway): string {
  return `${gateway.namespace}/${gateway.service}`
}

function unmanagedFirst(gateways: IngressGateway[]): IngressGateway[] {
  const unmanaged = gateways.filter((gateway) => gateway.managed !== true)
  return unmanaged.length > 0 ? unmanaged : gateways
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
