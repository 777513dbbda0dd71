/** The state of a CA rotation, which is stored in the CA Secret: every step is one write, bound to the version read. */
import {
  authorityLocation,
  authorityObject,
  authorityText,
  type AuthorityMaterial,
  readAuthorityMaterial,
  ROTATION_KEYS,
  type RotationPhase,
} from '../../cassandra/authority-secret.ts'
import type { Datacenter } from '../../cassandra/datacenter.ts'
import { parseRotation, type Rotation } from '../../certificates/ca-rotation.ts'
import { parseSigner, type Signer } from '../../certificates/certificate-authority.ts'
import type { AuthorityPem } from '../../certificates/create-authority.ts'
import { type IssuerReference, issuerIn, issuerPem } from '../../certificates/issuer-reference.ts'
import type { FieldChange } from '../../changes/changeset.ts'
import { record } from '../../changes/record.ts'
import { isRace } from '../../cluster/api-errors.ts'
import { SECRET } from '../../cluster/resources.ts'
import { again, CassSniError } from '../../errors.ts'
import { CA_ROTATION_ANNOTATION } from '../../text/own-keys.ts'
import type { WorkflowContext } from '../context.ts'

export interface RotationState {
  material: AuthorityMaterial
  /** The CA that signs. */
  authority: Signer
  rotation: Rotation | undefined
}

/** @throws CSNI204, CSNI401 */
export async function readRotationState({ kube }: WorkflowContext, dc: Datacenter): Promise<RotationState> {
  const material = await readAuthorityMaterial(kube, dc)
  const location = authorityLocation(dc)
  return {
    material,
    authority: parseSigner(material.certificate, material.key, location),
    rotation: parseRotation(material, location),
  }
}

/** What a step writes: the phase and PEM texts by key; null removes. */
export interface RotationStep {
  phase: RotationPhase | null
  texts: Record<string, string | null>
}

const { nextCertificate, nextKey, previousCertificate, previousKey } = ROTATION_KEYS
const NOTHING_STORED = {
  [nextCertificate]: null,
  [nextKey]: null,
  [previousCertificate]: null,
  [previousKey]: null,
}

/** Stores the new CA next to the current one, which still signs. */
export function startRotation(next: AuthorityPem): RotationStep {
  return {
    phase: 'trust',
    texts: { ...NOTHING_STORED, [nextCertificate]: next.certificate, [nextKey]: next.key },
  }
}

/** Makes an issuer sign with the CA of the datacenter. */
export function handOver(issuer: IssuerReference): RotationStep {
  return { phase: null, texts: { key: issuerPem(issuer) } }
}

/** Returns the issuer of the new CA during a rotation, else of the CA; undefined if the CA Secret has its key. */
export function issuerOf({ authority, rotation, material }: RotationState): IssuerReference | undefined {
  if (rotation?.phase !== 'trust') return 'issuer' in authority ? authority.issuer : undefined
  return issuerIn(Buffer.from(material.secret.data?.[nextKey] ?? '', 'base64').toString('utf8'))
}

/** Makes the stored new CA sign. cass-operator reads the CA only to create a keystore Secret that does not exist. */
export function switchAuthority({ material }: RotationState, dc: Datacenter): RotationStep {
  const next = {
    certificate: authorityText(material.secret.data, nextCertificate, dc),
    key: authorityText(material.secret.data, nextKey, dc),
  }
  parseSigner(next.certificate, next.key, authorityLocation(dc))
  return replaceAuthority({ material }, next)
}

/** Makes a new CA sign immediately. */
export function replaceAuthority({ material }: Pick<RotationState, 'material'>, next: AuthorityPem): RotationStep {
  return {
    phase: 'sign',
    texts: {
      ...NOTHING_STORED,
      cert: next.certificate,
      key: next.key,
      [previousCertificate]: material.certificate,
      [previousKey]: material.key,
    },
  }
}

/** Deletes the key of the previous CA, or with `abort` that of the new one, which has signed nothing. */
export function retireOther(phase: 'drop' | 'abort'): RotationStep {
  return { phase, texts: { [phase === 'drop' ? previousKey : nextKey]: null } }
}

export const endRotation: RotationStep = { phase: null, texts: NOTHING_STORED }

/**
 * Writes a step to the CA Secret and reports the change.
 * @throws CSNI211 if the Secret has changed since it was read
 */
export async function writeRotation(
  context: WorkflowContext,
  dc: Datacenter,
  { secret }: AuthorityMaterial,
  { phase, texts }: RotationStep,
): Promise<void> {
  const { uid, resourceVersion, annotations } = secret.metadata
  const name = dc.keystores.caSecret
  const data = Object.entries(texts).filter(([key, text]) => text !== null || secret.data?.[key] !== undefined)
  const before = annotations?.[CA_ROTATION_ANNOTATION]
  const path = `metadata.annotations[${JSON.stringify(CA_ROTATION_ANNOTATION)}]`
  const fields: FieldChange[] = [
    ...(before === undefined && phase === null ? [] : [{ path, before, after: phase ?? undefined }]),
    ...data.map(([key, text]) => ({
      path: `data[${JSON.stringify(key)}]`,
      before: secret.data?.[key] === undefined ? undefined : '(secret)',
      after: text === null ? undefined : '(secret)',
    })),
  ]
  if (!context.dryRun) {
    const encoded = data.map(([key, text]) => [key, text === null ? null : Buffer.from(text).toString('base64')])
    const patch = {
      metadata: { uid, resourceVersion, annotations: { [CA_ROTATION_ANNOTATION]: phase } },
      data: Object.fromEntries(encoded) as Record<string, string | null>,
    }
    await context.kube.mergePatch(SECRET, name, dc.namespace, patch).catch((cause: unknown) => {
      if (!isRace(cause)) throw cause
      const object = authorityObject(dc)
      throw new CassSniError('CSNI211', `${object}: modified concurrently by another run`, {
        object,
        next: [again``],
        cause,
      })
    })
  }
  const change = record({ action: 'configured', type: SECRET, name, namespace: dc.namespace, fields }, context.dryRun)
  context.emit({ type: 'change', change })
}
