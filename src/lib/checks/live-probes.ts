/** The probes of a real cluster: each question is put once, when the first check asks it. */
import {
  authorityPlace,
  keystoreObject,
  keystorePassword,
  readAuthorityCertificate,
  readKeystoreMaterial,
} from '../cassandra/authority-secret.ts'
import { readCredentials } from '../cassandra/credentials.ts'
import type { CassandraNode, Datacenter } from '../cassandra/datacenter.ts'
import { parseAuthorityPath, trustPem } from '../certificates/certificate-authority.ts'
import { operatorName, requiredNames } from '../certificates/certificate-plan.ts'
import { openKeystore } from '../certificates/node-keystore.ts'
import type { PolicyInput } from '../certificates/policies.ts'
import type { Kube } from '../cluster/kube.ts'
import { cqlHostId } from '../connection/cql-login.ts'
import type { Dial } from '../connection/dialer.ts'
import { gatewayDialer } from '../connection/gateway-dialer.ts'
import { handshake } from '../connection/tls.ts'
import { CassSniError } from '../errors.ts'
import { findGateway } from '../istio/find-gateway.ts'
import type { Choices } from '../routes/choices.ts'
import { listeningPort, loadedListener } from '../istio/loaded.ts'
import { observeMesh } from '../istio/observe-mesh.ts'
import { observeRoutes } from '../routes/gather.ts'
import { type Plan, planRoutes } from '../routes/route-plan.ts'
import type { LoadedNames, Probes } from './probes.ts'

export interface LiveProbesOptions {
  kube: Kube
  datacenter: Datacenter
  /** What its routes stand for. */
  choices?: Choices | undefined
  /** "namespace/service" or "service". */
  gateway?: string
  port: number
  /** "host[:port]" to go to instead of the gateway's own address. */
  address?: string
  /** Go through the API server even if there is an address. */
  tunnel: boolean
  now: number
  signal: AbortSignal
}

export function liveProbes(options: LiveProbesOptions): Probes {
  const { kube, datacenter, port, signal } = options
  const named = options.gateway?.includes('/') ? options.gateway.split('/')[0] : undefined
  const mesh = once(() => observeMesh(kube, named === undefined ? {} : { namespaces: [named] }))
  const gateway = once(async () =>
    findGateway(kube, await mesh(), { wanted: options.gateway, remembered: options.choices }),
  )
  const path = once(async () => {
    return gatewayDialer(kube, await gateway(), {
      port,
      tunnel: options.tunnel ? 'always' : 'auto',
      address: options.address,
      serverName: datacenter.nodes.find((node) => node.hostId !== undefined)?.hostId,
    })
  })
  const dial: Dial = async (options) => (await path()).dial(options)
  const observation = once(async () =>
    observeRoutes(kube, { datacenter, mesh: await mesh(), gateway: await gateway() }),
  )
  const plan = once(async (): Promise<Plan> => planRoutes(await observation(), { mode: 'sni', port }))
  const authority = once(async () =>
    trustPem(parseAuthorityPath(await readAuthorityCertificate(kube, datacenter), authorityPlace(datacenter))),
  )
  const credentials = once(() => readCredentials(kube, datacenter))
  const ask = async (node: CassandraNode): Promise<string> => {
    const { hostId } = node
    if (hostId === undefined) throw new CassSniError('CSNI303', `the host id of pod ${node.pod} is not known`)
    return cqlHostId({ dial, serverName: hostId, credentials: await credentials(), ca: await authority(), signal })
  }
  return {
    datacenter,
    port,
    now: options.now,
    gateway,
    path,
    routes: async () => (await plan()).drift,
    conflicts: async () => {
      const { hidden } = await observation()
      // what cannot be seen may be in the way
      if (hidden !== undefined) throw hidden
      return (await plan()).conflicts
    },
    loaded: once(async () => {
      const { pods, ...rest } = await gateway()
      const ready = pods.filter((pod) => pod.ready && !pod.terminating)
      return Promise.all(ready.map((pod) => loadedNames(kube, pod, listeningPort({ pods, ...rest }, port))))
    }),
    authority,
    keystore: once(() => keystoreContent(kube, datacenter)),
    credentials,
    handshake: onceFor(
      (serverName) => serverName,
      async (serverName) => handshake({ dial, serverName, ca: await authority(), signal }),
    ),
    hostIdBehind: onceFor((node) => node.pod, ask),
  }
}

async function keystoreContent(kube: Kube, datacenter: Datacenter): Promise<Pick<PolicyInput, 'current' | 'required'>> {
  const { bytes, publicNames = [] } = await readKeystoreMaterial(kube, datacenter)
  const { current } = openKeystore(bytes, {
    password: keystorePassword(datacenter),
    alias: operatorName(datacenter),
    object: keystoreObject(datacenter),
  })
  return { current, required: requiredNames(datacenter, publicNames) }
}

async function loadedNames(kube: Kube, pod: Parameters<typeof loadedListener>[1], port: number): Promise<LoadedNames> {
  const { routes, error } = await loadedListener(kube, pod, port)
  const upstreams = new Map(
    routes.flatMap(({ serverNames, cluster }) => serverNames.map((name) => [name.toLowerCase(), cluster] as const)),
  )
  return { pod: pod.name, upstreams, ...(error === undefined ? {} : { error }) }
}

function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined
  return () => {
    answer ??= ask()
    return answer
  }
}

function onceFor<K, T>(keyOf: (about: K) => string, ask: (about: K) => Promise<T>): (about: K) => Promise<T> {
  const answers = new Map<string, Promise<T>>()
  return (about) => {
    const answer = answers.get(keyOf(about)) ?? ask(about)
    answers.set(keyOf(about), answer)
    return answer
  }
}
