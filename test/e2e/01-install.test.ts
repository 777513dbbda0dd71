import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  FIXTURES,
  kubectl,
  labEnvironment,
  NAMESPACE,
  object,
  plugin,
  pluginJson,
  pluginWrites,
  startPlugin,
  until,
  writesNothing,
} from '../support/lab.ts'
import { KEY, openTerminal } from '../support/terminal.ts'

/** What the demo types, and this file again and again. */
export const INSTALL = [
  'install',
  '--namespace',
  NAMESPACE,
  '--istio-values',
  join(FIXTURES, 'istio-values.yaml'),
  '--operator-manifest',
  join(FIXTURES, 'operator'),
  '--storage-provisioner',
  'kubernetes.io/no-provisioner',
  '--datacenter-file',
  join(FIXTURES, 'datacenter.yaml'),
]

describe('install', () => {
  it('off a terminal asks nothing: what is missing is a usage error that names the flag, and nothing is changed', async function () {
    this.timeout(30_000)
    const since = Date.now()
    const outcome = await plugin(['install', '-n', NAMESPACE, '--yes'])
    assert.equal(outcome.exitCode, 2, outcome.stderr)
    assert.match(outcome.stderr, /--operator-manifest/)
    assert.deepEqual(await pluginWrites(since), [])
  })

  it('on a terminal shows its plan and asks; Ctrl-C at the question changes nothing', async function () {
    this.timeout(60_000)
    const since = Date.now()
    const terminal = openTerminal('kubectl', ['cass-sni', ...INSTALL], await labEnvironment())
    const plan = await terminal.see(/Apply these changes\?/)
    assert.match(plan, /istioctl install/)
    assert.match(plan, /server-storage/)
    terminal.type(KEY.ctrlC)
    assert.equal(await terminal.ended, 130)
    assert.deepEqual(await pluginWrites(since), [])
  })

  it('on a terminal asks a newcomer for what it cannot find out, and takes Enter for what it proposes', async function () {
    this.timeout(60_000)
    const since = Date.now()
    const terminal = openTerminal(
      'kubectl',
      ['cass-sni', 'install', '--istio-values', join(FIXTURES, 'istio-values.yaml')],
      await labEnvironment(),
    )
    const answers: [question: RegExp, keys: string][] = [
      [/Namespace for Cassandra.*cass-operator/, ''],
      [/manifest to install it from/, '/nowhere'],
      [/cannot read \/nowhere.*manifest to install it from/, join(FIXTURES, 'operator')],
      [/Datacenter name.*dc1/, ''],
      [/Cluster name.*dse/, ''],
      [/Number of nodes.*3/, ''],
      [/Server type[\s\S]*Apache Cassandra/, ''],
      [/Server version.*5\.0/, ''],
      [/Volume size/, '1Gi'],
      [/CPU per node/, '100m'],
      [/Memory per node/, '1Gi'],
      [/Provisioner for the new StorageClass server-storage/, 'kubernetes.io/no-provisioner'],
    ]
    try {
      for (const [question, keys] of answers) {
        await terminal.see(question)
        terminal.type(`${keys}${KEY.enter}`)
      }
      const plan = await terminal.see(/Apply these changes\?/)
      assert.match(plan, /dc1, cassandra 5\.0\.6, cluster dse, 3 nodes/)
      terminal.type(`n${KEY.enter}`)
      assert.equal(await terminal.ended, 130)
      assert.match(terminal.shown(), /canceled; no changes were made/)
    } finally {
      terminal.kill()
    }
    assert.deepEqual(await pluginWrites(since), [])
  })

  it('with --dry-run tells what it would do and writes nothing', async function () {
    this.timeout(60_000)
    const since = Date.now()
    const { result, exitCode } = await pluginJson<{ steps: { id: string; state: string; command?: string[] }[] }>([
      ...INSTALL,
      '--dry-run',
    ])
    assert.equal(exitCode, 0)
    const planned = Object.fromEntries((result?.steps ?? []).map((step) => [step.id, step.state]))
    assert.deepEqual(planned, {
      istio: 'planned',
      namespace: 'planned',
      mtls: 'present',
      operator: 'planned',
      storage: 'planned',
      authority: 'planned',
      datacenter: 'planned',
      nodes: 'planned',
    })
    assert.deepEqual(await pluginWrites(since), [])
  })

  it('killed in the middle of its work leaves a cluster that the next run goes on from', async function () {
    this.timeout(240_000)
    const run = await startPlugin([...INSTALL, '--yes'])
    await until(
      'the operator is being deployed',
      async () => (await kubectl(['get', 'deployments', '-n', NAMESPACE, '-o', 'name'])).includes('cass-operator'),
      200_000,
      100,
    )
    run.child.kill('SIGKILL')
    await run.ended
    assert.equal(await object('storageclass', 'server-storage'), undefined, 'it was killed too late to prove anything')
  })

  it('interrupted by Ctrl-C while it waits says what it did and how to go on', async function () {
    this.timeout(120_000)
    const run = await startPlugin([...INSTALL, '--yes'])
    await until('it waits for the nodes', () => /dse-dc1-default-sts-0/.test(run.stderr()), 100_000, 100)
    const interrupted = Date.now()
    run.child.kill('SIGINT')
    assert.equal(await run.ended, 130)
    assert.ok(Date.now() - interrupted < 3000, 'it took its time to end')
    assert.match(run.stderr(), /CSNI902.*rerun to resume.*kubectl cass-sni install .*--datacenter-file .*--yes/s)
    assert.match(run.stdout(), /storageclass\.storage\.k8s\.io\/server-storage created/)
    assert.match(run.stdout(), /cassandradatacenter\.cassandra\.datastax\.com\/dc1 created/)
  })

  it('goes on to three ready nodes, telling for each pod what it waits for', async function () {
    this.timeout(420_000)
    const outcome = await plugin([...INSTALL, '--yes', '--timeout', '6m'], { timeoutMs: 400_000 })
    assert.equal(outcome.exitCode, 0, outcome.stderr)
    assert.match(outcome.stdout, /cassandradatacenter\.cassandra\.datastax\.com\/dc1 unchanged/)
    assert.match(outcome.stderr, /dse-dc1-default-sts-0: .*(init|starting|joining)/i)
    const pods = await kubectl([
      'get',
      'pods',
      '-n',
      NAMESPACE,
      '-l',
      'cassandra.datastax.com/datacenter=dc1',
      '--no-headers',
    ])
    assert.equal(
      pods
        .trim()
        .split('\n')
        .filter((line) => /3\/3\s+Running/.test(line)).length,
      3,
      pods,
    )
  })

  it('keeps the sidecar out of the operator and plaintext out of Cassandra', async function () {
    this.timeout(30_000)
    const operator = JSON.parse(await kubectl(['get', 'deployments', '-n', NAMESPACE, '-o', 'json'])) as {
      items: {
        spec: { template: { metadata: { labels: Record<string, string>; annotations: Record<string, string> } } }
      }[]
    }
    const { labels, annotations } = operator.items[0]?.spec.template.metadata ?? { labels: {}, annotations: {} }
    assert.equal(labels['sidecar.istio.io/inject'], 'false')
    assert.equal(annotations['sidecar.istio.io/inject'], 'false')
    const datacenter = await object<{
      spec: { config: { 'cassandra-yaml': { client_encryption_options: { optional: boolean } } } }
    }>('cassandradatacenter', 'dc1')
    assert.equal(datacenter?.spec.config['cassandra-yaml'].client_encryption_options.optional, false)
  })

  it("is refused by cass-operator's webhook where the operator would refuse, with its words", async function () {
    this.timeout(60_000)
    const datacenter = await readFile(join(FIXTURES, 'datacenter.yaml'), 'utf8')
    const unlimited = datacenter.replace(/, limits: \{cpu: '4', memory: 2Gi\}/, '')
    assert.notEqual(unlimited, datacenter)
    const words = /multiple nodes per worker without cpu and memory requests and limits/
    await assert.rejects(
      kubectl(['apply', '--dry-run=server', '-f', '-'], { stdin: unlimited.replace('name: dc1', 'name: dc9') }),
      words,
    )
    const folder = await mkdtemp(join(tmpdir(), 'cass-sni-e2e-'))
    try {
      await writeFile(join(folder, 'unlimited.yaml'), unlimited)
      const file = ['--datacenter-file', join(folder, 'unlimited.yaml')]
      const outcome = await plugin(['install', '-n', NAMESPACE, '--yes', ...file])
      assert.equal(outcome.exitCode, 1, outcome.stdout)
      assert.match(outcome.stderr.replace(/\s+/g, ' '), words)
    } finally {
      await rm(folder, { recursive: true })
    }
    const live = await object<{ spec: { resources: { limits?: object } } }>('cassandradatacenter', 'dc1')
    assert.deepEqual(live?.spec.resources.limits, { cpu: '4', memory: '2Gi' })
  })

  it('again writes nothing, with the flags and without', async function () {
    this.timeout(60_000)
    const again = await writesNothing([...INSTALL, '--yes'])
    assert.match(again.stdout, /No changes:/)
    const bare = await writesNothing(['install', '-n', NAMESPACE, '--yes'])
    assert.match(bare.stdout, /No changes:/)
  })

  it("--set-context makes the namespace the context's own, once", async function () {
    this.timeout(60_000)
    await writesNothing(['install', '-n', NAMESPACE, '--yes', '--set-context'])
    assert.match(await kubectl(['config', 'view', '--minify']), /namespace: cass-operator/)
    const { result } = await pluginJson<{ steps: { id: string; state: string }[] }>([
      'install',
      '--yes',
      '--set-context',
    ])
    assert.ok(result?.steps.every((step) => step.state === 'present'))
    await kubectl(['config', 'set-context', '--current', '--namespace='])
  })

  it('refuses what cannot be changed in place, and names it', async function () {
    this.timeout(30_000)
    const since = Date.now()
    const outcome = await plugin(['install', '-n', NAMESPACE, '--yes', '--cluster-name', 'other'])
    assert.equal(outcome.exitCode, 1)
    assert.match(outcome.stderr, /spec\.clusterName dse → other.*CSNI307/s)
    assert.deepEqual(await pluginWrites(since), [])
  })
})
