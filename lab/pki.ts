import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './run.ts'

/** User and groups of a client certificate. */
export interface Identity {
  user: string
  groups?: readonly string[]
}

const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
const validity = ['-days', '3650']

/** A CA in a directory that issues certificates and kubeconfigs. */
export interface Authority {
  directory: string
  /** `<directory>/<name>.crt` and `.key`; issued once */
  issue(name: string, identity: Identity, addresses?: readonly string[]): Promise<void>
  /** text of a kubeconfig with embedded certificates */
  kubeconfig(name: string, identity: Identity, server: string): Promise<string>
}

/** Opens the CA of a directory; the first call creates the CA and the service account keys. */
export async function openAuthority(directory: string): Promise<Authority> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const file = (name: string) => join(directory, name)
  const config = file('openssl.cnf')
  if (!existsSync(file('sa.pub'))) {
    await writeFile(config, '[req]\ndistinguished_name = dn\nstring_mask = utf8only\n[dn]\n')
    const ca = ['-keyout', file('ca.key'), '-out', file('ca.crt'), '-subj', '/CN=lab-ca']
    const usage = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign']
    await run('openssl', ['req', '-x509', '-config', config, ...curve, ...validity, ...ca, ...usage])
    await run('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', file('sa.key')])
    await run('openssl', ['ec', '-in', file('sa.key'), '-pubout', '-out', file('sa.pub')])
  }

  async function issue(
    name: string,
    { user, groups = [] }: Identity,
    addresses: readonly string[] = [],
  ): Promise<void> {
    if (existsSync(file(`${name}.crt`))) return
    const escaped = (text: string) => text.replaceAll(/[\\/+]/g, '\\$&')
    const subject = `${groups.map((group) => `/O=${escaped(group)}`).join('')}/CN=${escaped(user)}`
    const names = addresses.map((each) => (/^[\d.]+$/.test(each) ? `IP:${each}` : `DNS:${each}`)).join(',')
    const extensions = [
      'basicConstraints=critical,CA:FALSE',
      'extendedKeyUsage=clientAuth,serverAuth',
      ...(names ? [`subjectAltName=${names}`] : []),
    ]
    await run('openssl', [
      ...['req', '-x509', '-config', config, '-CA', file('ca.crt'), '-CAkey', file('ca.key'), ...curve, ...validity],
      ...['-keyout', file(`${name}.key`), '-out', file(`${name}.crt`), '-subj', subject],
      ...extensions.flatMap((extension) => ['-addext', extension]),
    ])
  }

  async function kubeconfig(name: string, identity: Identity, server: string): Promise<string> {
    await issue(name, identity)
    const data = async (path: string) => (await readFile(file(path))).toString('base64')
    return `apiVersion: v1
kind: Config
clusters:
- name: lab
  cluster:
    server: ${server}
    certificate-authority-data: ${await data('ca.crt')}
users:
- name: ${JSON.stringify(identity.user)}
  user:
    client-certificate-data: ${await data(`${name}.crt`)}
    client-key-data: ${await data(`${name}.key`)}
contexts:
- name: lab
  context: {cluster: lab, user: ${JSON.stringify(identity.user)}}
current-context: lab
`
  }
  return { directory, issue, kubeconfig }
}

export const identities = {
  admin: { user: 'admin', groups: ['system:masters'] },
  cloud: { user: 'lab:cloud', groups: ['system:masters'] },
  kubeletClient: { user: 'kube-apiserver-kubelet-client', groups: ['system:masters'] },
  controllerManager: { user: 'system:kube-controller-manager' },
  scheduler: { user: 'system:kube-scheduler' },
  proxy: { user: 'system:kube-proxy' },
  frontProxy: { user: 'front-proxy-client' },
  kubelet: (node: string): Identity => ({ user: `system:node:${node}`, groups: ['system:nodes'] }),
} as const
