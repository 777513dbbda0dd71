/**
 * The CA and the first certificate of a new datacenter. cass-operator would create both (k8ssandra/cass-operator
 * pkg/reconciliation/secrets.go, retrieveInternodeCredentialSecretOrCreateDefault), but with a CA of 365 days and a
 * certificate that no client can verify; it uses these Secrets if they exist.
 */
import { randomBytes } from 'node:crypto'
import {
  authorityLocation,
  authorityObject,
  keystoreObject,
  keystorePassword,
  OPERATOR_KEYSTORE_PATH,
  readAuthorityMaterial,
} from '../../cassandra/authority-secret.ts'
import { inClusterDomain } from '../../cassandra/cluster-domain.ts'
import type { Datacenter } from '../../cassandra/datacenter.ts'
import { type CassandraDatacenterObject, datacenterFrom } from '../../cassandra/datacenter-from.ts'
import { requirePermitted } from '../../certificates/authority-constraints.ts'
import type { AuthorityPem } from '../../certificates/create-authority.ts'
import {
  type Authority,
  parseAuthority,
  parseSigner,
  requireUsable,
  type Signer,
} from '../../certificates/certificate-authority.ts'
import { operatorName, requiredNames } from '../../certificates/certificate-names.ts'
import { issueLeaf } from '../../certificates/issue.ts'
import { rewriteKeystore } from '../../certificates/node-keystore.ts'
import { applyChanges } from '../../changes/apply.ts'
import { planChanges } from '../../changes/change-plan.ts'
import type { ChangeSet, Desired } from '../../changes/changeset.ts'
import type { KubeObject } from '../../cluster/kube.ts'
import { CASSANDRA_DATACENTER, SECRET } from '../../cluster/resources.ts'
import { againWithout, CassSniError, hint } from '../../errors.ts'
import { newAuthority, readReplacement, type ReplacementAuthority } from '../certs/new-authority.ts'
import { clusterTime } from '../cluster-time.ts'
import { type DatacenterNeeds, desiredObjects } from './datacenter-step.ts'
import { liveDatacenters } from './datacenter-request.ts'
import type { InstallStep, Setup, StepPlan } from './step.ts'

/** A Secret to create, unless it exists. */
const created = (name: string, namespace: string, data: Record<string, string>): Desired => ({
  type: SECRET,
  object: { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, data },
  ownership: 'share',
  basedOn: { live: undefined },
})

const encoded = (content: string | Buffer) => Buffer.from(content).toString('base64')

/** The datacenter and its Secrets. */
interface Observed {
  dc: Datacenter
  /** The datacenter exists: its certificates are those of `certs`. */
  isLive: boolean
  authority: KubeObject | undefined
  keystore: KubeObject | undefined
}

/** Returns the step that creates the CA and the first certificate of a new datacenter; existing ones are kept. */
export function authorityStep(setup: Setup, needs: DatacenterNeeds): InstallStep {
  const { context, namespace, options } = setup
  const { kube } = context
  const { name } = needs.request

  const observe = async (): Promise<Observed> => {
    const live = (await liveDatacenters(setup)).find((object) => object.metadata.name === name)
    const isDatacenter = ({ object }: { object: KubeObject }) => object.kind === CASSANDRA_DATACENTER.kind
    const desired = live ?? desiredObjects(setup, needs, undefined).find(isDatacenter)?.object
    const cr = { ...desired, metadata: { ...desired?.metadata, name, namespace } } as CassandraDatacenterObject
    const dc = await inClusterDomain(kube, datacenterFrom({ cr, statefulSets: [], pods: [] }), options.clusterDomain)
    const [authority, keystore] = await Promise.all([
      kube.get(SECRET, dc.keystores.caSecret, namespace),
      kube.get(SECRET, dc.keystores.keystoreSecret, namespace),
    ])
    return { dc, isLive: live !== undefined, authority, keystore }
  }

  const changesFor = ({ dc, authority, keystore }: Observed, { pem, bytes }: Content): Promise<ChangeSet> => {
    const { caSecret, keystoreSecret, keystoreKey } = dc.keystores
    return planChanges(kube, [
      ...(authority === undefined
        ? [created(caSecret, namespace, { cert: encoded(pem.certificate), key: encoded(pem.key) })]
        : []),
      ...(keystore === undefined ? [created(keystoreSecret, namespace, { [keystoreKey]: encoded(bytes) })] : []),
    ])
  }

  return {
    id: 'authority',
    title: 'Certificates',

    async plan(): Promise<StepPlan> {
      const observed = await observe()
      const { dc, isLive, authority, keystore } = observed
      const given = await readReplacement(context, namespace, options.authority)
      const kept = authority === undefined ? undefined : await readSigning(setup, dc, isLive)
      if (given !== undefined && (isLive || kept !== undefined)) requireSame(dc, given, kept)
      const signer = given ?? kept
      if (signer !== undefined && !isLive) requirePermitted([...firstNames(dc), ANY_HOST_ID], signer.path)
      if (isLive) return { state: 'present', note: 'those of the datacenter' }
      if (!usesOperatorKeystore(dc)) return { state: 'present', note: 'the datacenter has its own keystore' }
      if (kept !== undefined && keystore !== undefined)
        return { state: 'present', note: `${authorityObject(dc)}, ${keystoreObject(dc)}` }
      // Generating keys takes seconds; any other content produces the same change records.
      const changes = await changesFor(observed, PLACEHOLDER)
      return { state: 'change', note: noteFor(setup, observed), changes }
    },

    async apply(): Promise<{ note: string }> {
      const observed = await observe()
      const { dc, authority } = observed
      const pem =
        authority !== undefined
          ? await readAuthorityMaterial(kube, dc)
          : ((await readReplacement(context, namespace, options.authority))?.pem ??
            (await newAuthority(context, dc, options.authority.days)))
      const bytes = await firstKeystore(setup, dc, parseAuthority(pem.certificate, pem.key, authorityLocation(dc)))
      await applyChanges(context, await changesFor(observed, { pem, bytes }))
      return { note: noteFor(setup, observed) }
    },
  }
}

/** In place of host IDs, which are not known yet: a CA permits all of them or none. */
const ANY_HOST_ID = '00000000-0000-4000-8000-000000000000'

function usesOperatorKeystore({ clientEncryption, serverEncryption }: Datacenter): boolean {
  return [clientEncryption, serverEncryption].some(({ keystorePath }) => keystorePath === OPERATOR_KEYSTORE_PATH)
}

/** Throws CSNI101 if the datacenter has another CA than the given one. */
function requireSame(dc: Datacenter, given: ReplacementAuthority, kept: Signer | undefined): void {
  if (given.path[0].fingerprint256 === kept?.path[0].fingerprint256) return
  const object = authorityObject(dc)
  throw new CassSniError(
    'CSNI101',
    `${object}: the datacenter has another CA than the given one (${given.path[0].subject})`,
    {
      object,
      next: [
        againWithout('ca-file', 'ca-key-file', 'ca-key-password-file', 'ca-secret'),
        hint('to replace the CA of a running datacenter, use certs rotate-ca with --ca-file and --ca-key-file'),
      ],
    },
  )
}

interface Content {
  pem: AuthorityPem
  bytes: Buffer
}

const PLACEHOLDER: Content = { pem: { certificate: 'CA', key: 'key' }, bytes: Buffer.from('keystore') }

function noteFor({ options }: Setup, { authority }: Observed): string {
  if (authority !== undefined) return 'first certificate, signed by the existing CA'
  const { files, secret } = options.authority
  const source = secret === undefined ? files?.certificate : `secret/${secret}`
  if (source !== undefined) return `CA from ${source}, first certificate`
  return `CA for ${options.authority.days} days, first certificate`
}

/**
 * Reads the existing CA.
 * @throws CSNI401, CSNI402 if it could not sign the certificate of a new datacenter
 */
async function readSigning({ context }: Setup, dc: Datacenter, isLive: boolean): Promise<Signer> {
  const { certificate, key } = await readAuthorityMaterial(context.kube, dc)
  const location = authorityLocation(dc)
  const authority = parseSigner(certificate, key, location)
  if (!isLive) requireUsable(authority.path, clusterTime(context), location)
  return authority
}

/** Returns a keystore whose certificate has all names except the host IDs, which are not known yet. */
async function firstKeystore({ context }: Setup, dc: Datacenter, authority: Authority): Promise<Buffer> {
  const now = clusterTime(context)
  const alias = operatorName(dc)
  const leaf = await issueLeaf({ authority, commonName: alias, names: firstNames(dc), now, randomBytes })
  return rewriteKeystore([], leaf, [authority.path], { alias, password: keystorePassword(dc), now, randomBytes })
}

/** The names of the first certificate: all of the datacenter's Services and pods. */
function firstNames(dc: Datacenter): string[] {
  const governing = `${dc.service.replace(/-service$/, '-all-pods-service')}.${dc.namespace}.svc.${dc.clusterDomain}`
  return [...requiredNames(dc, {}), governing, `*.${governing}`]
}
