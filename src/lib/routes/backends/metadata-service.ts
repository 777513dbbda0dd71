/** The Service of the metadata service, whose pods `routes controller install` creates. Pure. */
import type { V1ServiceSpec } from '@kubernetes/client-node'
import type { Datacenter } from '../../cassandra/datacenter.ts'
import type { Desired } from '../../changes/changeset.ts'
import { SERVICE } from '../../cluster/resources.ts'
import { METADATA_NAME } from '../../text/own-keys.ts'
import { routeNames, serviceHost } from '../sni-names.ts'
import type { RouteInput, Upstream } from './backend.ts'
import { exportNamespaces, owned } from './objects.ts'

const PORT = 443
/** The port of its pods. */
export const METADATA_POD_PORT = 8443

/** Returns the labels of the pods. */
export function metadataLabels(datacenterName: string): Record<string, string> {
  return { 'app.kubernetes.io/name': METADATA_NAME, 'app.kubernetes.io/instance': routeNames(datacenterName).metadata }
}

/** Returns the destination of the route. */
export function metadataUpstream({ name, namespace, clusterDomain }: Datacenter): Upstream {
  return { host: serviceHost(routeNames(name).metadata, namespace, clusterDomain), port: PORT }
}

/** Returns the Service, exported to the gateway's namespace only. */
export function metadataService(input: RouteInput): Desired {
  const { name } = input.datacenter
  const object = owned(input, SERVICE, routeNames(name).metadata)
  const spec: V1ServiceSpec = {
    type: 'ClusterIP',
    selector: metadataLabels(name),
    // Istio derives the protocol from the prefix.
    ports: [{ name: 'tls-metadata', port: PORT, targetPort: METADATA_POD_PORT, protocol: 'TCP' }],
  }
  const annotations = { 'networking.istio.io/exportTo': exportNamespaces(input).join(',') }
  return {
    type: SERVICE,
    ownership: 'own',
    object: { ...object, metadata: { ...object.metadata, annotations }, spec },
  }
}
