/** The ports on which Cassandra's pods speak CQL: pure. */
import { cassandraYaml, field } from './configuration.ts'

/** What `spec.networking` may hold (NetworkingConfig, NodePortConfig in cassandradatacenter_types.go). */
export interface Networking {
  nodePort?: {
    native?: number | undefined
    nativeSSL?: number | undefined
    internode?: number | undefined
    internodeSSL?: number | undefined
  }
  hostNetwork?: boolean | undefined
}

export interface NativePorts {
  /** The one for clients with TLS; without TLS the only one. */
  native: number
  /** Another one, for clients without TLS, next to the one with it. */
  plaintext?: number | undefined
}

/** Cassandra's default for native_transport_port. */
const DEFAULT_PORT = 9042

/**
 * What cass-operator and Cassandra make of `spec.networking` and `spec.config`.
 *
 * The operator writes nodePort.nativeSSL as native_transport_port_ssl, else nodePort.native as native_transport_port,
 * and merges `spec.config` into that (k8ssandra/cass-operator pkg/serverconfig/configgen.go, GetModelValues and
 * GetConfigAsJSON). A key that both set becomes a list, which no Cassandra starts with: the operator's value counts
 * then.
 *
 * With TLS to clients a native_transport_port_ssl that differs from native_transport_port is the port with TLS, and the
 * other one stays without; else the one port serves TLS (apache/cassandra NativeTransportService.java, initialize).
 */
export function nativePorts(config: unknown, networking: Networking | undefined, encrypted: boolean): NativePorts {
  const yaml = cassandraYaml(config)
  const { native = 0, nativeSSL = 0 } = networking?.nodePort ?? {}
  const byOperator = { ssl: portOf(nativeSSL), plain: nativeSSL === 0 ? portOf(native) : undefined }
  const plain = byOperator.plain ?? portOf(field(yaml, 'native_transport_port')) ?? DEFAULT_PORT
  const ssl = byOperator.ssl ?? portOf(field(yaml, 'native_transport_port_ssl')) ?? plain
  return encrypted ? { native: ssl, plaintext: plain === ssl ? undefined : plain } : { native: plain }
}

/** A port number, also as text; undefined for 0, which the operator takes for "not set", and for anything else. */
function portOf(value: unknown): number | undefined {
  const port = typeof value === 'string' && /^\d{1,5}$/.test(value.trim()) ? Number(value) : value
  return typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined
}
