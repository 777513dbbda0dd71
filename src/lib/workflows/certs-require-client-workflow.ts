/** `certs require-client`: makes the nodes of a datacenter require client certificates, or no longer. */
import {
  keystoreObject,
  keystorePassword,
  OPERATOR_KEYSTORE_PATH,
  readKeystoreMaterial,
} from '../cassandra/authority-secret.ts'
import { cassandraYaml, field } from '../cassandra/configuration.ts'
import type { Datacenter } from '../cassandra/datacenter.ts'
import type { CassandraDatacenterObject } from '../cassandra/datacenter-from.ts'
import { observeDatacenter } from '../cassandra/observe-datacenter.ts'
import { acceptedBy } from '../certificates/client-certificate.ts'
import { operatorName } from '../certificates/certificate-names.ts'
import { openKeystore } from '../certificates/node-keystore.ts'
import { applyChanges } from '../changes/apply.ts'
import { changesIn, planChanges } from '../changes/change-plan.ts'
import type { Desired } from '../changes/changeset.ts'
import type { KubeObject } from '../cluster/kube.ts'
import { apiVersionOf, CASSANDRA_DATACENTER } from '../cluster/resources.ts'
import { identitySteps } from '../connection/client-identity.ts'
import { again, CassSniError, command, hint } from '../errors.ts'
import { counted } from '../text/counted.ts'
import { poll } from '../waiting/poll.ts'
import { chosenIdentity, type FoundIdentity, type IdentityChoice, preferred, storedClients } from './find-identity.ts'
import { clusterTime } from './cluster-time.ts'
import { confirmChanges } from './confirm-changes.ts'
import type { WorkflowContext } from './context.ts'
import { isReady, waitingLines } from './install/nodes-step.ts'

const POLL_MS = 1000
/** The first version of Cassandra with `require_client_auth: optional` (apache/cassandra conf/cassandra.yaml). */
const OPTIONAL_SINCE = [5, 1]

export interface RequireClientOptions extends IdentityChoice {
  datacenter?: string | undefined
  /** `optional`: a certificate is requested, and verified if there is one. */
  require: 'on' | 'off' | 'optional'
}

export interface RequireClientResult {
  namespace: string
  datacenter: string
  dryRun: boolean
  require: RequireClientOptions['require']
  changed: boolean
  /** Where this program's own certificate is. */
  identity?: string | undefined
}

/**
 * Changes `client_encryption_options.require_client_auth` in the configuration of a CassandraDatacenter, and waits
 * until cass-operator has restarted every node. Before nodes require certificates, this program must have one that
 * they accept.
 * @throws CSNI101 if the configuration is in a Secret or the version lacks the option, CSNI306 without client TLS,
 * CSNI610 without an accepted certificate, CSNI203 without permission to list Secrets, CSNI902 if the user declines
 */
export async function requireClient(
  context: WorkflowContext,
  options: RequireClientOptions,
): Promise<RequireClientResult> {
  const { kube, ask, dryRun } = context
  const { namespace } = kube.target
  const dc = await observeDatacenter(kube, { namespace, name: options.datacenter })
  const live = await kube.get<CassandraDatacenterObject>(CASSANDRA_DATACENTER, dc.name, dc.namespace)
  refuseOtherConfigurations(dc, live)
  if (options.require === 'optional') requireOptionalSupport(dc)
  const identity = options.require === 'off' ? undefined : await acceptedIdentity(context, dc, options)
  const set = await planChanges(kube, desired(dc, live, options.require))
  const changed = changesIn(set).some(({ action }) => action !== 'unchanged')
  if (changed && !dryRun) {
    await confirmChanges(
      ask,
      [
        `cassandradatacenter/${dc.name}: client certificates ${WORDS[options.require]}`,
        `cass-operator restarts ${counted(dc.size, 'node')}, one after the other`,
        ...(options.require === 'on' ? ['clients without a certificate can no longer connect'] : []),
      ],
      again`--dry-run`,
    )
  }
  await applyChanges(context, set)
  if (changed && !dryRun) await untilRestarted(context, dc)
  return {
    namespace: dc.namespace,
    datacenter: dc.name,
    dryRun,
    require: options.require,
    changed,
    identity: identity?.source,
  }
}

const WORDS = { on: 'required', off: 'not required', optional: 'optional' }

function objectOf({ name, namespace }: Datacenter): string {
  return `cassandradatacenter/${name} in namespace ${namespace}`
}

function refuseOtherConfigurations(dc: Datacenter, live: CassandraDatacenterObject | undefined): void {
  const object = objectOf(dc)
  const secret = live?.spec?.configSecret
  if (secret !== undefined && secret !== '') {
    throw new CassSniError(
      'CSNI101',
      `${object}: the configuration is in secret/${secret}, which is not changed here`,
      {
        object,
        next: [hint(`set client_encryption_options.require_client_auth in key config of secret/${secret}`)],
      },
    )
  }
  if (typeof live?.spec?.config === 'string')
    throw new CassSniError('CSNI101', `${object}: spec.config is text, which is not changed here`, { object })
  if (!dc.clientEncryption.enabled) {
    throw new CassSniError('CSNI306', `${object}: client TLS is disabled (client_encryption_options.enabled)`, {
      object,
      next: [
        command`kubectl get cassandradatacenter ${dc.name} -n ${dc.namespace}
          -o jsonpath='{.spec.config.cassandra-yaml}'`,
      ],
    })
  }
}

/** Other versions cannot parse the value, and do not start. */
function requireOptionalSupport({ serverType, serverVersion, ...dc }: Datacenter): void {
  const [major = 0, minor = 0] = serverVersion.split('.').map(Number)
  const [sinceMajor = 0, sinceMinor = 0] = OPTIONAL_SINCE
  const isSupported = major > sinceMajor || (major === sinceMajor && minor >= sinceMinor)
  if (serverType === 'cassandra' && isSupported) return
  throw new CassSniError(
    'CSNI101',
    `cassandradatacenter/${dc.name}: ${serverType} ${serverVersion} has no optional client certificates ` +
      `(Cassandra ${OPTIONAL_SINCE.join('.')} and later)`,
    { next: [hint('without --optional, certificates are required of every client')] },
  )
}

/** Returns this program's certificate. Throws CSNI610 without one, or if the nodes do not trust its CA. */
async function acceptedIdentity(
  context: WorkflowContext,
  dc: Datacenter,
  options: RequireClientOptions,
): Promise<FoundIdentity> {
  const { kube, signal, emit } = context
  const step = { type: 'step', id: 'identity', title: 'Client certificate of this command' } as const
  emit({ ...step, state: 'started' })
  const found =
    (await chosenIdentity(options, signal)) ?? preferred(await storedClients(kube, dc), clusterTime(context))
  if (found === undefined) {
    throw new CassSniError(
      'CSNI610',
      `datacenter ${dc.name}: no client certificate found for cqlsh-sni and verify, which could no longer connect`,
      { object: objectOf(dc), next: identitySteps() },
    )
  }
  const { truststorePath = OPERATOR_KEYSTORE_PATH, keystorePath } = dc.clientEncryption
  if (truststorePath !== OPERATOR_KEYSTORE_PATH || keystorePath !== OPERATOR_KEYSTORE_PATH) {
    emit({
      type: 'warning',
      message: `cannot check whether the nodes trust ${found.source}: truststore ${truststorePath}`,
    })
  } else if (!acceptedBy(await trustedByNodes(context, dc), found.identity)) {
    throw new CassSniError(
      'CSNI610',
      `${found.source}: the nodes do not trust its CA (${found.identity.chain[0].issuer}), which is missing in ` +
        keystoreObject(dc),
      { object: found.source, next: identitySteps() },
    )
  }
  emit({ ...step, state: 'done', note: found.source })
  return found
}

async function trustedByNodes({ kube }: WorkflowContext, dc: Datacenter) {
  const { bytes } = await readKeystoreMaterial(kube, dc)
  const keystore = openKeystore(bytes, {
    password: keystorePassword(dc),
    alias: operatorName(dc),
    object: keystoreObject(dc),
  })
  return keystore.current?.trusted ?? []
}

/** Returns the desired settings; none if they are in force already. */
function desired(
  dc: Datacenter,
  live: CassandraDatacenterObject | undefined,
  require: RequireClientOptions['require'],
): Desired[] {
  const current = field(cassandraYaml(live?.spec?.config), 'client_encryption_options')
  const value = require === 'optional' ? 'optional' : require === 'on'
  const before = field(current, 'require_client_auth') ?? false
  if (String(before) === String(value)) return []
  // Without a truststore, Cassandra reads conf/.truststore and does not start.
  const needsTruststore = require !== 'off' && dc.clientEncryption.keystorePath === OPERATOR_KEYSTORE_PATH
  const truststore =
    needsTruststore && field(current, 'truststore') === undefined
      ? { truststore: OPERATOR_KEYSTORE_PATH, truststore_password: keystorePassword(dc) }
      : {}
  const config = { 'cassandra-yaml': { client_encryption_options: { require_client_auth: value, ...truststore } } }
  return [
    {
      type: CASSANDRA_DATACENTER,
      ownership: 'share',
      managerSuffix: 'require-client',
      force: true,
      mustExist: true,
      object: {
        apiVersion: apiVersionOf(CASSANDRA_DATACENTER),
        kind: CASSANDRA_DATACENTER.kind,
        metadata: { name: dc.name, namespace: dc.namespace },
        spec: { config },
      } as KubeObject,
    },
  ]
}

/** Waits until every pod is a new one and ready. Throws CSNI901 with what it was waiting for. */
async function untilRestarted({ kube, signal, emit }: WorkflowContext, before: Datacenter): Promise<void> {
  const step = { type: 'step', id: 'restart', title: 'Rolling restart' } as const
  emit({ ...step, state: 'started' })
  const old = new Set(before.nodes.map(({ podUid }) => podUid))
  let lines: string[] = []
  try {
    await poll({
      signal,
      interval: POLL_MS,
      until: async () => {
        const dc = await observeDatacenter(kube, { namespace: before.namespace, name: before.name })
        const restarted = dc.nodes.filter(({ podUid }) => podUid !== '' && !old.has(podUid)).length
        if (restarted === dc.nodes.length && isReady(dc)) return dc
        lines = [`${restarted} of ${counted(dc.nodes.length, 'node')} restarted`, ...waitingLines(dc)]
        emit({ type: 'waiting', id: step.id, lines })
        return undefined
      },
    })
  } catch (error) {
    const reason: unknown = signal.aborted ? signal.reason : error
    if (!(reason instanceof CassSniError) || reason.code !== 'CSNI901') throw reason
    throw new CassSniError('CSNI901', `${objectOf(before)}: timed out waiting for the restart: ${lines.join('; ')}`, {
      next: [command`kubectl get pods -n ${before.namespace}`, command`kubectl cass-sni verify`],
    })
  }
  emit({ ...step, state: 'done', note: `${counted(before.nodes.length, 'node')} restarted` })
}
