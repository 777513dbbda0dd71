/** Options and result of `certs`. */
import type { RotationPhase } from '../../cassandra/authority-secret.ts'
import type { CertificateSummary } from '../../certificates/gather/served-certificates.ts'
import type { NameSet, SettingTexts } from '../../certificates/certificate-settings.ts'
import type { IssuerReference } from '../../certificates/issuer-reference.ts'
import type { ReasonCode } from '../../certificates/reason.ts'
import type { MetadataCertificate } from './metadata-secret.ts'

/** For the settings, undefined keeps what is saved; an empty list, or one empty name, clears it. */
export interface CertsOptions extends SettingTexts {
  /** Default: that of the connection. */
  namespace?: string | undefined
  /** metadata.name of the CassandraDatacenter; required if the namespace has more than one. */
  datacenter?: string | undefined
  clusterDomain?: string | undefined
  /** Reissue even if the current certificate is valid. */
  renew?: boolean | undefined
  /** Replace an unreadable keystore, using the configured password. */
  replaceKeystore?: boolean | undefined
  /** A certificate from files to use instead of issuing one. */
  given?: GivenLeafOptions | undefined
  /** The cert-manager issuer that must be the one that signs. */
  issuer?: IssuerReference | undefined
  /** Gateway through which served certificates are read if pods/portforward is denied: "namespace/service". */
  gateway?: string | undefined
  /** The gateway's port. Default 9042. */
  gatewayPort?: number | undefined
  timings?: Partial<Timings> | undefined
}

/** A node certificate from files of the user. */
export interface GivenLeafOptions {
  /** JKS or PKCS#12 file; else certificate and key, PEM. */
  keystore?: string | undefined
  certificate?: string | undefined
  key?: string | undefined
  /** Password of the keystore or key. */
  password?: (() => Promise<string>) | undefined
  /** Use it although required names are missing. */
  allowMissingNames: boolean
}

/** Timeouts, in milliseconds. */
export interface Timings {
  /** For a node to serve the new certificate after the Secret changed, if its keystore can be reloaded. */
  reloadMs: number
  /** The same if the node has to wait for Cassandra's periodic reread. */
  rereadMs: number
  /** How long to retry a node whose certificate cannot be read. */
  unreadableMs: number
}

/** The fields of a CA that results include. */
export interface AuthoritySummary {
  subject: string
  /** ISO 8601. */
  notAfter: string
  fingerprint256: string
  /** The cert-manager issuer that signs with it, "issuer.cert-manager.io/x"; absent if the CA Secret has its key. */
  issuer?: string | undefined
}

export interface CertsNode {
  pod: string
  /** Certificate served when the run began; absent if it could not be read. */
  before?: CertificateSummary | undefined
  /** Certificate served now. */
  after?: CertificateSummary | undefined
  /** True if the node serves the certificate in the Secret. */
  live: boolean
  /** Why the node is not live or its certificate could not be read, in one line. */
  note?: string | undefined
}

export interface CertsResult {
  ok: boolean
  namespace: string
  datacenter: string
  dryRun: boolean
  /** The CA that signs. */
  authority: AuthoritySummary
  /** The other CA while one replaces another. */
  rotation?: (AuthoritySummary & { phase: RotationPhase }) | undefined
  /**
   * The certificate in the Secret after this run; in a dry run the one that would be issued, without a fingerprint.
   */
  leaf: {
    names: string[]
    publicNames: string[]
    sans: string[]
    /** public: no host IDs. */
    nameSet: NameSet
    /** Wildcards instead of names of one node, because the certificate would be too large. */
    wildcards: string[]
    notAfter: string
    fingerprint256?: string | undefined
    issued: boolean
    /** Why a new certificate was issued, or would be in a dry run; one line per reason. */
    reasons: string[]
    /** The same reasons as stable codes, in the same order: "MissingNames", "ExpiresSoon", … */
    reasonCodes: ReasonCode[]
  }
  /** The certificate of the metadata service; absent without one. */
  metadata?: MetadataCertificate | undefined
  nodes: CertsNode[]
  /** Nodes whose host ID is not in the certificate, because it is not known yet. */
  pending: { pod: string; reason: string }[]
}
