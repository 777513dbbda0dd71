/** The CQL ports of Cassandra's pods. Pure. */
import { cassandraYaml, field } from './configuration.ts'

/** Fields used of `spec.networking` (NetworkingConfig, NodePortConfig in cassandradatacenter_types.go). */
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
  /** Port with TLS; without TLS the only port. */
  native: number
  /** Additional port without TLS. */
  plaintext?: number | undefined
}

/** Cassandra's default for native_transport_port. */
const DEFAULT_PORT = 9042

/**
 * Returns the ports that cass-operator and Cassandra derive from `spec.networking` and `spec.config`.
 *
 * cass-operator writes nodePort.nativeSSL as native_transport_port_ssl, else nodePort.native as native_transport_port,
 * and merges `spec.config` into that (k8ssandra/cass-operator pkg/serverconfig/configgen.go, GetModelValues and
 * GetConfigAsJSON). A key set by both becomes a list, with which Cassandra does not start: cass-operator's value is
 * used.
 *
 * With client TLS, a native_transport_port_ssl that differs from native_transport_port is the port with TLS, and the
 * other one has none; otherwise the single port has TLS (apache/cassandra NativeTransportService.java, initialize).
 */
export function nativePorts(config: unknown, networking: Networking | undefined, encrypted: boolean): NativePorts {
  const yaml = cassandraYaml(config)
  const { native = 0, nativeSSL = 0 } = networking?.nodePort ?? {}
  const byOperator = { ssl: portOf(nativeSSL), plain: nativeSSL === 0 ? portOf(native) : undefined }
  const plain = byOperator.plain ?? portOf(field(yaml, 'native_transport_port')) ?? DEFAULT_PORT
  const ssl = byOperator.ssl ?? portOf(field(yaml, 'native_transport_port_ssl')) ?? plain
  return encrypted ? { native: ssl, plaintext: plain === ssl ? undefined : plain } : { native: plain }
}

/**
 * Returns a port number, also from text; undefined for 0, which means "not set" to cass-operator, and anything else.
 */
function portOf(value: unknown): number | undefined {
  const port = typeof value === 'string' && /^\d{1,5}$/.test(value.trim()) ? Number(value) : value
  return typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined
}
