/** Builders of what Istio's installations make, as far as the tests need it. */
import type { Deployment, Pod, Service } from '../../../src/lib/cluster/workloads.ts'

export function gatewayPod(
  name: string,
  namespace: string,
  labels: Record<string, string>,
  over: { args?: string[]; env?: { name: string; value?: string }[]; ready?: boolean; deleting?: boolean } = {},
): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels,
      ...(over.deleting === true ? { deletionTimestamp: '2026-11-23T15:00:00Z' } : {}),
    },
    spec: {
      containers: [
        { name: 'istio-proxy', args: over.args ?? ['proxy', 'router', '--domain', 'x'], env: over.env ?? [] },
      ],
    },
    status: { podIP: '10.244.0.5', conditions: [{ type: 'Ready', status: over.ready === false ? 'False' : 'True' }] },
  }
}

export function gatewayService(
  name: string,
  namespace: string,
  selector: Record<string, string>,
  over: {
    type?: string
    labels?: Record<string, string>
    ports?: { name: string; port: number; targetPort?: number }[]
    ip?: string
  } = {},
): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, labels: over.labels ?? selector },
    spec: {
      type: over.type ?? 'LoadBalancer',
      selector,
      ports: over.ports ?? [{ name: 'https', port: 443, targetPort: 8443 }],
    },
    status: { loadBalancer: over.ip === undefined ? {} : { ingress: [{ ip: over.ip }] } },
  }
}

export function istiod(
  over: {
    name?: string
    namespace?: string
    labels?: Record<string, string>
    image?: string
    env?: { name: string; value?: string }[]
    ready?: number
  } = {},
): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: over.name ?? 'istiod',
      namespace: over.namespace ?? 'istio-system',
      labels: { app: 'istiod', 'istio.io/rev': 'default', ...over.labels },
    },
    spec: {
      replicas: 1,
      template: {
        spec: {
          containers: [
            { name: 'discovery', image: over.image ?? 'docker.io/istio/pilot:1.30.1-distroless', env: over.env ?? [] },
          ],
        },
      },
    },
    status: { readyReplicas: over.ready ?? 1 },
  }
}
