/** The part of the demo in which the routes controller heals a deleted route and follows a replaced node. */
import { provideControllerImage } from './node.ts'
import { until } from './progress.ts'

/** What the demo provides. */
export interface DemoTools {
  namespace: string
  heading: (text: string) => void
  /** Runs `kubectl cass-sni` in the user's terminal. */
  show: (args: string[]) => Promise<void>
  /** Runs kubectl and returns its output. */
  kubectl: (args: string[], input?: string) => Promise<string>
}

const ROUTES = 'cass-sni-dc1'
const POD = 'dse-dc1-default-sts-1'

/** Installs the controller, lets it work, and uninstalls it. */
export async function showController({ namespace, heading, show, kubectl }: DemoTools): Promise<void> {
  const virtualService = ['virtualservice.networking.istio.io', ROUTES, '--namespace', namespace]
  const hosts = async () =>
    (await kubectl(['get', ...virtualService, '--ignore-not-found', '--output', 'jsonpath={.spec.hosts[*]}'])).split(
      ' ',
    )
  const hostId = () =>
    kubectl([
      ...['get', 'cassandradatacenter', 'dc1', '--namespace', namespace],
      ...['--output', `jsonpath={.status.nodeStatuses.${POD}.hostID}`],
    ])

  heading('The controller in the cluster: routes stay in sync without a command')
  await show(['routes', 'controller', 'install', '--image', await provideControllerImage()])
  try {
    heading('A deleted route comes back')
    const before = (await hosts()).join()
    say(`$ kubectl delete ${virtualService.join(' ')}`)
    await kubectl(['delete', ...virtualService])
    await timed('restored', async () => (await hosts()).join() === before)

    heading(`A replaced node: its new host ID is routed as soon as ${POD} has joined`)
    const old = await hostId()
    await kubectl(['apply', '--filename', '-'], JSON.stringify(replacement(namespace)))
    say(`Replacing ${POD}, host ID ${old}`)
    await until(
      `${POD} has a new host ID`,
      async () => {
        const now = await hostId()
        return now !== '' && now !== old
      },
      { every: 500, timeout: 600_000 },
    )
    const now = await hostId()
    await timed(`host ID ${now} routed`, async () => (await hosts()).includes(now))
    await show(['certs'])
    await show(['routes', 'status'])
    await show(['cqlsh-sni', '--node', now, '--execute', 'SELECT host_id FROM system.local'])
  } finally {
    await show(['routes', 'controller', 'uninstall', '--yes'])
  }
}

function replacement(namespace: string): object {
  return {
    apiVersion: 'control.k8ssandra.io/v1alpha1',
    kind: 'CassandraTask',
    metadata: { name: `demo-replace-${Date.now()}`, namespace },
    spec: {
      datacenter: { name: 'dc1', namespace },
      jobs: [{ name: 'replace', command: 'replacenode', args: { pod_name: POD } }],
    },
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

async function timed(what: string, reached: () => Promise<boolean>): Promise<void> {
  const since = performance.now()
  await until(what, reached, { every: 50, timeout: 120_000 })
  say(`${what} after ${((performance.now() - since) / 1000).toFixed(1)}s`)
}
