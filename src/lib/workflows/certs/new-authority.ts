/** The CA that replaces the current one: created, or from the user. */
import { randomBytes } from 'node:crypto'
import type { Datacenter } from '../../cassandra/datacenter.ts'
import { type AuthorityPath, trustPem } from '../../certificates/authority-path.ts'
import { type AuthorityPem, createAuthority } from '../../certificates/create-authority.ts'
import { operatorKeyPem, requireGivenAuthority } from '../../certificates/given-authority.ts'
import { readText } from '../../files/input-file.ts'
import { clusterTime } from '../cluster-time.ts'
import type { WorkflowContext } from '../context.ts'

export interface NewAuthorityOptions {
  /** PEM files of the user's CA; undefined to create one. */
  files?: { certificate: string; key: string; passwordFile?: string | undefined } | undefined
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
 * Reads the CA in the user's files; undefined without files.
 * @throws CSNI104, CSNI107 if a file cannot be read; CSNI401, CSNI402 if nodes or clients could not use the CA
 */
export async function readReplacement(
  context: WorkflowContext,
  { files }: NewAuthorityOptions,
): Promise<ReplacementAuthority | undefined> {
  if (files === undefined) return undefined
  const { certificate, key, passwordFile } = files
  const [certificatePem, keyPem, password] = await Promise.all([
    readText(certificate, context.signal),
    readText(key, context.signal),
    passwordFile === undefined ? undefined : readText(passwordFile, context.signal),
  ])
  const { path, key: privateKey } = requireGivenAuthority(
    { certificatePem, keyPem, password: password?.replace(/\r?\n$/, ''), rsaOnly: true },
    clusterTime(context),
    { certificate, key, files: true },
  )
  return { path, pem: { certificate: trustPem([path]), key: operatorKeyPem(privateKey) } }
}

/** Creates a CA for the datacenter. */
export function newAuthority(
  context: WorkflowContext,
  { name, namespace }: Pick<Datacenter, 'name' | 'namespace'>,
  days: number,
): Promise<AuthorityPem> {
  return createAuthority({ datacenter: name, namespace, days, now: clusterTime(context), randomBytes })
}
