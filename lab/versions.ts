/** The components of the lab and their versions. */
export const versions = {
  kubernetes: 'v1.34.4',
  etcd: 'v3.6.5',
  coredns: 'v1.12.4',
  /** the module version that was released as Istio 1.31.0 */
  istio: 'v0.0.0-20260827124520-eed52ebb66ad',
  istioRelease: '1.31.0',
  /** the one that this Istio requires, in lab/modules/istio/go.mod */
  gatewayApi: 'v1.6.0',
  envoy: '1.39.3',
  cassOperator: 'v1.30.0',
  /** of the component older-datacenter */
  olderCassOperator: 'v1.22.4',
  /** of the component cert-manager */
  certManager: 'v1.21.2',
  cassandra: '5.0.6',
  mavenDependencyPlugin: '3.6.1',
  /** of the Debian release of the host */
  jre: 'openjdk-17-jre-headless',
} as const

/** Packages required on the host; `apt-get` installs missing ones. */
export const hostPackages: ReadonlyArray<{ package: string; program: string; for: 'build' | 'up' }> = [
  { package: 'containerd', program: 'containerd', for: 'up' },
  { package: 'runc', program: 'runc', for: 'up' },
  { package: 'containernetworking-plugins', program: '/usr/lib/cni/bridge', for: 'up' },
  { package: 'iptables', program: 'iptables', for: 'up' },
  { package: 'iproute2', program: 'ip', for: 'up' },
  { package: 'util-linux', program: 'nsenter', for: 'up' },
  { package: 'openssl', program: 'openssl', for: 'build' },
  { package: 'conntrack', program: 'conntrack', for: 'up' },
  { package: 'mount', program: 'umount', for: 'up' },
  { package: 'mmdebstrap', program: 'mmdebstrap', for: 'build' },
  { package: 'maven', program: 'mvn', for: 'build' },
  { package: 'openjdk-17-jdk-headless', program: 'javac', for: 'build' },
  { package: 'python3-pip', program: 'pip3', for: 'build' },
  { package: 'unzip', program: 'unzip', for: 'build' },
]

/** A Go program of the lab: built from its module under lab/modules. */
export interface GoProgram {
  name: string
  module: string
  /** the package to build */
  main: string
  /** the line of go.mod with the pinned version */
  pinned?: { path: string; version: string }
  ldflags: string
  /** Built only for a component that is asked for: it takes minutes. */
  optional?: true
}

const strip = '-s -w'
const kubernetesFlags = `${strip} -X k8s.io/component-base/version.gitVersion=${versions.kubernetes} -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34 -X k8s.io/client-go/pkg/version.gitVersion=${versions.kubernetes}`
const istioFlags = `${strip} -X istio.io/istio/pkg/version.buildVersion=${versions.istioRelease}`

const kubernetes = (name: string): GoProgram => ({
  name,
  module: 'k8s',
  main: `k8s.io/kubernetes/cmd/${name}`,
  pinned: { path: 'k8s.io/kubernetes', version: versions.kubernetes },
  ldflags: kubernetesFlags,
})
const istio = (name: string, main: string): GoProgram => ({
  name,
  module: 'istio',
  main,
  pinned: { path: 'istio.io/istio', version: versions.istio },
  ldflags: istioFlags,
})

/** In build order: programs for component tests come first. */
export const goPrograms: readonly GoProgram[] = [
  {
    name: 'etcd',
    module: 'etcd',
    main: './cmd/etcd',
    pinned: { path: 'go.etcd.io/etcd/server/v3', version: versions.etcd },
    ldflags: strip,
  },
  kubernetes('kube-apiserver'),
  kubernetes('kubectl'),
  kubernetes('kube-controller-manager'),
  kubernetes('kube-scheduler'),
  kubernetes('kubelet'),
  kubernetes('kube-proxy'),
  { name: 'pause', module: 'pause', main: '.', ldflags: strip },
  {
    name: 'coredns',
    module: 'coredns',
    main: 'github.com/coredns/coredns',
    pinned: { path: 'github.com/coredns/coredns', version: versions.coredns },
    ldflags: strip,
  },
  istio('pilot-discovery', 'istio.io/istio/pilot/cmd/pilot-discovery'),
  istio('pilot-agent', 'istio.io/istio/pilot/cmd/pilot-agent'),
  istio('istioctl', 'istio.io/istio/istioctl/cmd/istioctl'),
  {
    name: 'cass-operator',
    module: 'op',
    main: 'github.com/k8ssandra/cass-operator/cmd',
    pinned: { path: 'github.com/k8ssandra/cass-operator', version: versions.cassOperator },
    ldflags: strip,
  },
  {
    name: 'cass-operator-1.22',
    module: 'op-1.22',
    main: 'github.com/k8ssandra/cass-operator/cmd',
    pinned: { path: 'github.com/k8ssandra/cass-operator', version: versions.olderCassOperator },
    ldflags: strip,
  },
  {
    name: 'cert-manager',
    module: 'cert-manager',
    main: '.',
    pinned: { path: 'github.com/cert-manager/cert-manager', version: versions.certManager },
    ldflags: strip,
    optional: true,
  },
]
