/** Selects the listener of a Gateway that serves our routes, or states why no listener does. Pure. */
import type { KubeObject } from '../cluster/kube.ts'
import { matchesLabels } from '../cluster/label-selector.ts'
import { GATEWAY_API_GROUP, TLS_ROUTE } from '../cluster/resources.ts'
import { type Listener, listenersOf } from './gateway-objects.ts'

export interface ListenerRequest {
  port: number
  /** The namespace of the routes. */
  namespace: string
  /** Its labels; undefined if they cannot be read. */
  namespaceLabels?: Readonly<Record<string, string>> | undefined
}

/**
 * Returns the listener on this port that passes TLS through, for any server name, to TLSRoutes of this namespace; or
 * why the closest one does not.
 */
export function servingListener(
  gateway: KubeObject,
  request: ListenerRequest,
): { listener: string } | { fault: string } {
  const onPort = listenersOf(gateway).filter(({ port }) => port === request.port)
  if (onPort.length === 0) return { fault: `has no listener on port ${request.port}` }
  const faults = onPort.map((listener) => ({ listener, fault: listenerFault(listener, gateway, request) }))
  const serving = faults.find(({ fault }) => fault === undefined)
  if (serving !== undefined) return { listener: serving.listener.name }
  return { fault: faults.map(({ listener, fault }) => `listener ${listener.name} ${fault}`).join('; ') }
}

function listenerFault(
  { protocol, tls, hostname, allowedRoutes }: Listener,
  gateway: KubeObject,
  { namespace, namespaceLabels }: ListenerRequest,
): string | undefined {
  if (protocol !== 'TLS') return `has protocol ${protocol}, not TLS`
  if (tls?.mode !== 'Passthrough') return 'terminates TLS (mode is not Passthrough)'
  // host IDs have no domain
  if (hostname !== undefined && hostname !== '') return `serves only names that match ${hostname}, not host IDs`
  const kinds = allowedRoutes?.kinds ?? []
  const allowsKind = kinds.some(
    ({ group = GATEWAY_API_GROUP, kind }) => group === GATEWAY_API_GROUP && kind === TLS_ROUTE.kind,
  )
  if (kinds.length > 0 && !allowsKind) return 'does not allow TLSRoutes (allowedRoutes.kinds)'
  const { from = 'Same', selector = {} } = allowedRoutes?.namespaces ?? {}
  const refused = `does not allow routes from namespace ${namespace} (allowedRoutes.namespaces.from: ${from})`
  if (from === 'All' || (from === 'Same' && gateway.metadata.namespace === namespace)) return undefined
  if (from === 'Selector' && (namespaceLabels === undefined || matchesLabels(selector, namespaceLabels)))
    return undefined
  return refused
}
