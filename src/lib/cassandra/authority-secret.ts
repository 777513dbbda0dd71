/** Locates and reads the Secrets in which cass-operator stores a datacenter's CA and keystore. */
import type { V1Secret } from '@kubernetes/client-node'
import type { Kube, KubeObject } from '../cluster/kube.ts'
import { SECRET } from '../cluster/resources.ts'
import { CassSniError, command, hint, type NextStep } from '../errors.ts'
import { CA_ROTATION_ANNOTATION } from '../text/own-keys.ts'
import type { Datacenter } from './datacenter.ts'

/**
 * The mount path of cass-operator's keystore (k8ssandra/cass-operator pkg/serverconfig/parsing.go compares with it).
 */
export const OPERATOR_KEYSTORE_PATH = '/etc/encryption/node-keystore.jks'

export type Secret = KubeObject & Pick<V1Secret, 'data'>

/**
 * The phase of a CA rotation. trust: the current CA signs, and nodes trust the new one as well. sign: the new CA signs,
 * and nodes trust the previous one as well. drop: nodes cease to trust the previous CA. abort: nodes cease to trust the
 * new CA, which has signed nothing.
 */
export const ROTATION_PHASES = ['trust', 'sign', 'drop', 'abort'] as const
export type RotationPhase = (typeof ROTATION_PHASES)[number]

/** Keys of the CA Secret during a rotation. cass-operator ignores them. */
export const ROTATION_KEYS = {
  nextCertificate: 'next-cert',
  nextKey: 'next-key',
  previousCertificate: 'previous-cert',
  previousKey: 'previous-key',
} as const

/** A CA rotation as stored in the CA Secret. */
export interface RotationMaterial {
  phase: RotationPhase
  /** The new CA in phases trust and abort, the previous one in sign and drop; PEM. */
  other: string
}

/** A datacenter's CA certificate as stored in its Secret. */
export interface AuthorityCertificates {
  /** PEM, unchanged: cass-operator uses only the first block. */
  certificate: string
  /** Undefined unless the CA is being rotated. */
  rotation?: RotationMaterial | undefined
}

/** A datacenter's CA as stored in its Secret. `key` is a secret: never printed. */
export interface AuthorityMaterial extends AuthorityCertificates {
  key: string
  /** The Secret that was read. Its data is secret: never printed. */
  secret: Secret
}

/** The keystore as stored in its Secret. */
export interface KeystoreMaterial {
  bytes: Buffer
  /** The Secret that was read. Its data is secret: never printed. */
  secret: KubeObject
}

/** Returns where the CA of a datacenter is stored, for errors. */
export function authorityLocation(dc: Datacenter): {
  object: string
  secret: string
  namespace: string
  datacenter: string
} {
  return {
    object: authorityObject(dc),
    secret: dc.keystores.caSecret,
    namespace: dc.namespace,
    datacenter: dc.name,
  }
}

/** Returns kubectl's name of a datacenter's CA Secret. */
export function authorityObject(dc: Datacenter): string {
  return `secret/${dc.keystores.caSecret} in namespace ${dc.namespace}`
}

/** Returns kubectl's name of a datacenter's keystore Secret. */
export function keystoreObject(dc: Datacenter): string {
  return `secret/${dc.keystores.keystoreSecret} in namespace ${dc.namespace}`
}

/**
 * Returns the password of the keystore: the configured one, else the datacenter's name, as used by cass-operator
 * (pkg/utils/crypto.go).
 */
export function keystorePassword(dc: Datacenter): string {
  return dc.clientEncryption.keystorePassword ?? dc.serverEncryption.keystorePassword ?? dc.name
}

/**
 * Reads CA certificate and private key of a datacenter.
 * @throws CSNI204 if the Secret is missing, CSNI401 if it lacks a key, CSNI203 without permission to read Secrets.
 */
export async function readAuthorityMaterial(kube: Kube, dc: Datacenter): Promise<AuthorityMaterial> {
  const secret = await findSecret(kube, dc, dc.keystores.caSecret, 'CA')
  return { ...certificatesIn(secret, dc), key: authorityText(secret.data, 'key', dc), secret }
}

/**
 * Reads the CA certificate of a datacenter, and during a rotation the other one; ignores the private keys.
 * @throws CSNI204 if the Secret is missing, CSNI401 if it lacks the certificate, CSNI203 without permission to read
 * Secrets.
 */
export async function readAuthorityCertificates(kube: Kube, dc: Datacenter): Promise<AuthorityCertificates> {
  return certificatesIn(await findSecret(kube, dc, dc.keystores.caSecret, 'CA'), dc)
}

/**
 * Reads the keystore of a datacenter.
 * @throws CSNI204 if the Secret or its key is missing, CSNI203 without permission to read Secrets.
 */
export async function readKeystoreMaterial(kube: Kube, dc: Datacenter): Promise<KeystoreMaterial> {
  const secret = await findSecret(kube, dc, dc.keystores.keystoreSecret, 'keystore')
  const encoded = secret.data?.[dc.keystores.keystoreKey]
  if (encoded === undefined || encoded === '') {
    throw new CassSniError('CSNI204', `${keystoreObject(dc)}: missing key "${dc.keystores.keystoreKey}"`, {
      object: keystoreObject(dc),
      next: [
        command`kubectl delete secret ${dc.keystores.keystoreSecret} -n ${dc.namespace}`,
        ...recreation(dc, dc.keystores.keystoreSecret),
      ],
    })
  }
  return { bytes: Buffer.from(encoded, 'base64'), secret }
}

/** Returns whether the new CA has signed nothing in this phase. */
export function isBeforeSigning(phase: RotationPhase): boolean {
  return phase === 'trust' || phase === 'abort'
}

function certificatesIn({ data, metadata }: Secret, dc: Datacenter): AuthorityCertificates {
  const certificate = authorityText(data, 'cert', dc)
  const value = metadata.annotations?.[CA_ROTATION_ANNOTATION]
  if (value === undefined) return { certificate }
  const phase = ROTATION_PHASES.find((each) => each === value)
  if (phase === undefined)
    throw new CassSniError(
      'CSNI401',
      `${authorityObject(dc)}: annotation ${CA_ROTATION_ANNOTATION}: invalid value ${JSON.stringify(value)}`,
      {
        object: authorityObject(dc),
        next: [command`kubectl describe secret ${dc.keystores.caSecret} -n ${dc.namespace}`],
      },
    )
  const { nextCertificate, previousCertificate } = ROTATION_KEYS
  return {
    certificate,
    rotation: { phase, other: authorityText(data, isBeforeSigning(phase) ? nextCertificate : previousCertificate, dc) },
  }
}

async function findSecret(kube: Kube, dc: Datacenter, name: string, what: string): Promise<Secret> {
  const secret = await kube.get<Secret>(SECRET, name, dc.namespace)
  if (secret) return secret
  throw new CassSniError(
    'CSNI204',
    `secret/${name} in namespace ${dc.namespace} not found: datacenter ${dc.name} has no ${what} from cass-operator`,
    {
      object: `secret/${name} in namespace ${dc.namespace}`,
      next: [
        ...recreation(dc, name),
        command`kubectl get cassandradatacenter ${dc.name} -n ${dc.namespace} -o jsonpath='{.spec.config}'`,
        command`kubectl get secrets -n ${dc.namespace}`,
      ],
    },
  )
}

/**
 * How to get a keystore again: cass-operator creates a missing one when it reconciles the datacenter, which any change
 * of it triggers (pkg/reconciliation/reconcile_racks.go, CheckInternodeCredentialCreation).
 */
function recreation({ name, namespace, clientEncryption, keystores }: Datacenter, secret: string): NextStep[] {
  if (secret !== keystores.keystoreSecret || clientEncryption.keystorePath !== OPERATOR_KEYSTORE_PATH) return []
  return [
    hint('cass-operator creates the keystore again after any change of the CassandraDatacenter; then run certs'),
    command`kubectl annotate cassandradatacenter ${name} -n ${namespace} --overwrite
      reconcile-requested=${String(Date.now())}`,
  ]
}

/**
 * Returns a PEM text of the CA Secret.
 * @throws CSNI401 if the key is missing or empty
 */
export function authorityText(data: Secret['data'], key: string, dc: Datacenter): string {
  const encoded = data?.[key]
  if (encoded === undefined || encoded === '') {
    throw new CassSniError('CSNI401', `${authorityObject(dc)}: missing key "${key}"`, {
      object: authorityObject(dc),
      next: [command`kubectl describe secret ${dc.keystores.caSecret} -n ${dc.namespace}`],
    })
  }
  return Buffer.from(encoded, 'base64').toString('utf8')
}
