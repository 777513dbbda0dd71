/** What `certs` is asked for and what it answers. */
import type { ReasonCode } from '../../certificates/policies.ts'

export interface CertsOptions {
  /** metadata.name of the CassandraDatacenter; needed when the namespace has several. */
  datacenter?: string | undefined
  clusterDomain?: string | undefined
  /** Undefined keeps the remembered ones; an empty list, or one empty name, forgets them. */
  publicNames?: string[] | undefined
  /** Issue a new certificate in any case. */
  renew?: boolean | undefined
  /** When the keystore cannot be read, make a new one under the configured password. */
  replaceKeystore?: boolean | undefined
  /** Where the nodes are looked at when the user may not connect to their pods: "namespace/service". */
  gateway?: string | undefined
  /** The gateway's port. Default 9042. */
  gatewayPort?: number | undefined
  timings?: Partial<Timings> | undefined
}

/** How long things may take, in milliseconds. */
export interface Timings {
  /** From the change of the Secret until a node whose program can be told serves the new certificate. */
  reloadMs: number
  /** The same for a node that has to find it by itself. */
  rereadMs: number
  /** How long a node that cannot be looked at is tried. */
  unseenMs: number
}

/** A certificate, as it is shown. */
export interface ShownCertificate {
  fingerprint256: string
  names: string[]
  /** ISO 8601. */
  notAfter: string
  issuer: string
}

export interface CertsNode {
  pod: string
  /** What the node served when the run began; absent when it could not be looked at. */
  before?: ShownCertificate | undefined
  /** What it serves now. */
  after?: ShownCertificate | undefined
  /** It was seen to serve the certificate that is in the Secret. */
  live: boolean
  /** Why it is not live, or could not be looked at, in one line. */
  note?: string | undefined
}

export interface CertsResult {
  ok: boolean
  namespace: string
  datacenter: string
  dryRun: boolean
  authority: { subject: string; notAfter: string; fingerprint256: string }
  /**
   * The certificate in the Secret after this run; in a dry run the one that would be issued, which has no fingerprint
   * yet.
   */
  leaf: {
    names: string[]
    publicNames: string[]
    notAfter: string
    fingerprint256?: string | undefined
    issued: boolean
    /** Why a new one was, or in a dry run would be, issued: a line each. */
    reasons: string[]
    /** The same for programs, in the same order: "MissingNames", "ExpiresSoon", … */
    reasonCodes: ReasonCode[]
  }
  nodes: CertsNode[]
  /** Nodes whose host id is not in the certificate, because it is not known yet. */
  pending: { pod: string; reason: string }[]
}
