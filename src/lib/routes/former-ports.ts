/** What may become of the ports that version 0.1 opened on the gateway, all under one field manager: pure. */
import type { Desired } from '../changes/changeset.ts'
import { FIELD_MANAGER, isManaged, managerOf, routesManagerSuffix } from '../changes/ownership.ts'
import type { KubeObject } from '../cluster/kube.ts'
import { selects } from '../istio/gateways.ts'
import { OWNER_LABEL } from '../text/own-keys.ts'
import { selectorOf, serversOf } from './live-routes.ts'
import type { Observation } from './observation.ts'

/**
 * They are kept while another datacenter of ours, seen or not, may live on one of them and does not hold it under its
 * own name yet; else they can go, and what this datacenter needs it holds itself.
 */
export function formerPorts({ datacenter, gateway, gateways, hidden }: Observation): Desired['former'] {
  const fields = gateway.object?.metadata.managedFields ?? []
  if (!fields.some((entry) => entry.manager === FIELD_MANAGER && entry.subresource === undefined)) return undefined
  if (hidden !== undefined) return 'keep'
  const holders = new Set(fields.map((entry) => entry.manager))
  const others = gateways.filter(
    (each) =>
      isManaged(each) && !isOf(each, datacenter) && selects(selectorOf(each), gateway) && serversOf(each).length > 0,
  )
  const waiting = others.some(({ metadata: { namespace = '', labels } }) => {
    const name = labels?.[OWNER_LABEL] ?? ''
    return !holders.has(managerOf(routesManagerSuffix({ namespace, name })))
  })
  return waiting ? 'keep' : 'release'
}

function isOf({ metadata }: KubeObject, { namespace, name }: { namespace: string; name: string }): boolean {
  return metadata.namespace === namespace && metadata.labels?.[OWNER_LABEL] === name
}
