/** Reads everything that the routes depend on: the one file here that asks the cluster. */
import type { Datacenter } from '../cassandra/datacenter.ts'
import { inClusterDomain } from '../cassandra/cluster-domain.ts'
import { type DatacenterChoice, observeDatacenter } from '../cassandra/observe-datacenter.ts'
import { FIELD_MANAGER, MANAGED_BY_LABEL } from '../changes/ownership.ts'
import type { Kube, KubeObject, ResourceType } from '../cluster/kube.ts'
import { listVisible, type Visible } from '../cluster/list-visible.ts'
import { ISTIO_GATEWAY, SERVICE, VIRTUAL_SERVICE } from '../cluster/resources.ts'
import { unless } from '../cluster/unless.ts'
import { OWNER_LABEL } from '../text/own-keys.ts'
import { networkingTypes } from '../istio/api.ts'
import { findGateway, readGateway } from '../istio/find-gateway.ts'
import { nameOf, selects } from '../istio/gateways.ts'
import { refuseUnheeded, usualMeshConfig } from '../istio/heeded.ts'
import type { IngressGateway, Mesh } from '../istio/mesh.ts'
import { observeMesh } from '../istio/observe-mesh.ts'
import { type Choices, choicesFrom } from './choices.ts'
import type { Observation } from './observation.ts'
import { routeNames } from './sni-names.ts'

export interface GatherOptions extends DatacenterChoice {
  /** "namespace/service" or "service"; default: what was chosen before, else the only one. */
  gateway?: string | undefined
}

/** What is being read: all at once, each part to be awaited when it is its turn to be told. */
export interface Gathering {
  datacenter: Promise<Datacenter>
  gateway: Promise<IngressGateway>
  observation: Promise<Observation>
}

/**
 * Nothing here waits for anything that it does not need. Throws what the observers throw (CSNI301, CSNI105, CSNI305,
 * CSNI501, CSNI502) and CSNI506 for a gateway that would ignore the routes.
 */
export function gather(kube: Kube, { gateway: wanted, ...choice }: GatherOptions): Gathering {
  const { namespace } = choice
  const reading = {
    datacenter: observeDatacenter(kube, choice),
    mesh: observeMesh(kube, { gateway: wanted }),
    gateways: listEverywhere(kube, ISTIO_GATEWAY),
    virtualServices: listEverywhere(kube, VIRTUAL_SERVICE),
    services: kube.list(SERVICE, { namespace }),
    // one round trip less: it would have to wait for the mesh
    meshConfig: usualMeshConfig(kube),
  }
  const known = Promise.all([reading.datacenter, reading.gateways, reading.virtualServices]).then(
    async ([found, gateways, virtualServices]) => {
      const names = routeNames(found.name)
      const [gateway, virtualService] = await Promise.all([
        ownObject(kube, ISTIO_GATEWAY, gateways, names.gateway, namespace),
        ownObject(kube, VIRTUAL_SERVICE, virtualServices, names.virtualService, namespace),
      ])
      const choices = choicesFrom(gateway, virtualService)
      return { choices, datacenter: await inClusterDomain(kube, found, choice.clusterDomain ?? choices.clusterDomain) }
    },
  )
  const datacenter = known.then((each) => each.datacenter)
  const chosen = Promise.all([reading.mesh, known]).then(([mesh, { choices }]) => {
    networkingTypes(mesh)
    return findGateway(kube, mesh, { wanted, remembered: choices })
  })
  const gateway = Promise.all([chosen, reading.mesh]).then(async ([found, mesh]) => {
    await refuseUnheeded(kube, mesh, found, namespace, reading.meshConfig)
    return found
  })
  const observation = Promise.all([datacenter, chosen, known, reading.mesh, reading.services]).then(
    async ([found, through, { choices }, mesh, services]): Promise<Observation> => {
      const { gateways, virtualServices } = reading
      const [routes, before] = await Promise.all([
        readRoutes(kube, found, through, mesh, { gateways, virtualServices }),
        previous(kube, mesh, through, choices),
        gateway,
      ])
      return { ...routes, datacenter: found, mesh, gateway: through, services, previous: before }
    },
  )
  // Whichever fails first is told when its turn comes; the others' errors must not be unhandled then.
  for (const each of [...Object.values(reading), known, datacenter, chosen, gateway, observation])
    each.catch(() => undefined)
  return { datacenter, gateway, observation }
}

/** The same for a datacenter and a gateway that are known already. */
export async function observeRoutes(
  kube: Kube,
  { datacenter, mesh, gateway }: Pick<Observation, 'datacenter' | 'mesh' | 'gateway'>,
): Promise<Observation> {
  const reading = {
    gateways: listEverywhere(kube, ISTIO_GATEWAY),
    virtualServices: listEverywhere(kube, VIRTUAL_SERVICE),
  }
  const [routes, services] = await Promise.all([
    readRoutes(kube, datacenter, gateway, mesh, reading),
    kube.list(SERVICE, { namespace: datacenter.namespace }),
  ])
  return { ...routes, datacenter, mesh, gateway, services }
}

type Listing = Promise<Visible<KubeObject> | undefined>

async function readRoutes(
  kube: Kube,
  datacenter: Datacenter,
  gateway: IngressGateway,
  mesh: Mesh,
  reading: { gateways: Listing; virtualServices: Listing },
): Promise<Pick<Observation, 'types' | 'gateways' | 'virtualServices' | 'hidden'>> {
  const types = networkingTypes(mesh)
  const namespaces = [datacenter.namespace, gateway.namespace]
  const seen = async (first: Listing, type: ResourceType) => {
    const listed = await first
    // Everything was seen; else what lies where it matters most.
    return listed?.complete === true ? listed : listVisible(kube, type, { namespaces })
  }
  const [gateways, virtualServices] = await Promise.all([
    seen(reading.gateways, types.gateway),
    seen(reading.virtualServices, types.virtualService),
  ])
  const own = [gateways, virtualServices].find(({ unreadable }) => unreadable.includes(datacenter.namespace))
  if (own?.refusal !== undefined) throw own.refusal
  const hidden = gateways.refusal ?? virtualServices.refusal
  return { types, gateways: gateways.items, virtualServices: virtualServices.items, hidden }
}

/**
 * Undefined when this version is not served, or there is no Istio. v1beta1 is served by every Istio up to 1.31.
 */
async function listEverywhere(kube: Kube, type: ResourceType): Listing {
  return unless('CSNI205', listVisible(kube, type, { namespaces: [] }))
}

async function ownObject(
  kube: Kube,
  type: ResourceType,
  listed: Visible<KubeObject> | undefined,
  name: string,
  namespace: string,
): Promise<KubeObject | undefined> {
  if (listed?.complete === true)
    return listed.items.find(({ metadata }) => metadata.name === name && metadata.namespace === namespace)
  return listed === undefined ? undefined : unless('CSNI203', kube.get(type, name, namespace))
}

/** The gateway that the live routes go through, when it is another one than the chosen. */
async function previous(
  kube: Kube,
  mesh: Mesh,
  chosen: IngressGateway,
  { gateway, selector = {} }: Choices,
): Promise<IngressGateway | undefined> {
  if (gateway !== undefined) {
    if (gateway === nameOf(chosen)) return undefined
    return mesh.gateways.find((each) => nameOf(each) === gateway) ?? readGateway(kube, mesh, gateway)
  }
  if (Object.keys(selector).length === 0 || selects(selector, chosen)) return undefined
  const fitting = mesh.gateways.filter((each) => selects(selector, each))
  return fitting.length === 1 ? fitting[0] : undefined
}

/** A datacenter with what was chosen for its routes. */
export interface Routed {
  datacenter: Datacenter
  choices: Choices
}

/**
 * The datacenter, with its nodes' names in the cluster's domain (the one given, else the one that our routes have, else
 * what the cluster says), and the choices that its routes stand for. Throws what `observeDatacenter` throws.
 */
export async function observeRouted(kube: Kube, choice: DatacenterChoice): Promise<Routed> {
  const { namespace } = choice
  const [found, gateways] = await Promise.all([observeDatacenter(kube, choice), ourGateways(kube, namespace)])
  const choices = await choicesOf(kube, gateways, namespace, found.name)
  return {
    datacenter: await inClusterDomain(kube, found, choice.clusterDomain ?? choices.clusterDomain),
    choices,
  }
}

/** The choices for the datacenter of that name, or for the only one that has routes in the namespace. */
export async function recallChoices(kube: Kube, namespace: string, datacenter: string | undefined): Promise<Choices> {
  const gateways = await ourGateways(kube, namespace)
  const [only, ...more] = gateways.map(({ metadata }) => metadata.labels?.[OWNER_LABEL])
  const name = datacenter ?? (more.length === 0 ? only : undefined)
  return name === undefined ? {} : choicesOf(kube, gateways, namespace, name)
}

/** None where there is no Istio, or they may not be listed. */
async function ourGateways(kube: Kube, namespace: string): Promise<KubeObject[]> {
  const labelSelector = `${MANAGED_BY_LABEL}=${FIELD_MANAGER}`
  const listed = unless('CSNI205', kube.list(ISTIO_GATEWAY, { namespace, labelSelector }))
  return (await unless('CSNI203', listed)) ?? []
}

async function choicesOf(kube: Kube, gateways: KubeObject[], namespace: string, datacenter: string): Promise<Choices> {
  const names = routeNames(datacenter)
  const gateway = gateways.find(({ metadata }) => metadata.name === names.gateway)
  const written = choicesFrom(gateway, undefined)
  if (gateway === undefined || written.clusterDomain !== undefined) return written
  // version 0.1 wrote no annotations
  return choicesFrom(gateway, await unless('CSNI203', kube.get(VIRTUAL_SERVICE, names.virtualService, namespace)))
}
