/** `routes sync --watch` on the lab, through a token that is revoked and an API server that is killed. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { kill, readRecords, startDaemon } from '../../lab/processes.ts'
import { kubectl, LAB_KUBECONFIG, labEnvironment, NAMESPACE } from '../support/lab.ts'
import { about, event, Watching } from '../support/watching.ts'

const ROUTES = 'cass-sni-dc1'
const VIRTUAL_SERVICE = ['virtualservice.networking.istio.io', ROUTES, '-n', NAMESPACE]

describe('routes sync --watch on the lab', () => {
  let watching: Watching | undefined
  let home = ''

  before(async () => {
    home = (await labEnvironment())['HOME'] ?? ''
  })
  afterEach(async () => {
    await watching?.stop()
    watching = undefined
  })

  async function watch(kubeconfig: string): Promise<Watching> {
    const args = ['cass-sni', 'routes', 'sync', '--watch', '-o', 'json', '-n', NAMESPACE, '--kubeconfig', kubeconfig]
    const lines = new Watching('kubectl', args, await labEnvironment())
    watching = lines
    await lines.line(event('synced'), 60_000)
    return lines
  }

  /** The route is deleted, and restored by the watch. */
  async function heals(lines: Watching): Promise<void> {
    await kubectl(['delete', ...VIRTUAL_SERVICE])
    await lines.line(about(ROUTES, 'created'), 60_000)
    assert.equal(
      await kubectl(['get', ...VIRTUAL_SERVICE, '-o', 'name']),
      `virtualservice.networking.istio.io/${ROUTES}\n`,
    )
  }

  it('goes on with a new token of the credential plugin when the old one is revoked', async function () {
    this.timeout(180_000)
    const token = join(home, 'watch-token')
    const renew = async (account: string) => {
      await kubectl(['create', 'serviceaccount', account, '-n', 'default'])
      const binding = ['create', 'clusterrolebinding', account, '--clusterrole=cluster-admin']
      await kubectl([...binding, `--serviceaccount=default:${account}`])
      await writeFile(token, (await kubectl(['create', 'token', account, '-n', 'default'])).trim(), { mode: 0o600 })
    }
    try {
      await renew('watch-first')
      const plugin = join(home, 'watch-credentials.sh')
      const credential =
        '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}'
      await writeFile(plugin, `#!/bin/sh\nprintf '${credential}' "$(cat '${token}')"\n`, { mode: 0o700 })
      const config = parse(await readFile(LAB_KUBECONFIG, 'utf8')) as { users: { user: unknown }[] }
      const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: plugin, interactiveMode: 'Never' }
      for (const user of config.users) user.user = { exec }
      const kubeconfig = join(home, 'watch.kubeconfig')
      await writeFile(kubeconfig, stringify(config), { mode: 0o600 })
      const lines = await watch(kubeconfig)
      await heals(lines)

      await renew('watch-second')
      await kubectl(['delete', 'serviceaccount', 'watch-first', '-n', 'default'])
      // the API server caches a token for 10 s (kube-apiserver, --authentication-token-webhook-cache-ttl and its kin)
      await new Promise((resolve) => setTimeout(resolve, 11_000))
      await heals(lines)
      assert.equal(await lines.stop(), 130)
    } finally {
      for (const account of ['watch-first', 'watch-second']) {
        await kubectl(['delete', 'clusterrolebinding', account, '--ignore-not-found'])
        await kubectl(['delete', 'serviceaccount', account, '-n', 'default', '--ignore-not-found'])
      }
    }
  })

  it('goes on after the API server was killed and is back', async function () {
    this.timeout(180_000)
    const lines = await watch(LAB_KUBECONFIG)
    const record = (await readRecords()).find(({ name }) => name === 'kube-apiserver')
    assert.ok(record)
    const [program = '', ...args] = (await readFile(`/proc/${record.pid}/cmdline`, 'utf8')).split('\0').slice(0, -1)
    await kill([record.pid])
    try {
      await lines.line(event('failing'), 30_000)
    } finally {
      await startDaemon('kube-apiserver', program, args)
    }
    await lines.line(event('recovered'), 60_000)
    await heals(lines)
    assert.equal(lines.text.filter((line) => line.includes('connection refused')).length, 1, lines.text.join('\n'))
    assert.equal(await lines.stop(), 130)
  })
})
