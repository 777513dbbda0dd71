/**
 * Reference to the cert-manager issuer that signs the certificates of a datacenter. It is stored in the CA Secret as a
 * PEM block in place of the CA's private key. cass-operator reads the key only to create a missing keystore Secret; it
 * then reports an error, where it would panic without a PEM block (k8ssandra/cass-operator pkg/utils/crypto.go
 * prepare_ca). Pure.
 */

export interface IssuerReference {
  /** "cert-manager.io", or the group of an external issuer. */
  group: string
  /** "Issuer", "ClusterIssuer", or the kind of an external issuer. */
  kind: string
  name: string
}

const BLOCK = /-----BEGIN ISSUER REFERENCE-----([A-Za-z0-9+/=\s]*)-----END ISSUER REFERENCE-----/

/** Returns the PEM block that takes the place of the private key. */
export function issuerPem({ group, kind, name }: IssuerReference): string {
  const body = Buffer.from(JSON.stringify({ group, kind, name })).toString('base64')
  const lines = body.match(/.{1,64}/g) ?? []
  return ['-----BEGIN ISSUER REFERENCE-----', ...lines, '-----END ISSUER REFERENCE-----', ''].join('\n')
}

/** Returns the issuer that the text refers to; undefined if it has no such block, or an invalid one. */
export function issuerIn(text: string): IssuerReference | undefined {
  const body = BLOCK.exec(text)?.[1]
  if (body === undefined) return undefined
  try {
    const { group, kind, name } = JSON.parse(Buffer.from(body, 'base64').toString('utf8')) as Partial<IssuerReference>
    if (typeof group !== 'string' || typeof kind !== 'string' || typeof name !== 'string') return undefined
    return { group, kind, name }
  } catch {
    return undefined
  }
}

/** Returns the issuer as kubectl names it: "clusterissuer.cert-manager.io/lab". */
export function issuerText({ group, kind, name }: IssuerReference): string {
  return `${kind.toLowerCase()}.${group}/${name}`
}

/** Returns whether two references are to the same issuer. */
export function isSameIssuer(a: IssuerReference, b: IssuerReference): boolean {
  return issuerText(a) === issuerText(b)
}
