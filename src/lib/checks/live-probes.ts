/** The probes of a real cluster: each runs once, when the first check needs it. */
import { randomUUID } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { readCredentials } from '../cassandra/credentials.ts'
import type { CassandraNode, Credentials, Datacenter } from '../cassandra/datacenter.ts'
import { DATACENTER_LABEL, labelValueFor } from '../cassandra/resource-names.ts'
import { trustPem } from '../certificates/authority-path.ts'
import { keystoreMark } from '../certificates/node-keystore.ts'
import { gatherKeystore } from '../certificates/gather/gather-material.ts'
import { readAuthorities } from '../certificates/gather/read-authorities.ts'
import { requiredNames } from '../certificates/certificate-names.ts'
import type { Kube } from '../cluster/kube.ts'
import { cqlHostId } from '../connection/cql-login.ts'
import type { ClientIdentity } from '../connection/client-identity.ts'
import { type Dial, type Dialer, givenAddressDialer, podDialer } from '../connection/dialer.ts'
import { gatewayDialer } from '../connection/gateway-dialer.ts'
import { requestMetadata } from '../connection/metadata-request.ts'
import { answersPlaintext } from '../connection/plaintext.ts'
import { handshake } from '../connection/tls.ts'
import { CassSniError } from '../errors.ts'
import { findGateway } from '../istio/find-gateway.ts'
import { refuseUnheeded } from '../istio/heeded.ts'
import { additionalNamesOf, NO_ADDITIONAL_NAMES } from '../routes/additional-names.ts'
import { backendOf } from '../routes/backends/backend-of.ts'
import type { Choices } from '../routes/choices.ts'
import { listeningPort, loadedListener } from '../istio/loaded.ts'
import { observeMesh } from '../istio/observe-mesh.ts'
import { affectingPolicies, readTrafficPolicies } from '../istio/traffic-policies.ts'
import { observeRoutes } from '../routes/gather.ts'
import { type Plan, planRoutes } from '../routes/route-plan.ts'
import { writtenTime } from './served-since.ts'
import type { KeystoreContent, LoadedNames, Probes } from './probes.ts'

export interface LiveProbesOptions {
  kube: Kube
  datacenter: Datacenter
  /** The choices recorded in its routes. */
  choices?: Choices | undefined
  /** "namespace/service" or "service". */
  gateway?: string | undefined
  port: number
  /** "host[:port]" to connect to instead of the load balancer. */
  address?: string | undefined
  /** The CA on the command line; default: the operator's Secret. */
  ca?: { file: string; pem: string } | undefined
  /** A login other than the superuser's. */
  login?: Credentials | undefined
  /** The client certificate to present. */
  identity?: ClientIdentity | undefined
  /** Connect through the API server even if the gateway has an address. */
  tunnel: boolean
  now: number
  signal: AbortSignal
}

/** Presents no certificate. */
const NO_IDENTITY = {}

export function liveProbes(options: LiveProbesOptions): Probes {
  const { kube, datacenter, port, signal, identity } = options
  // checks verify routes by server name
  const backend = backendOf('sni', 'istio', options.choices?.backend)
  const mesh = once(() => observeMesh(kube, { gateway: options.gateway }))
  const gateway = once(async () =>
    findGateway(kube, await mesh(), { wanted: options.gateway, remembered: options.choices }),
  )
  const dialer = once(async () =>
    options.address === undefined
      ? gatewayDialer(kube, await gateway(), {
          port,
          tunnel: options.tunnel ? 'always' : 'auto',
          serverName: datacenter.nodes.find((node) => node.hostId !== undefined)?.hostId,
        })
      : givenAddressDialer(options.address, port),
  )
  const dial: Dial = async (options) => (await dialer()).dial(options)
  const observation = once(async () =>
    observeRoutes(kube, { datacenter, mesh: await mesh(), gateway: await gateway() }, options.choices),
  )
  const plan = once(async (): Promise<Plan> => planRoutes(await observation(), { mode: backend.mode, port }))
  const traffic = once(async () =>
    readTrafficPolicies(kube, {
      mesh: await mesh(),
      gateway: await gateway(),
      namespace: datacenter.namespace,
      labelSelector: `${DATACENTER_LABEL}=${labelValueFor(datacenter.name)}`,
    }),
  )
  const authority = once(async () => options.ca?.pem ?? trustPem(await readAuthorities(kube, datacenter)))
  const credentials = once(async () => options.login ?? readCredentials(kube, datacenter))
  const hostIdAfterLogin = async (
    node: CassandraNode,
    login: Credentials,
    identity: Partial<ClientIdentity> | undefined = options.identity,
  ): Promise<string> => {
    const { hostId } = node
    if (hostId === undefined) throw new CassSniError('CSNI303', `host ID of pod/${node.pod} is not known`)
    return withTunnelFailures(
      dialer,
      cqlHostId({
        dial,
        serverName: hostId,
        dnsName: node.dnsName,
        credentials: login,
        ca: await authority(),
        identity,
        signal,
      }),
    )
  }
  return {
    datacenter,
    given: {
      tunnel: options.tunnel,
      address: options.address,
      username: options.login?.username,
      ca: options.ca?.file,
      identity: options.identity !== undefined,
    },
    port,
    now: options.now,
    gateway,
    dialer,
    refuseIgnored: once(async () => refuseUnheeded(kube, await mesh(), await gateway(), datacenter.namespace)),
    routes: async () => (await plan()).drift,
    conflicts: async () => {
      const { hidden, hiddenPolicies, gatewayApi } = await observation()
      // objects that cannot be listed may conflict
      for (const refusal of [hidden, hiddenPolicies, ...gatewayApi.hidden.values()])
        if (refusal !== undefined) throw refusal
      const { conflicts, denials } = await plan()
      return [...conflicts, ...denials]
    },
    loaded: once(async () => {
      const { pods, ...rest } = await gateway()
      const ready = pods.filter((pod) => pod.ready && !pod.terminating && pod.foreign === undefined)
      return Promise.all(ready.map((pod) => loadedNames(kube, pod, listeningPort({ pods, ...rest }, port))))
    }),
    upstream: ({ pod }) => backend.upstream(pod, datacenter),
    authority,
    keystore: once(() => keystoreContent(kube, datacenter, options.choices?.names)),
    credentials,
    metadataName: options.choices?.names?.metadata,
    metadata: onceFor(
      (name) => name,
      async (serverName) =>
        withTunnelFailures(
          dialer,
          requestMetadata({ dial, serverName, port, ca: await authority(), client: identity, signal }),
        ),
    ),
    handshake: onceFor(
      (serverName) => serverName,
      async (serverName) =>
        withTunnelFailures(
          dialer,
          handshake({ dial, serverName, ca: await authority(), identity: options.identity, signal }),
        ),
    ),
    hostIdBehind: onceFor(
      (node) => node.pod,
      async (node) => hostIdAfterLogin(node, await credentials()),
    ),
    invalidLogin: (node) => hostIdAfterLogin(node, { username: `nobody-${randomUUID()}`, password: randomUUID() }),
    withoutCertificate: (node) =>
      hostIdAfterLogin(node, { username: `nobody-${randomUUID()}`, password: randomUUID() }, NO_IDENTITY),
    // Trusts nothing and sends nothing: only the fingerprint is read.
    servedFor: async (serverName) =>
      (await withTunnelFailures(dialer, handshake({ dial, serverName, ca: '', signal }))).certificate.fingerprint256,
    plaintext: async (node, nodePort) => {
      const { dial: dialPod } = podDialer(kube, { name: node.pod, namespace: datacenter.namespace }, nodePort)
      return answersPlaintext({ dial: dialPod, signal })
    },
    policies: once(async () =>
      affectingPolicies(await traffic(), {
        gateway: await gateway(),
        namespace: datacenter.namespace,
        hosts: datacenter.nodes.map(({ pod }) => backend.upstream(pod, datacenter).host),
      }),
    ),
    traffic,
    outdatedTls: async (serverName) => {
      try {
        const { protocol } = await handshake({ dial, serverName, ca: '', identity, signal, outdated: true })
        return protocol
      } catch (error) {
        if (!(error instanceof CassSniError)) throw error
        // Closed, or ended by a TLS alert.
        if (error.code === 'CSNI602' || error.code === 'CSNI603') return undefined
        // OpenSSL's configuration on this machine may exclude these versions.
        if (/^ERR_SSL_NO_/.test(String((error.cause as NodeJS.ErrnoException | undefined)?.code))) return 'unsupported'
        throw error
      }
    },
    tunneled: async (serverName) => {
      const tunnel = await gatewayDialer(kube, await gateway(), { port, tunnel: 'always' })
      return handshake({ dial: tunnel.dial, serverName, ca: '', identity, signal })
    },
    isUnknownHost: (name) => isUnknownHost(name, signal),
  }
}

/** How long to wait for the resolver. */
const LOOKUP_MS = 3_000

async function isUnknownHost(name: string, signal: AbortSignal): Promise<boolean> {
  const looked = lookup(name).then(
    () => false,
    ({ code }: NodeJS.ErrnoException) => code === 'ENOTFOUND',
  )
  return Promise.race([looked, sleep(LOOKUP_MS, false, { signal, ref: false })])
}

/** Errors of the far end, also behind a tunnel: it was reached and refused or closed the connection. */
const FAR_END_ERRORS = new Set(['ECONNREFUSED', 'ECONNRESET'])

/**
 * Rethrows as CSNI208 the failure of a tunnel that closed or timed out, which proves nothing about the far end. Errors
 * of the tunnel itself name its pod.
 */
async function withTunnelFailures<T>(dialer: () => Promise<Dialer>, attempt: Promise<T>): Promise<T> {
  try {
    return await attempt
  } catch (error) {
    if (!(error instanceof CassSniError) || error.code !== 'CSNI601') throw error
    const reached =
      error.object === undefined
        ? error.cause !== undefined
        : FAR_END_ERRORS.has((error.cause as NodeJS.ErrnoException | undefined)?.code ?? '')
    if (reached || (await dialer()).address !== undefined) throw error
    throw new CassSniError('CSNI208', error.message, { object: error.object, next: error.next, cause: error })
  }
}

async function keystoreContent(
  kube: Kube,
  datacenter: Datacenter,
  names = NO_ADDITIONAL_NAMES,
): Promise<KeystoreContent> {
  const { settings, keystore, material } = await gatherKeystore(kube, datacenter)
  return {
    current: keystore.current,
    required: requiredNames(datacenter, settings, additionalNamesOf(names, datacenter)),
    ...settings,
    version: {
      mark: keystoreMark(material.bytes),
      writtenAt: writtenTime(material.secret, 'f:data', `f:${datacenter.keystores.keystoreKey}`),
    },
  }
}

async function loadedNames(kube: Kube, pod: Parameters<typeof loadedListener>[1], port: number): Promise<LoadedNames> {
  const { routes, error } = await loadedListener(kube, pod, port)
  const upstreams = new Map(
    routes.flatMap(({ serverNames, cluster }) => serverNames.map((name) => [name.toLowerCase(), cluster] as const)),
  )
  return { pod: pod.name, upstreams, error }
}

function once<T>(probe: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined
  return () => {
    result ??= probe()
    return result
  }
}

function onceFor<K, T>(keyOf: (target: K) => string, probe: (target: K) => Promise<T>): (target: K) => Promise<T> {
  const results = new Map<string, Promise<T>>()
  return (target) => {
    const result = results.get(keyOf(target)) ?? probe(target)
    results.set(keyOf(target), result)
    return result
  }
}
