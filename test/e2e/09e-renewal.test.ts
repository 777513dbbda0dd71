/** Certificates that are renewed in the cluster, by a Deployment or a CronJob, without a restart of a node. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { provideControllerImage } from '../../lab/node.ts'
import { kubectl, must, NAMESPACE, object, plugin, pluginJson, until, writesNothing } from '../support/lab.ts'

interface Job {
  status?: { succeeded?: number; failed?: number }
}

const DOCUMENT = new URL('../../docs/certificates.md', import.meta.url)
const OWN = 'cass-sni'
const IN = ['-n', NAMESPACE]
const POD_LABEL = 'app.kubernetes.io/name=cass-sni-certificates'

describe('renewal of certificates in the cluster', function () {
  this.timeout(180_000)

  let saved = ''
  const issued = async () => {
    const { result } = await pluginJson<{ keystore: { certificate: { fingerprint256: string } } }>([
      ...['certs', 'status', ...IN],
    ])
    return result?.keystore.certificate.fingerprint256
  }
  const restarts = () =>
    kubectl([
      ...['get', 'pods', ...IN, '-l', 'cassandra.datastax.com/datacenter=dc1', '-o'],
      'jsonpath={.items[*].metadata.uid} {.items[*].status.containerStatuses[*].restartCount}',
    ])
  const can = async (account: string, verb: string, what: string) => {
    const as = `--as=system:serviceaccount:${OWN}:${account}`
    return (await kubectl(['auth', 'can-i', verb, what, ...IN, as]).catch(() => 'no')).trim() === 'yes'
  }

  after(async () => {
    await plugin(['routes', 'controller', 'uninstall', '--yes'])
    await must(plugin(['certs', ...IN, '--san', saved, '--yes']))
  })

  it('is installed on request only, with access to two Secrets', async () => {
    const image = await provideControllerImage()
    await must(plugin(['routes', 'controller', 'install', ...IN, '--image', image, '--renew-certs', '--yes']))
    assert.ok(await can('cass-sni-certificates', 'patch', 'secret/dc1-keystore'))
    assert.ok(!(await can('cass-sni-certificates', 'get', 'secret/dse-superuser')))
    assert.ok(!(await can('cass-sni-certificates', 'patch', 'virtualservices')))
    assert.ok(!(await can('cass-sni-controller', 'get', 'secret/dc1-ca-keystore')))
  })

  it('issues a certificate for a name that it lacks, makes every node serve it, and restarts none', async () => {
    const [before, pods] = [await issued(), await restarts()]
    assert.ok(before)
    // as a run of certs elsewhere would have saved it, had it been killed before it issued
    const sans = ['get', 'secret', 'dc1-keystore', ...IN, '-o', `jsonpath={.metadata.annotations['cass-sni/sans']}`]
    saved = await kubectl(sans)
    const names = [saved, 'renewed.example.com'].filter((name) => name !== '').join(',')
    await kubectl(['annotate', 'secret', 'dc1-keystore', ...IN, '--overwrite', `cass-sni/sans=${names}`])
    // looks at once, not within an hour
    await kubectl(['delete', 'pod', '-n', OWN, '-l', POD_LABEL])
    await until('another certificate', async () => (await issued()) !== before, 60_000, 500)
    await until(
      'every node serves it',
      async () => (await plugin(['certs', 'status', ...IN])).exitCode === 0,
      60_000,
      500,
    )
    assert.equal(await restarts(), pods)
    const events = ['get', 'events', ...IN, '--field-selector', 'reason=CertificateIssued', '-o', 'name']
    await until('the Event', async () => (await kubectl(events)) !== '', 20_000)
  })

  it('is uninstalled without a trace', async () => {
    await must(plugin(['routes', 'controller', 'uninstall', '--yes']))
    const kinds = 'clusterroles,clusterrolebindings,roles,rolebindings,deployments,serviceaccounts'
    const label = `app.kubernetes.io/instance=${OWN}`
    assert.equal(await kubectl(['get', kinds, '-A', '-l', label, '-o', 'name']), '')
    assert.equal(await object('rolebinding', `cass-sni-certificates.${OWN}`), undefined)
    await writesNothing(['routes', 'controller', 'uninstall'])
  })

  it('works by the CronJob of the documentation as well', async () => {
    const [before, pods] = [await issued(), await restarts()]
    const image = await provideControllerImage()
    const [, manifest = ''] =
      /### With a CronJob[\s\S]*?```yaml\n([\s\S]*?)```/.exec(await readFile(DOCUMENT, 'utf8')) ?? []
    const adapted = manifest
      .replaceAll('namespace: cassandra', `namespace: ${NAMESPACE}`)
      .replace(/image: \S+/, `image: ${image}`)
    assert.match(adapted, /kind: CronJob/)
    const runJob = async (name: string) => {
      await kubectl(['create', 'job', ...IN, '--from=cronjob/cass-sni-certs', name])
      await until(`job/${name} to end`, async () => (await jobStatus(name)) !== '', 60_000, 500)
      assert.equal(await jobStatus(name), '1 succeeded', await kubectl(['logs', ...IN, `job/${name}`]))
      return kubectl(['logs', ...IN, `job/${name}`])
    }
    const jobStatus = async (name: string) => {
      const { status } = (await object<Job>('job', name)) ?? {}
      return status?.succeeded ? `${status.succeeded} succeeded` : status?.failed ? `${status.failed} failed` : ''
    }
    try {
      await kubectl(['apply', '-f', '-'], { stdin: adapted })
      assert.match(await runJob('certs-first'), /certificate unchanged/)
      assert.equal(await issued(), before)
      const names = [saved, 'job.example.com'].filter((name) => name !== '').join(',')
      await kubectl(['annotate', 'secret', 'dc1-keystore', ...IN, '--overwrite', `cass-sni/sans=${names}`])
      await runJob('certs-second')
      const status = await pluginJson<{ ok: boolean; keystore: { certificate: { names: string[] } } }>([
        ...['certs', 'status', ...IN],
      ])
      assert.ok(status.result?.ok && status.result.keystore.certificate.names.includes('job.example.com'))
      assert.equal(await restarts(), pods)
    } finally {
      await kubectl(['delete', '--ignore-not-found', '-f', '-'], { stdin: adapted })
      await kubectl(['delete', 'job', ...IN, '--ignore-not-found', 'certs-first', 'certs-second'])
    }
  })
})
