import { join } from 'node:path'
import { labSources, network } from './layout.ts'

/** Paths and ports of one API server. */
export interface ControlPlane {
  pki: string
  etcdData: string
  etcdPort: number
  etcdPeerPort: number
  /** address that the API server listens on and advertises */
  address: string
  port: number
  auditLog: string
}

export const apiServerNames = [
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
  'localhost',
  network.kubernetesService,
  '127.0.0.1',
]

/** Flags of etcd: one member, on loopback, without fsync (its data is removed with the lab). */
export function etcdArguments({ etcdData, etcdPort, etcdPeerPort }: ControlPlane): string[] {
  const client = `http://127.0.0.1:${etcdPort}`
  const peer = `http://127.0.0.1:${etcdPeerPort}`
  return [
    `--data-dir=${etcdData}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync',
    '--log-level=error',
  ]
}

/** Flags of kube-apiserver, the same for the lab and for component tests. */
export function apiServerArguments(plane: ControlPlane): string[] {
  const pki = (name: string) => join(plane.pki, name)
  return [
    `--etcd-servers=http://127.0.0.1:${plane.etcdPort}`,
    `--secure-port=${plane.port}`,
    `--advertise-address=${plane.address}`,
    `--service-cluster-ip-range=${network.services}`,
    `--tls-cert-file=${pki('apiserver.crt')}`,
    `--tls-private-key-file=${pki('apiserver.key')}`,
    `--client-ca-file=${pki('ca.crt')}`,
    '--authorization-mode=Node,RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${pki('sa.pub')}`,
    `--service-account-signing-key-file=${pki('sa.key')}`,
    '--api-audiences=https://kubernetes.default.svc,istio-ca',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    `--audit-policy-file=${join(labSources, 'manifests/audit-policy.yaml')}`,
    `--audit-log-path=${plane.auditLog}`,
    // an event is written before the response
    '--audit-log-mode=blocking',
  ]
}

/** Additional flags with a kubelet and aggregated API servers. */
export function nodeApiServerArguments(plane: ControlPlane): string[] {
  const pki = (name: string) => join(plane.pki, name)
  return [
    `--kubelet-client-certificate=${pki('kubelet-client.crt')}`,
    `--kubelet-client-key=${pki('kubelet-client.key')}`,
    `--kubelet-certificate-authority=${pki('ca.crt')}`,
    // the node's name is not in DNS
    '--kubelet-preferred-address-types=InternalIP',
    `--requestheader-client-ca-file=${pki('ca.crt')}`,
    `--proxy-client-cert-file=${pki('front-proxy.crt')}`,
    `--proxy-client-key-file=${pki('front-proxy.key')}`,
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
  ]
}

/** Flags of kube-controller-manager. */
export function controllerManagerArguments(pki: string, kubeconfig: string): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    `--service-account-private-key-file=${join(pki, 'sa.key')}`,
    `--root-ca-file=${join(pki, 'ca.crt')}`,
    `--cluster-signing-cert-file=${join(pki, 'ca.crt')}`,
    `--cluster-signing-key-file=${join(pki, 'ca.key')}`,
    '--use-service-account-credentials',
    '--allocate-node-cidrs',
    '--cluster-cidr=10.244.0.0/16',
    '--leader-elect=false',
  ]
}

/** Flags of kube-scheduler. */
export function schedulerArguments(kubeconfig: string): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    '--leader-elect=false',
  ]
}
