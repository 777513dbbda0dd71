/** A user with only the documented permissions, and one without them. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { CHECKOUT, kubeconfigOf, kubectl, NAMESPACE, plugin, pluginWrites, writesNothing } from '../support/lab.ts'

describe('permissions', () => {
  it('the documented roles are enough for everything after the install', async function () {
    this.timeout(120_000)
    const file = await kubeconfigOf('allowed')
    const user = 'system:serviceaccount:default:allowed'
    await kubectl(['apply', '-f', join(CHECKOUT, 'docs/permissions.yaml')])
    await kubectl(['create', 'clusterrolebinding', 'cass-sni-mesh', '--clusterrole=cass-sni-mesh', `--user=${user}`])
    await kubectl([
      'create',
      'rolebinding',
      'cass-sni-datacenter',
      '-n',
      NAMESPACE,
      '--clusterrole=cass-sni-datacenter',
      `--user=${user}`,
    ])
    await kubectl([
      'create',
      'rolebinding',
      'cass-sni-gateway',
      '-n',
      'istio-system',
      '--clusterrole=cass-sni-gateway',
      `--user=${user}`,
    ])
    const as = ['-n', NAMESPACE, '--kubeconfig', file]
    await writesNothing(['routes', 'sync', ...as])
    await writesNothing(['certs', ...as])
    await kubectl(['delete', 'service', 'dse-dc1-default-sts-0-cql', '-n', NAMESPACE])
    for (const args of [
      ['routes', 'sync'],
      ['certs', '--renew'],
      ['cqlsh-sni', '-e', 'SELECT cluster_name FROM system.local'],
      ['cqlsh-sni', '--tunnel', '-e', 'SELECT cluster_name FROM system.local'],
    ]) {
      const outcome = await plugin([...args, ...as])
      assert.equal(outcome.exitCode, 0, `${args.join(' ')}: ${outcome.stderr}`)
    }
    const verified = await plugin(['verify', ...as, '--wait', '30s'])
    assert.equal(verified.exitCode, 0, verified.stdout + verified.stderr)
    assert.doesNotMatch(verified.stdout, /skipped[^:]*(right|forbidden)/i)
  })

  it('without them the missing right is named, with the command that shows it, and nothing is changed', async function () {
    this.timeout(60_000)
    const file = await kubeconfigOf('stranger')
    const since = Date.now()
    for (const args of [
      ['routes', 'sync'],
      ['certs'],
      ['verify'],
      ['cqlsh-sni', '-e', 'SELECT 1'],
      ['port-forward', '--port', '0'],
      ['install', '--yes'],
    ]) {
      const outcome = await plugin([...args, '-n', NAMESPACE, '--kubeconfig', file])
      assert.equal(outcome.exitCode, 1, `${args.join(' ')}: ${outcome.stderr}`)
      assert.match(outcome.stderr, /CSNI203/, args.join(' '))
      assert.match(outcome.stderr, /kubectl .*auth can-i/, args.join(' '))
    }
    assert.deepEqual(await pluginWrites(since), [])
  })

  it('who may not read Secrets can still sync routes, and verify says what it could not look at', async function () {
    this.timeout(60_000)
    const file = await kubeconfigOf('without-secrets')
    const user = 'system:serviceaccount:default:without-secrets'
    await kubectl(['create', 'clusterrolebinding', 'cass-sni-mesh-2', '--clusterrole=cass-sni-mesh', `--user=${user}`])
    await kubectl([
      'create',
      'rolebinding',
      'cass-sni-gateway-2',
      '-n',
      'istio-system',
      '--clusterrole=cass-sni-gateway',
      `--user=${user}`,
    ])
    await kubectl([
      'create',
      'role',
      'routes-only',
      '-n',
      NAMESPACE,
      '--verb=get,list',
      '--resource=statefulsets.apps,cassandradatacenters.cassandra.datastax.com',
    ])
    await kubectl(['create', 'rolebinding', 'routes-only', '-n', NAMESPACE, '--role=routes-only', `--user=${user}`])
    const as = ['-n', NAMESPACE, '--kubeconfig', file]
    await writesNothing(['routes', 'sync', ...as])
    const verified = await plugin(['verify', ...as, '--wait', '30s'])
    assert.equal(verified.exitCode, 0, verified.stdout + verified.stderr)
    assert.match(verified.stdout, /secret/i)
  })
})
