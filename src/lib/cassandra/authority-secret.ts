/**
 * The Secrets in which cass-operator keeps a datacenter's certificate authority and keystore: where they are, and
 * reading them.
 */
import type { V1Secret } from '@kubernetes/client-node'
import type { Kube, KubeObject } from '../cluster/kube.ts'
import { SECRET } from '../cluster/resources.ts'
import { CassSniError, command } from '../errors.ts'
import { PUBLIC_NAMES_ANNOTATION } from '../text/own-keys.ts'
import type { Datacenter } from './datacenter.ts'

/**
 * The path at which cass-operator mounts its own keystore (k8ssandra/cass-operator pkg/serverconfig/parsing.go
 * compares with exactly this).
 */
export const OPERATOR_KEYSTORE_PATH = '/etc/encryption/node-keystore.jks'

type Secret = KubeObject & Pick<V1Secret, 'data'>

/** A datacenter's CA as it lies in its Secret. `key` is a secret: never printed. */
export interface AuthorityMaterial {
  /** PEM, as found: the operator uses the first block only. */
  certificate: string
  key: string
}

/** The keystore as it lies in its Secret. */
export interface KeystoreMaterial {
  bytes: Buffer
  /** Of the annotation `cass-sni/public-names`; undefined when it was never set. */
  publicNames?: string[] | undefined
  /** The Secret that was read. Its data is secret: never printed. */
  secret: KubeObject
}

/** Where the CA of a datacenter lies, for errors. */
export function authorityPlace(dc: Datacenter): {
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

/** How kubectl names the CA Secret of a datacenter. */
export function authorityObject(dc: Datacenter): string {
  return `secret/${dc.keystores.caSecret} in namespace ${dc.namespace}`
}

/** How kubectl names the keystore Secret of a datacenter. */
export function keystoreObject(dc: Datacenter): string {
  return `secret/${dc.keystores.keystoreSecret} in namespace ${dc.namespace}`
}

/**
 * The password of the keystore: the configured one, else the datacenter's name, which is what the operator uses
 * (pkg/utils/crypto.go).
 */
export function keystorePassword(dc: Datacenter): string {
  return dc.clientEncryption.keystorePassword ?? dc.serverEncryption.keystorePassword ?? dc.name
}

/**
 * CA certificate and key of a datacenter.
 * @throws CSNI204 when the Secret is missing, CSNI401 when it lacks a key, CSNI203 when the user may not read Secrets.
 */
export async function readAuthorityMaterial(kube: Kube, dc: Datacenter): Promise<AuthorityMaterial> {
  const data = await readSecret(kube, dc, dc.keystores.caSecret, 'certificate authority')
  return { certificate: text(data, 'cert', dc), key: text(data, 'key', dc) }
}

/**
 * The certificate part of a datacenter's CA, PEM as it lies there; the key is not looked at.
 * @throws CSNI204 when the Secret is missing, CSNI401 when it lacks the certificate, CSNI203 when the user may not read
 * Secrets.
 */
export async function readAuthorityCertificate(kube: Kube, dc: Datacenter): Promise<string> {
  return text(await readSecret(kube, dc, dc.keystores.caSecret, 'certificate authority'), 'cert', dc)
}

/**
 * The keystore of a datacenter and the public names remembered with it.
 * @throws CSNI204 when the Secret or its key is missing, CSNI203 when the user may not read Secrets.
 */
export async function readKeystoreMaterial(kube: Kube, dc: Datacenter): Promise<KeystoreMaterial> {
  const secret = await findSecret(kube, dc, dc.keystores.keystoreSecret, 'keystore')
  const encoded = secret.data?.[dc.keystores.keystoreKey]
  if (encoded === undefined || encoded === '') {
    throw new CassSniError('CSNI204', `${keystoreObject(dc)} has no key "${dc.keystores.keystoreKey}"`, {
      object: keystoreObject(dc),
      next: [command`kubectl delete secret ${dc.keystores.keystoreSecret} -n ${dc.namespace}`],
    })
  }
  return {
    bytes: Buffer.from(encoded, 'base64'),
    publicNames: secret.metadata.annotations?.[PUBLIC_NAMES_ANNOTATION]
      ?.split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
    secret,
  }
}

async function readSecret(kube: Kube, dc: Datacenter, name: string, what: string): Promise<Record<string, string>> {
  return (await findSecret(kube, dc, name, what)).data ?? {}
}

async function findSecret(kube: Kube, dc: Datacenter, name: string, what: string): Promise<Secret> {
  const secret = await kube.get<Secret>(SECRET, name, dc.namespace)
  if (secret) return secret
  throw new CassSniError(
    'CSNI204',
    `there is no secret/${name} in namespace ${dc.namespace}: datacenter ${dc.name} has no ${what} of cass-operator`,
    {
      object: `secret/${name} in namespace ${dc.namespace}`,
      next: [
        command`kubectl get cassandradatacenter ${dc.name} -n ${dc.namespace} -o jsonpath='{.spec.config}'`,
        command`kubectl get secrets -n ${dc.namespace}`,
      ],
    },
  )
}

function text(data: Record<string, string>, key: 'cert' | 'key', dc: Datacenter): string {
  const encoded = data[key]
  if (encoded === undefined || encoded === '') {
    throw new CassSniError('CSNI401', `${authorityObject(dc)} has no key "${key}"`, {
      object: authorityObject(dc),
      next: [command`kubectl describe secret ${dc.keystores.caSecret} -n ${dc.namespace}`],
    })
  }
  return Buffer.from(encoded, 'base64').toString('utf8')
}
