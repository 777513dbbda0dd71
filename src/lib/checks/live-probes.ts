/** The probes of a real cluster: each question is put once, when the first check asks it. */
import { randomUUID } from 'node:crypto'
import {
  authorityLocation,
  keystoreObject,
  keystorePassword,
  readAuthorityCertificate,
  readKeystoreMaterial,
} from '../cassandra/authority-secret.ts'
import { readCredentials } from '../cassandra/credentials.ts'
import type { CassandraNode, Credentials, Datacenter } from '../cassandra/datacenter.ts'
import { DATACENTER_LABEL, labelValueFor } from '../cassandra/resource-names.ts'
import { parseAuthorityPath, trustPem } from '../certificates/certificate-authority.ts'
import { operatorName, requiredNames } from '../certificates/certificate-plan.ts'
import { openKeystore } from '../certificates/node-keystore.ts'
import type { PolicyInput } from '../certificates/policies.ts'
import type { Kube } from '../cluster/kube.ts'
import { cqlHostId } from '../connection/cql-login.ts'
import { type Dial, type Dialer, podDialer } from '../connection/dialer.ts'
import { gatewayDialer } from '../connection/gateway-dialer.ts'
import { answersPlaintext } from '../connection/plaintext.ts'
import { handshake } from '../connection/tls.ts'
import { CassSniError } from '../errors.ts'
import { findGateway } from '../istio/find-gateway.ts'
import { refuseUnheeded } from '../istio/heeded.ts'
import { backendOf } from '../routes/backends/backend-of.ts'
import type { Choices } from '../routes/choices.ts'
import { listeningPort, loadedListener } from '../istio/loaded.ts'
import { observeMesh } from '../istio/observe-mesh.ts'
import { affectingPolicies } from '../istio/traffic-policies.ts'
import { observeRoutes } from '../routes/gather.ts'
import { type Plan, planRoutes } from '../routes/route-plan.ts'
import type { LoadedNames, Probes } from './probes.ts'

/** The routes that are proved: each node by its names. */
const BACKEND = backendOf('sni')

export interface LiveProbesOptions {
  kube: Kube
  datacenter: Datacenter
  /** What its routes stand for. */
  choices?: Choices | undefined
  /** "namespace/service" or "service". */
  gateway?: string | undefined
  port: number
  /** "host[:port]" to go to instead of the gateway's own address. */
  address?: string | undefined
  /** The CA on the command line; default: the operator's Secret. */
  ca?: { file: string; pem: string } | undefined
  /** A login other than the superuser's. */
  login?: Credentials | undefined
  /** Go through the API server even if there is an address. */
  tunnel: boolean
  now: number
  signal: AbortSignal
}

export function liveProbes(options: LiveProbesOptions): Probes {
  const { kube, datacenter, port, signal } = options
  const mesh = once(() => observeMesh(kube, { gateway: options.gateway }))
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
  const plan = once(async (): Promise<Plan> => planRoutes(await observation(), { mode: BACKEND.mode, port }))
  const authority = once(
    async () =>
      options.ca?.pem ??
      trustPem(parseAuthorityPath(await readAuthorityCertificate(kube, datacenter), authorityLocation(datacenter))),
  )
  const credentials = once(async () => options.login ?? readCredentials(kube, datacenter))
  const ask = async (node: CassandraNode, login: Credentials): Promise<string> => {
    const { hostId } = node
    if (hostId === undefined) throw new CassSniError('CSNI303', `the host id of pod ${node.pod} is not known`)
    return seen(path, cqlHostId({ dial, serverName: hostId, credentials: login, ca: await authority(), signal }))
  }
  return {
    datacenter,
    given: {
      tunnel: options.tunnel,
      address: options.address,
      username: options.login?.username,
      ca: options.ca?.file,
    },
    port,
    now: options.now,
    gateway,
    path,
    heeded: once(async () => refuseUnheeded(kube, await mesh(), await gateway(), datacenter.namespace)),
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
    upstream: ({ pod }) => BACKEND.upstream(pod, datacenter),
    authority,
    keystore: once(() => keystoreContent(kube, datacenter)),
    credentials,
    handshake: onceFor(
      (serverName) => serverName,
      async (serverName) => seen(path, handshake({ dial, serverName, ca: await authority(), signal })),
    ),
    hostIdBehind: onceFor(
      (node) => node.pod,
      async (node) => ask(node, await credentials()),
    ),
    madeUpLogin: (node) => ask(node, { username: `nobody-${randomUUID()}`, password: randomUUID() }),
    // Nothing is trusted, for nothing is sent: only the fingerprint is wanted.
    servedFor: async (serverName) =>
      (await seen(path, handshake({ dial, serverName, ca: '', signal }))).certificate.fingerprint256,
    plaintext: async (node, nodePort) => {
      const { dial: dialPod } = podDialer(kube, { name: node.pod, namespace: datacenter.namespace }, nodePort)
      return answersPlaintext({ dial: dialPod, signal })
    },
    policies: once(async () =>
      affectingPolicies(kube, {
        mesh: await mesh(),
        gateway: await gateway(),
        namespace: datacenter.namespace,
        labelSelector: `${DATACENTER_LABEL}=${labelValueFor(datacenter.name)}`,
        hosts: datacenter.nodes.map(({ pod }) => BACKEND.upstream(pod, datacenter).host),
      }),
    ),
  }
}

/** Codes of the far end, also behind a tunnel: it was reached, and refused or cut the connection. */
const BY_THE_FAR_END = new Set(['ECONNREFUSED', 'ECONNRESET'])

/**
 * A tunnel that broke, or through which nothing came in time, says nothing of the far end: the API server carries it.
 * The tunnel's own errors name its pod.
 */
async function seen<T>(path: () => Promise<Dialer>, attempt: Promise<T>): Promise<T> {
  try {
    return await attempt
  } catch (error) {
    if (!(error instanceof CassSniError) || error.code !== 'CSNI601') throw error
    const reached =
      error.object === undefined
        ? error.cause !== undefined
        : BY_THE_FAR_END.has((error.cause as NodeJS.ErrnoException | undefined)?.code ?? '')
    if (reached || (await path()).address !== undefined) throw error
    throw new CassSniError('CSNI208', error.message, { object: error.object, next: error.next, cause: error })
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
  return { pod: pod.name, upstreams, error }
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
