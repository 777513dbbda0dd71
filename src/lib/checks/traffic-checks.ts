/** Checks of what applies to traffic between clients, gateway and nodes: policies of others, and TLS itself. */
import type { CassandraNode } from '../cassandra/datacenter.ts'
import type { KubeObject } from '../cluster/kube.ts'
import { denyingPolicies, type PolicyPeer } from '../cluster/network-policies.ts'
import { displayName, NETWORK_POLICY } from '../cluster/resources.ts'
import { CassSniError, command, hint, type NextStep } from '../errors.ts'
import { deniesTcp } from '../istio/authorization.ts'
import { type AddedTls, addedTls } from '../istio/destination-rules.ts'
import { effectiveMode } from '../istio/mutual-tls.ts'
import type { TrafficPolicies } from '../istio/traffic-policies.ts'
import { isEntryHost } from '../routes/backends/upstreams.ts'
import { BACKEND_LABEL } from '../text/own-keys.ts'
import { listed } from '../text/listed.ts'
import { type Check, fail, pass, skip } from './check.ts'
import type { Probes } from './probes.ts'

const category = 'traffic'

export const TRAFFIC_CHECKS: readonly Check<Probes>[] = [
  {
    code: 'CSNI861',
    category,
    title: 'no DestinationRule adds TLS',
    severity: 'warning',
    needs: ['CSNI821'],
    perNode: true,
    async run(probes, node) {
      const added = await addedTo(probes, node)
      if (added === undefined || added.mode === 'DISABLE') return pass()
      if (added.mode === 'ISTIO_MUTUAL')
        return node.sidecar
          ? pass('mutual TLS to the sidecar')
          : fail(
              `${objectName('destinationrule', added.rule)} requires Istio's mutual TLS, but pod/${node.pod} has no ` +
                'sidecar',
              ...withoutTls(added, probes.upstream(node).port, 'DISABLE'),
            )
      return fail(
        `${objectName('destinationrule', added.rule)} makes the gateway encrypt the clients' TLS again (mode ` +
          `${added.mode}): Cassandra cannot read it`,
        ...withoutTls(added, probes.upstream(node).port, node.sidecar ? 'ISTIO_MUTUAL' : 'DISABLE'),
      )
    },
  },
  {
    code: 'CSNI862',
    category,
    title: 'gateway and sidecar TLS modes match',
    severity: 'warning',
    needs: ['CSNI821'],
    perNode: true,
    async run(probes, node) {
      if (!node.sidecar) return pass('no sidecar')
      const traffic = await probes.traffic()
      const { namespace, nativePort } = probes.datacenter
      const labels = labelsOf(traffic, node)
      const { mode, policy } = effectiveMode(
        visible(traffic.peerAuthentications),
        { namespace, labels },
        nativePort,
        traffic.roots,
      )
      const upstream = probes.upstream(node)
      const added = await addedTo(probes, node)
      const setBy = policy === undefined ? 'by default' : `by ${objectName('peerauthentication', policy)}`
      // Envoy does not use mutual TLS for an address from DNS
      const plain = added === undefined ? isEntryHost(upstream.host) : added.mode === 'DISABLE'
      if (mode === 'STRICT' && plain)
        return fail(
          `the sidecar requires mutual TLS (STRICT, ${setBy}), but the gateway connects without it` +
            (added === undefined ? ' (ServiceEntry)' : ` (${objectName('destinationrule', added.rule)})`),
          ...(added === undefined
            ? [command`kubectl cass-sni routes sync`]
            : withoutTls(added, upstream.port, 'ISTIO_MUTUAL')),
        )
      if (mode === 'DISABLE' && added?.mode === 'ISTIO_MUTUAL')
        return fail(
          `the gateway uses mutual TLS (${objectName('destinationrule', added.rule)}), but the sidecar does not ` +
            `(DISABLE, ${setBy})`,
          ...withoutTls(added, upstream.port, 'DISABLE'),
        )
      return pass(`${mode} ${setBy}`)
    },
  },
  {
    code: 'CSNI863',
    category,
    title: 'no AuthorizationPolicy denies the gateway',
    severity: 'warning',
    needs: ['CSNI821'],
    perNode: true,
    async run(probes, node) {
      // without a sidecar nothing enforces these policies; those at the gateway are part of CSNI826
      if (!node.sidecar) return pass('no sidecar')
      const traffic = await probes.traffic()
      const { namespace, nativePort } = probes.datacenter
      const gateway = await probes.gateway()
      const [first] = deniesTcp(visible(traffic.authorizationPolicies), {
        gateway: { namespace, pods: [{ labels: labelsOf(traffic, node) }] },
        rootNamespaces: traffic.roots,
        port: nativePort,
        clientNamespace: gateway.namespace,
      })
      if (first === undefined) return pass()
      const { name, namespace: where = '' } = first.policy.metadata
      const denied = `port ${nativePort} of pod/${node.pod}`
      const rule = {
        from: [{ source: { namespaces: [gateway.namespace] } }],
        to: [{ operation: { ports: [String(nativePort)] } }],
      }
      return fail(
        `${objectName('authorizationpolicy', first.policy)} denies the gateway ${denied}: ${first.why}`,
        command`kubectl -n ${where} edit authorizationpolicies.security.istio.io ${name}`,
        hint(`an ALLOW rule for the gateway: ${JSON.stringify(rule)}`),
      )
    },
  },
  {
    code: 'CSNI864',
    category,
    title: 'no NetworkPolicy denies the gateway',
    severity: 'warning',
    needs: ['CSNI821'],
    perNode: true,
    async run(probes, node) {
      const traffic = await probes.traffic()
      const policies = visible(traffic.networkPolicies)
      const { namespace, nativePort } = probes.datacenter
      const gateway = await probes.gateway()
      const pod = peer(traffic, namespace, labelsOf(traffic, node))
      const [gatewayPod] = gateway.pods
      const from = peer(traffic, gateway.namespace, gatewayPod?.labels ?? {})
      const ingress = denyingPolicies(policies, pod, { direction: 'Ingress', port: nativePort, peer: from })
      if (ingress.length > 0)
        return fail(
          `${namesOf(ingress)} does not admit connections from the gateway to port ${nativePort} of pod/${node.pod}`,
          command`kubectl -n ${namespace} describe networkpolicies`,
          admitting(namespace, node, { port: nativePort, from: gateway.namespace }, labelsOf(traffic, node)),
        )
      const egress = denyingPolicies(policies, from, { direction: 'Egress', port: nativePort, peer: pod })
      if (egress.length > 0)
        return fail(
          `${namesOf(egress)} does not admit connections from the gateway to port ${nativePort} of pod/${node.pod}`,
          command`kubectl -n ${gateway.namespace} describe networkpolicies`,
        )
      return pass()
    },
  },
  {
    code: 'CSNI865',
    category,
    title: 'connections without server name are rejected',
    severity: 'warning',
    needs: ['CSNI828'],
    // In tcp mode they are routed.
    unless: ['CSNI823'],
    perNode: false,
    async run(probes) {
      try {
        const fingerprint = await probes.servedFor('')
        const { namespace, pods } = await probes.gateway()
        return fail(
          `a connection without SNI is accepted (certificate ${fingerprint.slice(0, 11)}): a driver without SNI ` +
            'reaches any node',
          command`istioctl proxy-config listeners ${pods[0]?.name ?? ''} -n ${namespace} --port ${probes.port}`,
        )
      } catch (error) {
        // Closed, or ended by a TLS alert.
        if (error instanceof CassSniError && (error.code === 'CSNI603' || error.code === 'CSNI602')) return pass()
        throw error
      }
    },
  },
  {
    code: 'CSNI866',
    category,
    title: 'outdated TLS versions are rejected',
    severity: 'warning',
    needs: ['CSNI834'],
    perNode: true,
    async run(probes, node) {
      const { name, namespace } = probes.datacenter
      const hostId = node.hostId ?? ''
      if (probes.datacenter.clientEncryption.requireClientAuth && probes.given.identity !== true)
        return skip('requires a client certificate')
      const accepted = await probes.outdatedTls(hostId)
      if (accepted === 'unsupported') return skip('this machine cannot offer TLS 1.0 and 1.1')
      if (accepted === undefined) return pass((await probes.handshake(hostId)).protocol)
      const options = { accepted_protocols: ['TLSv1.2', 'TLSv1.3'] }
      const patch = { spec: { config: { 'cassandra-yaml': { client_encryption_options: options } } } }
      return fail(
        `${accepted} is accepted`,
        command`kubectl -n ${namespace} patch cassandradatacenter ${name} --type merge -p ${JSON.stringify(patch)}`,
        hint('the change restarts the nodes, one after the other'),
      )
    },
  },
]

/** The objects of a kind; the error is thrown, so that a check without permission is skipped. */
function visible(objects: KubeObject[] | CassSniError): KubeObject[] {
  if (objects instanceof CassSniError) throw objects
  return objects
}

function labelsOf({ podLabels }: TrafficPolicies, { pod }: CassandraNode): Readonly<Record<string, string>> {
  if (podLabels instanceof CassSniError) throw podLabels
  return podLabels.get(pod) ?? {}
}

function peer({ namespaceLabels }: TrafficPolicies, namespace: string, labels: PolicyPeer['labels']): PolicyPeer {
  return { namespace, labels, namespaceLabels: namespaceLabels.get(namespace) }
}

/** What a DestinationRule of others sets for TLS to a node. */
async function addedTo(probes: Probes, node: CassandraNode): Promise<AddedTls | undefined> {
  const { destinationRules, roots } = await probes.traffic()
  const others = visible(destinationRules).filter(({ metadata }) => metadata.labels?.[BACKEND_LABEL] === undefined)
  const { namespace } = probes.datacenter
  return addedTls(others, probes.upstream(node), { gateway: await probes.gateway(), namespace, roots })
}

/** Steps that set the mode for this port only: other ports of the rule keep theirs. */
function withoutTls({ rule, perPort }: AddedTls, port: number, mode: 'DISABLE' | 'ISTIO_MUTUAL'): NextStep[] {
  const { name, namespace = '' } = rule.metadata
  const type = 'destinationrules.networking.istio.io'
  const portLevelSettings = [{ port: { number: port }, tls: { mode } }]
  if (perPort)
    return [
      command`kubectl -n ${namespace} edit ${type} ${name}`,
      hint(`in trafficPolicy.portLevelSettings, set: ${JSON.stringify(portLevelSettings[0])}`),
    ]
  const patch = JSON.stringify({ spec: { trafficPolicy: { portLevelSettings } } })
  return [command`kubectl -n ${namespace} patch ${type} ${name} --type merge -p ${patch}`]
}

/** A policy that additionally admits the gateway: policies add up. */
function admitting(
  namespace: string,
  node: CassandraNode,
  { port, from }: { port: number; from: string },
  labels: Readonly<Record<string, string>>,
): NextStep {
  const key = ['cassandra.datastax.com/datacenter', 'cassandra.datastax.com/cluster'].find((each) => each in labels)
  const matchLabels = key === undefined ? labels : { [key]: labels[key] ?? '' }
  const policy = {
    apiVersion: 'networking.k8s.io/v1',
    kind: NETWORK_POLICY.kind,
    metadata: { name: `${node.statefulSet}-from-gateway`, namespace },
    spec: {
      podSelector: { matchLabels },
      policyTypes: ['Ingress'],
      ingress: [
        {
          from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': from } } }],
          ports: [{ protocol: 'TCP', port }],
        },
      ],
    },
  }
  return hint(`policies add up; to admit the gateway, apply: ${JSON.stringify(policy)}`)
}

function objectName(kind: string, { metadata: { name, namespace } }: KubeObject): string {
  return `${kind}/${name} in namespace ${namespace}`
}

function namesOf(policies: readonly KubeObject[]): string {
  return listed(
    policies.map(
      ({ metadata: { name, namespace } }) => `${displayName(NETWORK_POLICY, name)} in namespace ${namespace}`,
    ),
  )
}
