/** Handles the gateway ports that version 0.1 opened, all under one field manager. Pure. */
import type { Datacenter } from '../cassandra/datacenter.ts'
import type { Desired } from '../changes/changeset.ts'
import { FIELD_MANAGER, isManaged, managerOf, routesManagerSuffix } from '../changes/ownership.ts'
import type { KubeObject } from '../cluster/kube.ts'
import { selects } from '../istio/gateways.ts'
import { OWNER_LABEL } from '../text/own-keys.ts'
import { selectorOf, serversOf } from './live-routes.ts'
import type { Observation } from './observation.ts'

/** The part of an observation that decides; the datacenter may no longer exist. */
export interface FormerScope extends Pick<Observation, 'gateway' | 'gateways' | 'hidden'> {
  datacenter: Pick<Datacenter, 'name' | 'namespace'>
}

/**
 * Keeps the ports while another of our datacenters, visible or not, may use one and does not yet manage it under its
 * own field manager. Otherwise releases them; this datacenter manages the ports that it needs.
 */
export function formerPorts({ datacenter, gateway, gateways, hidden }: FormerScope): Desired['former'] {
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
