/** One Service and one TLSRoute per node, on a Gateway of the Kubernetes Gateway API. Pure. */
import type { Desired } from '../../changes/changeset.ts'
import type { KubeObject } from '../../cluster/kube.ts'
import { API_GATEWAY, GATEWAY_API_GROUP, SERVICE, TLS_ROUTE } from '../../cluster/resources.ts'
import { CQL_PORT } from '../../cassandra/resource-names.ts'
import { CassSniError } from '../../errors.ts'
import {
  CLUSTER_DOMAIN_ANNOTATION,
  GATEWAY_ANNOTATION,
  GATEWAY_CLASS_ANNOTATION,
  METADATA_NAME_ANNOTATION,
  POD_LABEL,
  PORT_ANNOTATION,
} from '../../text/own-keys.ts'
import { nodeServiceName, routeNames } from '../sni-names.ts'
import type { ApiTarget, Backend, DesiredRoutes, NodeRoute, RouteInput } from './backend.ts'
import { metadataService, metadataUpstream } from './metadata-service.ts'
import { NODE_SERVICES, nodeServices } from './node-services.ts'
import { owned } from './objects.ts'
import { namesOf, nodeRoutes } from './server-name-routes.ts'

/** A route and the Service of the same name behind it. */
interface Destination {
  name: string
  hostnames: string[]
  port: number
  marks: Pick<KubeObject['metadata'], 'labels' | 'annotations'>
}

export const TLS_ROUTES: Backend = {
  ...NODE_SERVICES,
  api: 'gateway',
  desired,
  made: () => false,
}

function desired(input: RouteInput): DesiredRoutes {
  const { target } = input
  if (target === undefined) throw new CassSniError('CSNI903', 'internal error: no Gateway selected for the TLSRoutes')
  const nodes = nodeRoutes(input)
  const served = nodes.filter((node) => node.state !== 'pending')
  const pending = nodes.flatMap(({ pod, state, reason = '' }) => (state === 'pending' ? [{ pod, reason }] : []))
  if (served.length === 0) return { stages: [], nodes, pending, serverNames: [] }
  const metadata = input.names?.metadata
  return {
    stages: [
      [...nodeServices(input, served), ...(metadata === undefined ? [] : [metadataService(input)])],
      target.className === undefined ? [] : [ownGateway(input, target, target.className)],
      [
        ...served.map((node) => nodeRoute(input, target, node)),
        ...(metadata === undefined ? [] : [metadataRoute(input, target, metadata)]),
      ],
    ],
    nodes,
    pending,
    serverNames: [...served.flatMap(namesOf), ...(metadata === undefined ? [] : [metadata])],
    metadata,
  }
}

/**
 * Our own Gateway, for this namespace only. What the API server would add as a default is written out, so that a
 * comparison finds no difference in lists that are replaced as a whole.
 */
function ownGateway(input: RouteInput, target: ApiTarget, gatewayClassName: string): Desired {
  const listener = {
    name: target.listener,
    port: input.port,
    protocol: 'TLS',
    tls: { mode: 'Passthrough' },
    allowedRoutes: { namespaces: { from: 'Same' }, kinds: [{ group: GATEWAY_API_GROUP, kind: TLS_ROUTE.kind }] },
  }
  // without any, Istio copies the labels of the Gateway, by which we recognize our own objects (istio/istio
  // pilot/pkg/config/kube/gatewaycommon/gateway_utils.go)
  const infrastructure = { labels: { 'app.kubernetes.io/component': 'cass-sni-gateway' } }
  return {
    type: API_GATEWAY,
    ownership: 'own',
    object: {
      ...owned(input, API_GATEWAY, target.name),
      spec: { gatewayClassName, infrastructure, listeners: [listener] },
    },
  }
}

function nodeRoute(input: RouteInput, target: ApiTarget, node: NodeRoute): Desired {
  const name = nodeServiceName(node.pod)
  return tlsRoute(input, target, {
    name,
    hostnames: namesOf(node),
    port: CQL_PORT,
    marks: { labels: { [POD_LABEL]: node.pod } },
  })
}

function metadataRoute(input: RouteInput, target: ApiTarget, serverName: string): Desired {
  return tlsRoute(input, target, {
    name: routeNames(input.datacenter.name).metadata,
    hostnames: [serverName],
    port: metadataUpstream(input.datacenter).port,
    marks: { annotations: { [METADATA_NAME_ANNOTATION]: serverName } },
  })
}

/**
 * The backend is a Service in the route's own namespace, so no ReferenceGrant is needed. The listener is referred to by
 * name: matching by port is an optional feature (kubernetes-sigs/gateway-api apis/v1/shared_types.go, ParentReference).
 */
function tlsRoute(input: RouteInput, target: ApiTarget, to: Destination): Desired {
  const { datacenter, port } = input
  const { type, namespace, name, listener, className } = target
  const object: KubeObject = owned(input, type, to.name)
  return {
    type,
    ownership: 'own',
    object: {
      ...object,
      metadata: {
        ...object.metadata,
        labels: { ...object.metadata.labels, ...to.marks.labels },
        annotations: {
          [GATEWAY_ANNOTATION]: `${namespace}/${name}`,
          [PORT_ANNOTATION]: String(port),
          [CLUSTER_DOMAIN_ANNOTATION]: datacenter.clusterDomain,
          ...(className !== undefined && { [GATEWAY_CLASS_ANNOTATION]: className }),
          ...to.marks.annotations,
        },
      },
      spec: {
        parentRefs: [{ group: GATEWAY_API_GROUP, kind: API_GATEWAY.kind, namespace, name, sectionName: listener }],
        hostnames: to.hostnames,
        rules: [{ backendRefs: [{ group: '', kind: SERVICE.kind, name: to.name, port: to.port, weight: 1 }] }],
      },
    },
  }
}
