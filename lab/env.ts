import { existsSync } from 'node:fs'
import { mkdir, readlink, rename, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { keyOf } from './build/cache.ts'
import { datacenters, gateways } from './components.ts'
import { checkout, network, state } from './layout.ts'
import { readStatus } from './status.ts'

/** Directory of the lab's commands for this checkout, with the checkout's plugin. */
const commands = join(state.bin, keyOf(checkout))

/** Links kubectl and istioctl under a stable path. */
export async function linkCommands(programs: Record<string, string>): Promise<void> {
  await mkdir(state.bin, { recursive: true })
  for (const name of ['kubectl', 'istioctl']) await relink(programs[name] as string, join(state.bin, name))
}

/** Returns lines for `eval`: KUBECONFIG, PATH with kubectl, istioctl, the plugin and its Node, and the lab's paths. */
export async function environment(): Promise<string> {
  await mkdir(commands, { recursive: true })
  await relink(join(checkout, 'bin/kubectl-cass_sni'), join(commands, 'kubectl-cass_sni'))
  await relink(join(checkout, 'bin/kubectl_complete-cass_sni'), join(commands, 'kubectl_complete-cass_sni'))
  const variables = {
    KUBECONFIG: state.kubeconfig,
    CASS_SNI_LAB_FIXTURES: state.fixtures,
    CASS_SNI_LAB_AUDIT_LOG: state.auditLog,
    CASS_SNI_LAB_GATEWAY: `${network.loadBalancerPrefix}${network.firstLoadBalancer}`,
    ...(await onDemand()),
  }
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}=${quote(value)}`)
  const path = [commands, state.bin, join(checkout, 'node_modules/.bin')].join(':')
  lines.push(`case ":$PATH:" in *:${quote(commands)}:*) ;; *) export PATH=${quote(path)}:"$PATH" ;; esac`)
  return `${lines.join('\n')}\n`
}

/** Variables of optional components: the address of the second gateway, the namespace of the second datacenter. */
async function onDemand(): Promise<Record<string, string>> {
  const status = await readStatus().catch(() => undefined)
  const gateway = status?.gateways.find(({ name }) => name === gateways['second-gateway'])
  const { namespace, name } = datacenters['second-datacenter']
  const second = status?.datacenters.find((each) => each.namespace === namespace && each.name === name)
  return {
    ...(gateway && { CASS_SNI_LAB_SECOND_GATEWAY: gateway.address }),
    ...(second && { CASS_SNI_LAB_SECOND_NAMESPACE: second.namespace }),
  }
}

const quote = (text: string) => (/^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)

async function relink(target: string, link: string): Promise<void> {
  if (existsSync(link) && (await readlink(link)) === target) return
  const fresh = `${link}.${process.pid}`
  await symlink(target, fresh)
  await rename(fresh, link)
}
