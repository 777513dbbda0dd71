/**
 * Reads what the policies judge: the Secrets of a datacenter. Reads only, decides nothing, and needs no terminal:
 * commands, checks and the controller share it.
 */
import {
  authorityLocation,
  keystoreObject,
  keystorePassword,
  type KeystoreMaterial,
  readAuthorityMaterial,
  readKeystoreMaterial,
} from '../../cassandra/authority-secret.ts'
import type { Datacenter } from '../../cassandra/datacenter.ts'
import type { Kube } from '../../cluster/kube.ts'
import { CassSniError } from '../../errors.ts'
import type { Authorities } from '../authority-path.ts'
import { authoritiesDuring, parseRotation, type Rotation } from '../ca-rotation.ts'
import { parseSigner, type Signer } from '../certificate-authority.ts'
import { operatorName } from '../certificate-names.ts'
import { type CertificateSettings, settingsFrom } from '../certificate-settings.ts'
import { type NodeKeystore, openKeystore } from '../node-keystore.ts'

/** The keystore of a datacenter, opened. */
export interface OpenedKeystore {
  /** Secret: never printed. */
  password: string
  material: KeystoreMaterial
  /** Saved with the keystore. */
  settings: CertificateSettings
  keystore: NodeKeystore
  /** Why the keystore must be replaced as a whole. */
  unreadable?: string | undefined
}

/** The signing CA of a datacenter, and its keystore. */
export interface CertificateMaterial extends OpenedKeystore {
  /** Signs new certificates: the first of `authorities`. */
  authority: Signer
  /** What nodes and clients must trust. */
  authorities: Authorities
  /** Undefined unless the CA is being rotated. */
  rotation: Rotation | undefined
}

/**
 * Reads the CA with its private key, and the keystore.
 * @param options.replaceKeystore return an unreadable keystore as an empty one
 * @throws CSNI204 if a Secret is missing, CSNI401, CSNI403, CSNI203 without permission to read Secrets
 */
export async function gatherMaterial(
  kube: Kube,
  dc: Datacenter,
  options: { replaceKeystore?: boolean | undefined } = {},
): Promise<CertificateMaterial> {
  const [stored, opened] = await Promise.all([readAuthorityMaterial(kube, dc), gatherKeystore(kube, dc, options)])
  const location = authorityLocation(dc)
  const authority = parseSigner(stored.certificate, stored.key, location)
  const rotation = parseRotation(stored, location)
  return { ...opened, authority, authorities: authoritiesDuring(rotation, authority.path), rotation }
}

/**
 * Reads and opens the keystore.
 * @throws CSNI204 if the Secret is missing, CSNI403 unless `replaceKeystore`, CSNI203 without permission to read it
 */
export async function gatherKeystore(
  kube: Kube,
  dc: Datacenter,
  { replaceKeystore = false }: { replaceKeystore?: boolean | undefined } = {},
): Promise<OpenedKeystore> {
  const material = await readKeystoreMaterial(kube, dc)
  const opened = {
    password: keystorePassword(dc),
    material,
    settings: settingsFrom(material.secret.metadata.annotations),
  }
  try {
    const location = { password: opened.password, alias: operatorName(dc), object: keystoreObject(dc) }
    return { ...opened, keystore: openKeystore(material.bytes, location) }
  } catch (error) {
    if (!replaceKeystore || !(error instanceof CassSniError) || error.code !== 'CSNI403') throw error
    return { ...opened, keystore: { entries: [], current: undefined }, unreadable: error.message }
  }
}
