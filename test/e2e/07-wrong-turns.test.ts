/** Wrong input gives one clear error that names the object and the next command, and changes nothing. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { labEnvironment, NAMESPACE, plugin, pluginJson, pluginWrites } from '../support/lab.ts'

const CASES: { name: string; args: string[]; exitCode: number; stderr: RegExp }[] = [
  {
    name: 'no such namespace',
    args: ['routes', 'sync', '-n', 'nowhere'],
    exitCode: 1,
    stderr: /nowhere.*CSNI204.*cass-operator/s,
  },
  {
    name: 'a namespace without a datacenter',
    args: ['routes', 'sync', '-n', 'kube-system'],
    exitCode: 1,
    stderr: /kube-system.*CSNI301.*-n cass-operator/s,
  },
  {
    name: 'no such datacenter',
    args: ['certs', '-n', NAMESPACE, '-d', 'dc9'],
    exitCode: 1,
    stderr: /dc9.*dc1.*CSNI301/s,
  },
  {
    name: 'no such node',
    args: ['cqlsh-sni', '-n', NAMESPACE, '--node', '7', '-e', 'SELECT 1'],
    exitCode: 1,
    stderr: /7.*CSNI302/s,
  },
  {
    name: 'no such context',
    args: ['verify', '--context', 'elsewhere'],
    exitCode: 2,
    stderr: /elsewhere.*lab.*CSNI103/s,
  },
  {
    name: 'no such kubeconfig',
    args: ['verify', '--kubeconfig', '/nowhere/config'],
    exitCode: 2,
    stderr: /\/nowhere\/config.*CSNI103/s,
  },
  {
    name: 'no such file',
    args: ['install', '-n', NAMESPACE, '--yes', '--datacenter-file', '/nowhere/dc.yaml'],
    exitCode: 2,
    stderr: /\/nowhere\/dc\.yaml.*CSNI104/s,
  },
  {
    name: 'no such gateway',
    args: ['routes', 'sync', '-n', NAMESPACE, '--gateway', 'istio-system/other'],
    exitCode: 1,
    stderr: /other.*istio-ingressgateway.*CSNI502/s,
  },
  {
    name: 'an unreachable API server',
    args: ['verify', '-n', NAMESPACE, '--kubeconfig', '$HOME/unreachable'],
    exitCode: 1,
    stderr: /127\.0\.0\.1:1\b.*CSNI201/s,
  },
  { name: 'a mistyped flag', args: ['routes', 'sync', '--dryrun'], exitCode: 2, stderr: /--dryrun.*--dry-run/s },
  {
    name: 'a mistyped value',
    args: ['routes', 'sync', '--mode', 'snii'],
    exitCode: 2,
    stderr: /snii.*sni.*tcp|snii.*tcp.*sni/s,
  },
]

const UNREACHABLE = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'dead', cluster: { server: 'https://127.0.0.1:1' } }],
  users: [{ name: 'nobody', user: { token: 'secret-token' } }],
  contexts: [{ name: 'dead', context: { cluster: 'dead', user: 'nobody' } }],
  'current-context': 'dead',
})

describe('a wrong turn', () => {
  let home = ''
  before(async () => {
    home = (await labEnvironment())['HOME'] ?? ''
    await writeFile(join(home, 'unreachable'), UNREACHABLE, { mode: 0o600 })
  })

  for (const { name, args, exitCode, stderr } of CASES) {
    it(`${name}: one clear error, exit code ${exitCode}, nothing changed`, async function () {
      this.timeout(30_000)
      const words = args.map((word) => word.replace('$HOME', home))
      const since = Date.now()
      const outcome = await plugin(words)
      assert.equal(outcome.exitCode, exitCode, outcome.stderr)
      assert.match(outcome.stderr, stderr)
      assert.doesNotMatch(outcome.stderr, /secret-token|at .*\.js:\d+/)
      assert.deepEqual(await pluginWrites(since), [])
      const json = await pluginJson(words)
      assert.equal(json.exitCode, exitCode, 'the exit code is another with -o json')
      assert.ok(json.error?.code.startsWith('CSNI'))
    })
  }
})
