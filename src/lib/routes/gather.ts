/** Reads everything that the routes depend on: the only file in this directory that accesses the cluster. */
import { confirmHostIds } from '../cassandra/confirm-host-ids.ts'
import type { Datacenter } from '../cassandra/datacenter.ts'
import { inClusterDomain } from '../cassandra/cluster-domain.ts'
import { readDataVolumes, withDataVolumes } from '../cassandra/data-volumes.ts'
import { type DatacenterChoice, observeDatacenter } from '../cassandra/observe-datacenter.ts'
import type { Listed } from '../changes/change-plan.ts'
import { FIELD_MANAGER, MANAGED_BY_LABEL } from '../changes/ownership.ts'
import type { Kube, KubeObject, ResourceType } from '../cluster/kube.ts'
import { listVisible, type Visible } from '../cluster/list-visible.ts'
import {
  AUTHORIZATION_POLICY,
  DESTINATION_RULE,
  ISTIO_GATEWAY,
  PEER_AUTHENTICATION,
  SERVICE,
  SERVICE_ENTRY,
  VIRTUAL_SERVICE,
} from '../cluster/resources.ts'
import { unless } from '../cluster/unless.ts'
import { observeGatewayApi, servedTlsRoute } from '../gateway-api/observe-gateway-api.ts'
import { BACKEND_LABEL, OWNER_LABEL } from '../text/own-keys.ts'
import { networkingTypes } from '../istio/api.ts'
import { readGateway } from '../istio/find-gateway.ts'
import { nameOf, selects } from '../istio/gateways.ts'
import { defaultExportTo, refuseUnheeded, usualMeshConfig } from '../istio/heeded.ts'
import type { IngressGateway, Mesh } from '../istio/mesh.ts'
import { observeMesh } from '../istio/observe-mesh.ts'
import { type Choices, choicesFrom } from './choices.ts'
import { chooseGatewayFor, type GatewayChoice } from './choose-gateway.ts'
import { confirmedIn } from './confirmed-host-ids.ts'
import { isRouteOf } from './live-routes.ts'
import type { Observation } from './observation.ts'
import { routeNames } from './sni-names.ts'

export type GatherOptions = DatacenterChoice & GatewayChoice

/** Concurrent reads, each of which is awaited when its step is reported. */
export interface Gathering {
  datacenter: Promise<Datacenter>
  gateway: Promise<IngressGateway>
  observation: Promise<Observation>
}

/**
 * Starts all reads concurrently. They reject with the errors of the observers (CSNI301, CSNI105, CSNI305, CSNI501,
 * CSNI502), with CSNI509 or CSNI510 if the Gateway API cannot serve the routes, and with CSNI506 for a gateway that
 * would ignore them.
 */
export function gather(kube: Kube, options: GatherOptions): Gathering {
  const { namespace, gateway: wanted } = options
  const choice: DatacenterChoice = { namespace, name: options.name, clusterDomain: options.clusterDomain }
  const reading = {
    datacenter: observeDatacenter(kube, choice),
    mesh: observeMesh(kube, { gateway: wanted, apis: ['networking'] }),
    gateways: listEverywhere(kube, ISTIO_GATEWAY),
    virtualServices: listEverywhere(kube, VIRTUAL_SERVICE),
    gatewayApi: observeGatewayApi(kube, [namespace]),
    policies: listEverywhere(kube, AUTHORIZATION_POLICY),
    services: kube.list(SERVICE, { namespace }),
    backendObjects: listBackendObjects(kube, namespace),
    // requested early to save a round trip after reading the mesh
    meshConfig: usualMeshConfig(kube),
  }
  const confirming = Promise.all([reading.datacenter, reading.services, reading.backendObjects]).then(
    async ([found, services, backends]) => {
      const before = confirmedIn([...services, ...backends.flatMap(({ objects }) => objects)])
      const confirmed = await confirmHostIds(kube, found, before)
      return withDataVolumes(confirmed, before, await readDataVolumes(kube, confirmed, before))
    },
  )
  const known = Promise.all([confirming, reading.gateways, reading.virtualServices, reading.gatewayApi]).then(
    async ([found, gateways, virtualServices, gatewayApi]) => {
      const names = routeNames(found.name)
      const [gateway, own] = await Promise.all([
        ownObject(kube, ISTIO_GATEWAY, gateways, names.gateway, namespace),
        ownRoutes(kube, virtualServices, found),
      ])
      const istio = { gateway, virtualServices: own }
      const tlsRoutes = gatewayApi.tlsRoutes.filter((each) => isRouteOf(each, found))
      const choices = choicesFrom({ ...istio, tlsRoutes }, options.api)
      return {
        choices,
        istio: choicesFrom(istio),
        datacenter: await inClusterDomain(kube, found, choice.clusterDomain ?? choices.clusterDomain),
      }
    },
  )
  const datacenter = known.then((each) => each.datacenter)
  const chosen = Promise.all([reading.mesh, known, reading.gatewayApi]).then(
    ([mesh, { choices, datacenter: of }, api]) =>
      chooseGatewayFor(kube, { datacenter: of, mesh, gatewayApi: api }, choices, options),
  )
  const gateway = Promise.all([chosen, reading.mesh]).then(async ([{ gateway: found }, mesh]) => {
    await refuseUnheeded(kube, mesh, found, namespace, reading.meshConfig)
    return found
  })
  const observation = Promise.all([datacenter, chosen, known, reading.mesh, reading.services]).then(
    async ([found, through, { istio }, mesh, services]): Promise<Observation> => {
      const { gateways, virtualServices } = reading
      const [routes, exportTo, before, gatewayApi, policies, backendObjects] = await Promise.all([
        readRoutes(kube, found, through.gateway, mesh, { gateways, virtualServices }),
        defaultExportTo(kube, mesh, through.gateway, reading.meshConfig),
        previous(kube, mesh, through.gateway, istio),
        reading.gatewayApi,
        readPolicies(kube, through.gateway, mesh, reading.policies),
        reading.backendObjects,
        gateway,
      ])
      const rest = { mesh, gatewayApi, services, backendObjects, previous: before, defaultExportTo: exportTo }
      return { ...routes, ...policies, ...through, ...rest, datacenter: found }
    },
  )
  // Errors are reported when awaited; the others must not become unhandled rejections.
  for (const each of [...Object.values(reading), confirming, known, datacenter, chosen, gateway, observation])
    each.catch(() => undefined)
  return { datacenter, gateway, observation }
}

/** Reads the rest for a known datacenter and gateway. */
export async function observeRoutes(
  kube: Kube,
  { datacenter, mesh, gateway }: Pick<Observation, 'datacenter' | 'mesh' | 'gateway'>,
  choices: Choices = {},
): Promise<Observation> {
  const reading = {
    gateways: listEverywhere(kube, ISTIO_GATEWAY),
    virtualServices: listEverywhere(kube, VIRTUAL_SERVICE),
  }
  const [routes, exportTo, services, gatewayApi, policies, backendObjects] = await Promise.all([
    readRoutes(kube, datacenter, gateway, mesh, reading),
    defaultExportTo(kube, mesh, gateway),
    kube.list(SERVICE, { namespace: datacenter.namespace }),
    observeGatewayApi(kube, [datacenter.namespace]),
    readPolicies(kube, gateway, mesh, listEverywhere(kube, AUTHORIZATION_POLICY)),
    listBackendObjects(kube, datacenter.namespace),
  ])
  const objects = { gatewayApi, services, backendObjects, defaultExportTo: exportTo }
  const observed = { ...routes, ...policies, ...objects, datacenter, mesh }
  if (choices.api !== 'gateway') return { ...observed, api: 'istio', gateway }
  const options = { gateway: gateway.resource, gatewayClass: choices.gatewayClass, port: choices.port }
  return { ...observed, ...(await chooseGatewayFor(kube, observed, choices, options)) }
}

/**
 * Lists our objects of kinds that only some backends create. None of a kind that is not served, or that the user cannot
 * list: most do not use these backends.
 */
export function listBackendObjects(kube: Kube, namespace: string | undefined): Promise<Listed[]> {
  const labelSelector = `${MANAGED_BY_LABEL}=${FIELD_MANAGER},${BACKEND_LABEL}`
  return Promise.all(
    [SERVICE_ENTRY, PEER_AUTHENTICATION, DESTINATION_RULE].map(async (type) => {
      const listed = unless('CSNI205', kube.list(type, { namespace, labelSelector }))
      return { type, objects: (await unless('CSNI203', listed)) ?? [] }
    }),
  )
}

type Listing = Promise<Visible<KubeObject> | undefined>

async function readRoutes(
  kube: Kube,
  datacenter: Datacenter,
  gateway: IngressGateway,
  mesh: Mesh,
  reading: { gateways: Listing; virtualServices: Listing },
): Promise<Pick<Observation, 'types' | 'gateways' | 'virtualServices' | 'hidden'>> {
  if (mesh.networkingVersion === undefined)
    return { types: { gateway: ISTIO_GATEWAY, virtualService: VIRTUAL_SERVICE }, gateways: [], virtualServices: [] }
  const types = networkingTypes(mesh)
  const namespaces = [datacenter.namespace, gateway.namespace]
  const visible = async (first: Listing, type: ResourceType) => {
    const listed = await first
    // If not everything was listed, list the most relevant namespaces.
    return listed?.complete === true ? listed : listVisible(kube, type, { namespaces })
  }
  const [gateways, virtualServices] = await Promise.all([
    visible(reading.gateways, types.gateway),
    visible(reading.virtualServices, types.virtualService),
  ])
  for (const { unreadable } of [gateways, virtualServices]) {
    const refusal = unreadable.get(datacenter.namespace)
    if (refusal !== undefined) throw refusal
  }
  const hidden = gateways.refusal ?? virtualServices.refusal
  return { types, gateways: gateways.items, virtualServices: virtualServices.items, hidden }
}

/** Reads the AuthorizationPolicies that may apply to the gateway. */
async function readPolicies(
  kube: Kube,
  gateway: IngressGateway,
  { istiods }: Mesh,
  reading: Listing,
): Promise<Pick<Observation, 'authorizationPolicies' | 'hiddenPolicies'>> {
  const listed = await reading
  if (listed === undefined) return { authorizationPolicies: [] }
  if (listed.complete) return { authorizationPolicies: listed.items }
  const namespaces = [gateway.namespace, ...istiods.map(({ namespace }) => namespace)]
  const { items, unreadable } = await listVisible(kube, AUTHORIZATION_POLICY, { namespaces })
  return { authorizationPolicies: items, hiddenPolicies: [...unreadable.values()][0] }
}

/** Lists a kind everywhere; undefined if v1beta1 is not served. Every Istio up to 1.31 serves it. */
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

/** The datacenter's VirtualServices. */
async function ownRoutes(
  kube: Kube,
  listed: Visible<KubeObject> | undefined,
  datacenter: Datacenter,
): Promise<KubeObject[]> {
  if (listed === undefined) return []
  const { namespace } = datacenter
  const visible = listed.complete ? listed.items : await unless('CSNI203', kube.list(VIRTUAL_SERVICE, { namespace }))
  return (visible ?? []).filter((each) => isRouteOf(each, datacenter))
}

/** The Istio gateway of the live routes if it differs from the selected one. */
async function previous(
  kube: Kube,
  mesh: Mesh,
  selected: IngressGateway,
  { gateway, selector = {} }: Choices,
): Promise<IngressGateway | undefined> {
  if (gateway !== undefined) {
    // the Gateway resource of the Gateway API may have the same Service
    if (gateway === `${selected.namespace}/${selected.service}`) return undefined
    return mesh.gateways.find((each) => nameOf(each) === gateway) ?? readGateway(kube, mesh, gateway)
  }
  if (Object.keys(selector).length === 0 || selects(selector, selected)) return undefined
  const fitting = mesh.gateways.filter((each) => selects(selector, each))
  return fitting.length === 1 ? fitting[0] : undefined
}

/** A datacenter with the choices recorded in its routes. */
export interface Routed {
  datacenter: Datacenter
  choices: Choices
}

/**
 * Reads the datacenter and the choices recorded in its routes. Node names use the cluster domain from the options, our
 * routes or the cluster, in this order. With `confirm`, every host ID is confirmed by Cassandra, which costs a request
 * to a node. Throws what `observeDatacenter` throws.
 */
export async function observeRouted(
  kube: Kube,
  { confirm = false, ...choice }: DatacenterChoice & { confirm?: boolean | undefined },
): Promise<Routed> {
  const { namespace } = choice
  const [found, gateways] = await Promise.all([
    observeDatacenter(kube, choice).then((read) => (confirm ? confirmHostIds(kube, read, new Map()) : read)),
    ourGateways(kube, namespace),
  ])
  const choices = await choicesOf(kube, gateways, namespace, found.name)
  return {
    datacenter: await inClusterDomain(kube, found, choice.clusterDomain ?? choices.clusterDomain),
    choices,
  }
}

/** Reads the choices for a datacenter, or for the only one with routes in the namespace. */
export async function recallChoices(kube: Kube, namespace: string, datacenter: string | undefined): Promise<Choices> {
  const gateways = await ourGateways(kube, namespace)
  const objects = gateways.length > 0 ? gateways : await ourTlsRoutes(kube, namespace)
  const [only, ...more] = new Set(objects.map(({ metadata }) => metadata.labels?.[OWNER_LABEL]))
  const name = datacenter ?? (more.length === 0 ? only : undefined)
  return name === undefined ? {} : choicesOf(kube, gateways, namespace, name)
}

/** Our Istio Gateways in the namespace; none without Istio or permission. */
function ourGateways(kube: Kube, namespace: string): Promise<KubeObject[]> {
  return managedIn(kube, ISTIO_GATEWAY, namespace)
}

/** Our TLSRoutes in the namespace; none without the Gateway API or permission. */
async function ourTlsRoutes(kube: Kube, namespace: string): Promise<KubeObject[]> {
  const type = await servedTlsRoute(kube)
  return type === undefined ? [] : managedIn(kube, type, namespace)
}

async function managedIn(kube: Kube, type: ResourceType, namespace: string): Promise<KubeObject[]> {
  const labelSelector = `${MANAGED_BY_LABEL}=${FIELD_MANAGER}`
  const listed = unless('CSNI205', kube.list(type, { namespace, labelSelector }))
  return (await unless('CSNI203', listed)) ?? []
}

async function choicesOf(kube: Kube, gateways: KubeObject[], namespace: string, datacenter: string): Promise<Choices> {
  const names = routeNames(datacenter)
  const gateway = gateways.find(({ metadata }) => metadata.name === names.gateway)
  if (gateway === undefined) {
    const tlsRoutes = await ourTlsRoutes(kube, namespace)
    return choicesFrom({ tlsRoutes: tlsRoutes.filter((each) => isRouteOf(each, { name: datacenter, namespace })) })
  }
  const written = choicesFrom({ gateway })
  if (written.clusterDomain !== undefined) return written
  // version 0.1 wrote no annotations
  const virtualService = await unless('CSNI203', kube.get(VIRTUAL_SERVICE, names.virtualService, namespace))
  return choicesFrom({ gateway, virtualServices: virtualService === undefined ? [] : [virtualService] })
}
