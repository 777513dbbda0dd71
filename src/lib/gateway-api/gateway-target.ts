/** Selects the Gateway resource for the routes: a shared one, or a separate one that this program manages. Pure. */
import type { KubeObject } from '../cluster/kube.ts'
import { API_GATEWAY, displayName } from '../cluster/resources.ts'
import { again, CassSniError, command, hint, type NextStep } from '../errors.ts'
import type { Condition, ResourceName } from './gateway-objects.ts'
import { textOf } from './gateway-objects.ts'
import { type ListenerRequest, servingListener } from './listener-choice.ts'

export interface GatewayTarget extends ResourceName {
  /** The listener that serves the routes. */
  listener: string
  /** For a Gateway of this program: its GatewayClass. Undefined: the Gateway is shared and not changed. */
  className?: string | undefined
  /** The live Gateway. */
  live?: KubeObject | undefined
}

export interface TargetRequest extends ListenerRequest {
  /** The Gateway "namespace/name", or its name in any namespace. */
  gateway?: string | undefined
  /** The GatewayClass of a separate Gateway. */
  className?: string | undefined
  /** The name of the separate Gateway. */
  ownName: string
  /** Whether this program manages the Gateway. */
  isManaged: (gateway: KubeObject) => boolean
}

/** The name of the listener of a separate Gateway. */
export const OWN_LISTENER = 'tls-cql'

/**
 * Returns the requested Gateway, or the only shared one with a suitable listener. `classes` is undefined without
 * permission to list GatewayClasses. Throws CSNI502 if the Gateway does not exist, CSNI510 if it or its GatewayClass
 * does not accept the routes, CSNI105 if none was requested and not exactly one is suitable.
 */
export function chooseTarget(
  gateways: readonly KubeObject[],
  classes: readonly KubeObject[] | undefined,
  request: TargetRequest,
): GatewayTarget {
  const { gateway: wanted, className, namespace, ownName } = request
  const own = { namespace, name: ownName }
  const live = gateways.find((each) => isNamed(each, own))
  const isOwn = wanted === undefined || wanted === textOf(own) || wanted === ownName
  const ownClass = className ?? (live !== undefined && request.isManaged(live) ? classOf(live) : undefined)
  if (isOwn && ownClass !== undefined) {
    if (live === undefined || classOf(live) !== ownClass) requireClass(ownClass, classes)
    return { ...own, listener: OWN_LISTENER, className: ownClass, live }
  }
  if (wanted !== undefined) return sharedTarget(namedGateway(gateways, wanted, request), request)
  const suitable = suitableGateways(gateways, request)
  const [only] = suitable
  if (only !== undefined && suitable.length === 1) return sharedTarget(only, request)
  throw unspecified(suitable, classes, request)
}

function sharedTarget(gateway: KubeObject, request: ListenerRequest): GatewayTarget {
  const { name, namespace = '' } = gateway.metadata
  const found = servingListener(gateway, request)
  if ('listener' in found) return { namespace, name, listener: found.listener, live: gateway }
  const object = `${displayName(API_GATEWAY, name)} in namespace ${namespace}`
  throw new CassSniError('CSNI510', `${object}: ${found.fault}`, {
    object,
    next: [
      hint(
        `required: a listener with port ${request.port}, protocol TLS, tls.mode Passthrough, no hostname, and ` +
          `allowedRoutes for TLSRoutes of namespace ${request.namespace}`,
      ),
      command`kubectl get -n ${namespace} gateways.gateway.networking.k8s.io ${name} -o yaml`,
      hint('alternatively, create a separate Gateway with --gateway-class'),
      command`kubectl get gatewayclasses`,
    ],
  })
}

function namedGateway(gateways: readonly KubeObject[], wanted: string, request: TargetRequest): KubeObject {
  const matching = gateways.filter((each) =>
    wanted.includes('/') ? textOf(resourceName(each)) === wanted : each.metadata.name === wanted,
  )
  const [only] = matching
  if (only !== undefined && matching.length === 1) return only
  if (matching.length > 1) {
    throw new CassSniError('CSNI105', `--gateway ${wanted} matches ${matching.length} Gateways`, {
      next: matching.map((each) => again`--gateway ${textOf(resourceName(each))}`),
    })
  }
  const suitable = suitableGateways(gateways, request)
  const available = gateways.map((each) => textOf(resourceName(each)))
  throw new CassSniError(
    'CSNI502',
    `--gateway ${wanted}: Gateway not found${available.length === 0 ? '' : ` (available: ${available.join(', ')})`}`,
    {
      object: displayName(API_GATEWAY, wanted),
      next: [
        ...suitable.map((each) => again`--gateway ${textOf(resourceName(each))}`),
        command`kubectl get gateways.gateway.networking.k8s.io -A`,
      ],
    },
  )
}

/** Shared Gateways that accept the routes: not those that this program manages for other datacenters. */
function suitableGateways(gateways: readonly KubeObject[], request: TargetRequest): KubeObject[] {
  return gateways.filter((each) => !request.isManaged(each) && 'listener' in servingListener(each, request))
}

function unspecified(
  suitable: readonly KubeObject[],
  classes: readonly KubeObject[] | undefined,
  { port }: TargetRequest,
): CassSniError {
  const names = suitable.map((each) => textOf(resourceName(each)))
  const found =
    names.length === 0
      ? `no Gateway passes TLS through on port ${port}`
      : `${names.length} Gateways pass TLS through on port ${port}: ${names.join(', ')}`
  const next: NextStep[] = [
    ...names.map((name) => again`--gateway ${name}`),
    ...acceptedClasses(classes).map((name) => again`--gateway-class ${name}`),
  ]
  return new CassSniError('CSNI105', `${found}; specify --gateway or --gateway-class`, {
    object: 'gateways.gateway.networking.k8s.io',
    next: next.length > 0 ? next : [command`kubectl get gatewayclasses`],
  })
}

function requireClass(name: string, classes: readonly KubeObject[] | undefined): void {
  if (classes === undefined || acceptedClasses(classes).includes(name)) return
  const exists = classes.some(({ metadata }) => metadata.name === name)
  throw new CassSniError('CSNI510', `gatewayclass/${name}: ${exists ? 'not accepted by a controller' : 'not found'}`, {
    object: `gatewayclass.gateway.networking.k8s.io/${name}`,
    next: [
      ...acceptedClasses(classes).map((each) => again`--gateway-class ${each}`),
      command`kubectl get gatewayclasses`,
    ],
  })
}

/** Controllers of Istio's classes for Gateways without ingress pods (istio/istio pilot/pkg/features/pilot.go). */
const NO_INGRESS = new Set(['istio.io/unmanaged-gateway', 'istio.io/mesh-controller'])

/** The classes that a controller has accepted. */
function acceptedClasses(classes: readonly KubeObject[] = []): string[] {
  return classes
    .filter(({ spec, status }) => {
      if (NO_INGRESS.has((spec as { controllerName?: string } | undefined)?.controllerName ?? '')) return false
      const { conditions = [] } = (status ?? {}) as { conditions?: Condition[] }
      return conditions.some((each) => each.type === 'Accepted' && each.status === 'True')
    })
    .map(({ metadata }) => metadata.name)
}

function classOf({ spec }: KubeObject): string | undefined {
  return (spec as { gatewayClassName?: string } | undefined)?.gatewayClassName
}

function resourceName({ metadata: { namespace = '', name } }: KubeObject): ResourceName {
  return { namespace, name }
}

function isNamed({ metadata }: KubeObject, { namespace, name }: ResourceName): boolean {
  return metadata.namespace === namespace && metadata.name === name
}
