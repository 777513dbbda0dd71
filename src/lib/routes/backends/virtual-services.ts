/**
 * The VirtualServices of a datacenter: one, or several parts where one would become too large for etcd. Pure.
 *
 * The part of a node follows from a hash of its pod's name, and the number of parts is a power of two: other nodes
 * never move a node, and doubling or halving the number moves nodes from an old part to a new one, or back. Istio uses
 * the first of two identical matches (istio/istio pilot/pkg/networking/core/gateway.go), so a node is added to its new
 * part before it is removed from the old one, and keeps its route.
 */
import { createHash } from 'node:crypto'
import type { Datacenter } from '../../cassandra/datacenter.ts'
import type { Desired } from '../../changes/changeset.ts'
import type { KubeObject } from '../../cluster/kube.ts'
import type { VirtualServiceSpec } from '../../istio/networking.ts'
import { partOfName, routeNames, virtualServiceName } from '../sni-names.ts'
import type { RouteInput, Upstream } from './backend.ts'
import { destination, owned } from './objects.ts'

/** A route by server names. */
export interface NamedRoute {
  /** The node; undefined for a route of no single node, which is in the first part. */
  pod?: string | undefined
  serverNames: string[]
  upstream: Upstream
}

/**
 * Largest size of the routes in one part, in bytes of JSON: some 700 nodes. Smaller parts make the change of one node
 * cheaper; etcd's limit is 1.5 MiB (changes/request-size.ts).
 */
const LARGEST_PART_BYTES = 256 * 1024

/**
 * Returns the VirtualServices with these routes, in stages: first the parts that do not exist yet, then the others,
 * which may lose routes to them.
 */
export function virtualServices(input: RouteInput, routes: readonly NamedRoute[]): Desired[][] {
  const parts = partsOf(input, routes)
  const desired = [...parts].map(([part, members]) => virtualService(input, specOf(input, members), part))
  const exists = (one: Desired) => one.basedOn !== undefined
  return [desired.filter((one) => !exists(one)), desired.filter(exists)].filter((stage) => stage.length > 0)
}

/** Returns a VirtualService, exported to its own namespace and the gateway's. */
export function virtualService(
  input: RouteInput,
  rest: Pick<VirtualServiceSpec, 'hosts' | 'tls' | 'tcp'>,
  part = 0,
): Desired {
  const { types, datacenter, gateway } = input
  const name = virtualServiceName(datacenter.name, part)
  const live = input.live.find(({ metadata }) => metadata.name === name)
  const spec: VirtualServiceSpec = {
    exportTo: datacenter.namespace === gateway.namespace ? ['.'] : ['.', gateway.namespace],
    gateways: [`${datacenter.namespace}/${routeNames(datacenter.name).gateway}`],
    ...rest,
  }
  return {
    type: types.virtualService,
    ownership: 'own',
    basedOn: live === undefined ? undefined : { live },
    object: { ...owned(input, types.virtualService, name), spec },
  }
}

function specOf({ port }: RouteInput, routes: readonly NamedRoute[]): Pick<VirtualServiceSpec, 'hosts' | 'tls'> {
  return {
    hosts: routes.flatMap(({ serverNames }) => serverNames),
    tls: routes.map(({ serverNames, upstream }) => ({
      // All names of a node in one match yield one filter chain, which changes atomically.
      match: [{ port, sniHosts: serverNames }],
      route: [destination(upstream)],
    })),
  }
}

/** The routes of each part that has any, in order. */
function partsOf(input: RouteInput, routes: readonly NamedRoute[]): Map<number, NamedRoute[]> {
  const hashed = routes.map((route) => ({
    route,
    hash: route.pod === undefined ? 0 : hashOf(route.pod),
    bytes: bytesOf(input, route),
  }))
  const count = partCount(hashed, liveCount(input.live, input.datacenter), input.largestPartBytes)
  const parts = new Map<number, NamedRoute[]>()
  for (const { route, hash } of hashed) {
    const part = hash % count
    const members = parts.get(part)
    if (members === undefined) parts.set(part, [route])
    else members.push(route)
  }
  return new Map([...parts].sort(([one], [other]) => one - other))
}

/**
 * The number of parts, a power of two: as many as there are now, more if one of them would be too large, fewer only if
 * that leaves half of each part free, so that the number does not change back and forth.
 */
function partCount(
  routes: readonly { hash: number; bytes: number }[],
  now: number,
  largest = LARGEST_PART_BYTES,
): number {
  const largestOf = (count: number) => {
    const sizes = new Array<number>(count).fill(0)
    for (const { hash, bytes } of routes) sizes[hash % count] = (sizes[hash % count] ?? 0) + bytes
    return Math.max(...sizes)
  }
  let count = now
  while (count < routes.length && largestOf(count) > largest) count *= 2
  while (count > 1 && (count / 2 >= routes.length || largestOf(count / 2) <= largest / 2)) count /= 2
  return count
}

/** The number of parts of the live VirtualServices. */
function liveCount(live: readonly KubeObject[], { name }: Datacenter): number {
  const parts = live.map(({ metadata }) => (partOfName(name, metadata.name) ?? 0) + 1)
  return 2 ** Math.ceil(Math.log2(Math.max(1, ...parts)))
}

function hashOf(pod: string): number {
  return createHash('sha256').update(pod).digest().readUInt32BE()
}

/** The size of a route in JSON. */
function bytesOf(input: RouteInput, route: NamedRoute): number {
  return JSON.stringify(specOf(input, [route])).length
}
