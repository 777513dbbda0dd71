/** The client certificate of this program: from files of the user, else from a Secret that `issue-client` wrote. */
import type { Datacenter } from '../cassandra/datacenter.ts'
import { chainPem, type Identity, keyPem, readIdentity } from '../certificates/client-certificate.ts'
import { STORE_FILES } from '../certificates/client-stores.ts'
import { ownedSelector } from '../changes/ownership.ts'
import type { Kube } from '../cluster/kube.ts'
import { displayName, SECRET } from '../cluster/resources.ts'
import { unless } from '../cluster/unless.ts'
import type { Secret } from '../cluster/workloads.ts'
import type { ClientIdentity } from '../connection/client-identity.ts'
import { again, CassSniError, hint } from '../errors.ts'
import { readPemFile } from '../files/pem-file.ts'
import { CLIENT_LABEL } from '../text/own-keys.ts'

/** The client name for this program: its Secret is preferred to those of applications. */
const OWN_CLIENT = 'cass-sni'

export interface IdentityChoice {
  /** PEM files of a client certificate and its key. */
  clientCertFile?: string | undefined
  clientKeyFile?: string | undefined
}

/** An identity and where it is stored, for messages. */
export interface FoundIdentity {
  identity: Identity
  source: string
}

/** A client certificate in a Secret. */
export interface StoredClient extends FoundIdentity {
  /** The client's name. */
  client: string
  secret: string
}

/**
 * Reads the certificate and key in the chosen files; undefined without a choice.
 * @throws CSNI102 if only one is chosen, CSNI104 if a file cannot be read, CSNI107 if they are invalid or do not match
 */
export async function chosenIdentity(
  { clientCertFile, clientKeyFile }: IdentityChoice,
  signal: AbortSignal,
): Promise<FoundIdentity | undefined> {
  if (clientCertFile === undefined && clientKeyFile === undefined) return undefined
  if (clientCertFile === undefined || clientKeyFile === undefined) {
    throw new CassSniError('CSNI102', 'a client certificate (--client-cert) requires its key (--client-key)', {
      next: [clientCertFile === undefined ? again`--client-cert tls.crt` : again`--client-key tls.key`],
    })
  }
  const [cert, key] = await Promise.all([
    readPemFile(clientCertFile, 'certificate', signal),
    readPemFile(clientKeyFile, 'key', signal),
  ])
  const identity = readIdentity(cert, key)
  if (identity !== undefined) return { identity, source: clientCertFile }
  throw new CassSniError(
    'CSNI107',
    `${clientCertFile}, ${clientKeyFile}: not a PEM certificate and its own private key, unencrypted`,
    { object: clientCertFile, next: [hint('create them with kubectl cass-sni certs issue-client')] },
  )
}

/**
 * Finds a client certificate in the Secrets that `certs issue-client` wrote for a datacenter: this program's own first,
 * then the one that expires last. Undefined without one that is valid now, or without permission to list Secrets.
 * @param now milliseconds since the epoch
 */
export async function storedIdentity(kube: Kube, dc: Datacenter, now: number): Promise<FoundIdentity | undefined> {
  // Without them, the connection fails with CSNI610, which names the alternatives.
  return preferred((await unless('CSNI203', storedClients(kube, dc))) ?? [], now)
}

/** The client certificates in the Secrets that `certs issue-client` wrote for a datacenter. Throws CSNI203. */
export async function storedClients(kube: Kube, dc: Datacenter): Promise<StoredClient[]> {
  const secrets = await kube.list<Secret>(SECRET, {
    namespace: dc.namespace,
    labelSelector: `${ownedSelector(dc.name)},${CLIENT_LABEL}`,
  })
  return secrets.flatMap(({ metadata: { name: secret, labels }, data }) => {
    const text = (key: string) => Buffer.from(data?.[key] ?? '', 'base64').toString('utf8')
    const identity = readIdentity(text(STORE_FILES.certificate), text(STORE_FILES.key))
    const source = `${displayName(SECRET, secret)} in namespace ${dc.namespace}`
    return identity === undefined ? [] : [{ client: labels?.[CLIENT_LABEL] ?? '', secret, identity, source }]
  })
}

/** Returns this program's own certificate, else the one that expires last; undefined without one that is valid now. */
export function preferred(clients: readonly StoredClient[], now: number): StoredClient | undefined {
  const rank = ({ client, identity }: StoredClient) =>
    client === OWN_CLIENT ? Number.POSITIVE_INFINITY : identity.chain[0].notAfter.getTime()
  return clients
    .filter(
      ({
        identity: {
          chain: [leaf],
        },
      }) => leaf.notBefore.getTime() <= now && leaf.notAfter.getTime() > now,
    )
    .sort((a, b) => rank(b) - rank(a))[0]
}

/**
 * Returns what to present to the nodes of a datacenter: the chosen certificate, else a stored one if the nodes require
 * it, or if their configuration is hidden.
 */
export async function identityFor(
  kube: Kube,
  dc: Datacenter,
  chosen: FoundIdentity | undefined,
  now: number,
): Promise<ClientIdentity | undefined> {
  const required = dc.clientEncryption.requireClientAuth || dc.configurationHidden !== undefined
  const found = chosen ?? (required ? await storedIdentity(kube, dc, now) : undefined)
  return found === undefined ? undefined : { cert: chainPem(found.identity), key: keyPem(found.identity) }
}
