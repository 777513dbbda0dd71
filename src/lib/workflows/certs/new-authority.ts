/** The CA that replaces the current one: created, or from the user. */
import { randomBytes } from 'node:crypto'
import type { Datacenter } from '../../cassandra/datacenter.ts'
import { type AuthorityPath, trustPem } from '../../certificates/authority-path.ts'
import { type Authority, expiryWarning } from '../../certificates/certificate-authority.ts'
import { type AuthorityPem, createAuthority } from '../../certificates/create-authority.ts'
import {
  type AuthoritySource,
  type GivenAuthority,
  operatorKeyPem,
  requireGivenAuthority,
} from '../../certificates/given-authority.ts'
import { type IssuerReference, issuerPem } from '../../certificates/issuer-reference.ts'
import { SECRET } from '../../cluster/resources.ts'
import type { Secret } from '../../cluster/workloads.ts'
import { CassSniError, command, hint } from '../../errors.ts'
import { readText } from '../../files/input-file.ts'
import { readPemFile } from '../../files/pem-file.ts'
import { readAuthorityFile } from '../authority-file.ts'
import { clusterTime } from '../cluster-time.ts'
import type { WorkflowContext } from '../context.ts'
import { applyIssuerCertificate, issuerAuthority } from './cert-manager.ts'

export interface AuthorityFiles {
  certificate: string
  key: string
  /** File with the password of an encrypted key. */
  passwordFile?: string | undefined
}

export interface NewAuthorityOptions {
  /** PEM files of the user's CA; undefined to create one. */
  files?: AuthorityFiles | undefined
  /** Name of a Secret with the user's CA, in the datacenter's namespace. */
  secret?: string | undefined
  /** The cert-manager issuer that signs from now on, and a PEM file with its CA if it does not publish it. */
  issuer?: { reference: IssuerReference; authorityFile?: string | undefined } | undefined
  /** Validity of a CA to create. */
  days: number
}

/** A CA from the user, validated. */
export interface ReplacementAuthority {
  path: AuthorityPath
  /** As stored in the CA Secret: the path up to the root, and the key in PKCS#8. */
  pem: AuthorityPem
}

/**
 * Reads the CA of the user; undefined to create one.
 * @throws CSNI104, CSNI107 if a file cannot be read; CSNI204 if the Secret or its keys are missing; CSNI401, CSNI402 if
 * nodes or clients could not use the CA
 */
export async function readReplacement(
  context: WorkflowContext,
  namespace: string,
  { files, secret }: NewAuthorityOptions,
): Promise<ReplacementAuthority | undefined> {
  const source =
    secret !== undefined
      ? await fromSecret(context, namespace, secret)
      : files !== undefined
        ? await fromFiles(context, files)
        : undefined
  if (source === undefined) return undefined
  const { given, names } = source
  const now = clusterTime(context)
  const { path, key } = requireGivenAuthority({ ...given, rsaOnly: true }, now, names)
  const warning = expiryWarning(path, now, names.certificate)
  if (warning !== undefined) context.emit({ type: 'warning', code: 'CSNI402', message: warning })
  return { path, pem: { certificate: trustPem([path]), key: operatorKeyPem(key) } }
}

/**
 * Reads a CA of the user that only this program signs with.
 * @throws CSNI104, CSNI107 if a file cannot be read; CSNI401, CSNI402 if clients could not use the CA
 */
export async function readAuthorityFiles(context: WorkflowContext, files: AuthorityFiles): Promise<Authority> {
  const { given, names } = await fromFiles(context, files)
  return requireGivenAuthority(given, clusterTime(context), names)
}

interface Source {
  given: GivenAuthority
  names: AuthoritySource
}

async function fromFiles(
  { signal }: WorkflowContext,
  { certificate, key, passwordFile }: AuthorityFiles,
): Promise<Source> {
  const [certificatePem, keyPem, password] = await Promise.all([
    readPemFile(certificate, 'certificate', signal),
    readPemFile(key, 'key', signal),
    passwordFile === undefined ? undefined : readText(passwordFile, signal),
  ])
  return {
    given: { certificatePem, keyPem, password: password?.replace(/\r?\n$/, '') },
    names: { certificate, key, files: true },
  }
}

/** Keys of a certificate and its private key: of kubectl create secret tls and cert-manager, and of cass-operator. */
const SECRET_KEYS = [
  ['tls.crt', 'tls.key'],
  ['cert', 'key'],
] as const

async function fromSecret({ kube }: WorkflowContext, namespace: string, name: string): Promise<Source> {
  const object = `secret/${name} in namespace ${namespace}`
  if (name.includes('/'))
    throw new CassSniError('CSNI101', `invalid value "${name}" for --ca-secret: must be in namespace ${namespace}`, {
      next: [hint('copy the Secret to the namespace of the datacenter, or use --ca-file and --ca-key-file')],
    })
  const found = await kube.get<Secret>(SECRET, name, namespace)
  if (found === undefined)
    throw new CassSniError('CSNI204', `${object} not found`, {
      object,
      next: [command`kubectl get secrets -n ${namespace}`],
    })
  const { data = {} } = found
  const [certificate, key] = SECRET_KEYS.find((keys) => keys.every((each) => each in data)) ?? []
  if (certificate === undefined || key === undefined)
    throw new CassSniError(
      'CSNI204',
      `${object}: no certificate and private key (tls.crt and tls.key, or cert and key)`,
      {
        object,
        next: [command`kubectl describe secret ${name} -n ${namespace}`],
      },
    )
  const text = (each: string) => Buffer.from(data[each] ?? '', 'base64').toString('utf8')
  return {
    // In ca.crt, cert-manager stores the root of an intermediate CA.
    given: { certificatePem: `${text(certificate)}\n${text('ca.crt')}`, keyPem: text(key) },
    names: { certificate: `${object}: key "${certificate}"`, key: `${object}: key "${key}"`, files: false },
  }
}

/** Creates a CA for the datacenter. */
export function newAuthority(
  context: WorkflowContext,
  { name, namespace }: Pick<Datacenter, 'name' | 'namespace'>,
  days: number,
): Promise<AuthorityPem> {
  return createAuthority({ datacenter: name, namespace, days, now: clusterTime(context), randomBytes })
}

/** The same as a step. In a dry run, other texts, which produce the same change record: a key takes seconds. */
export async function createdAuthority(context: WorkflowContext, dc: Datacenter, days: number): Promise<AuthorityPem> {
  if (context.dryRun) return { certificate: 'the new CA', key: 'its key' }
  const step = { type: 'step', id: 'new-authority', title: 'New CA' } as const
  context.emit({ ...step, state: 'started' })
  const pem = await newAuthority(context, dc, days)
  context.emit({ ...step, state: 'done', note: `created, valid for ${days} days` })
  return pem
}

/**
 * Makes the issuer issue a certificate with these names, which also has its CA. In a dry run, only reports that.
 * @throws CSNI406, CSNI407, CSNI401, CSNI402
 */
export async function issuingAuthority(
  context: WorkflowContext,
  dc: Datacenter,
  { issuer }: NewAuthorityOptions,
  names: string[],
): Promise<AuthorityPem> {
  if (issuer === undefined) throw new CassSniError('CSNI903', 'internal error: no issuer')
  const { reference, authorityFile } = issuer
  const authorityPem = authorityFile && (await readAuthorityFile(authorityFile, context.signal))
  const request = { dc, issuer: reference, names, settings: {}, authorityPem }
  if (context.dryRun) {
    await applyIssuerCertificate(context, request)
    return { certificate: 'the CA of the issuer', key: 'the issuer' }
  }
  return { certificate: trustPem([await issuerAuthority(context, request)]), key: issuerPem(reference) }
}
