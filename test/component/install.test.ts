/** `install` against a real API server: what it finds, refuses and desires. Nodes that run are for the lab. */
import assert from 'node:assert/strict'
import { access, chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCertificate } from '../../src/lib/certificates/certificate.ts'
import { openKeystore } from '../../src/lib/certificates/node-keystore.ts'
import type { KubeObject } from '../../src/lib/cluster/kube.ts'
import {
  CASSANDRA_DATACENTER,
  DEPLOYMENT,
  EVENT,
  NAMESPACE,
  POD,
  SECRET,
  STORAGE_CLASS,
} from '../../src/lib/cluster/resources.ts'
import { apiServer, type TestServer, pathOf } from '../support/api-server.ts'
import { OUR_AGENT, writesBy } from '../support/audit.ts'
import { createDatacenter } from '../support/cluster-state.ts'
import { type CommandOutcome, runCommand } from '../support/command.ts'
import { makeAuthority } from '../support/operator-certificates.ts'
import { createMesh, type TestMesh } from '../support/mesh-state.ts'

describe('install', () => {
  let server: TestServer
  let folder: string

  before(async function () {
    this.timeout(60_000)
    server = await apiServer()
    folder = await mkdtemp(join(tmpdir(), 'cass-sni-install-'))
  })

  after(() => rm(folder, { recursive: true, force: true }))

  const install = (args: string[]): Promise<CommandOutcome> =>
    runCommand(['install', '--kubeconfig', server.kubeconfig, '--yes', ...args])

  /** Runs it until it waits for the nodes, which nobody starts here. */
  const installUntilWaiting = async (args: string[], waiting = /^Cassandra nodes …$/m): Promise<CommandOutcome> => {
    const words = ['install', '--kubeconfig', server.kubeconfig, '--yes', ...args]
    const outcome = await runCommand(words, { terminateAt: waiting })
    assert.equal(outcome.exitCode, 143, outcome.stderr)
    return outcome
  }

  async function writesNothing(args: string[]): Promise<CommandOutcome> {
    const since = Date.now()
    const outcome = await install(args)
    // what is only asked (dryRun=All) leaves nothing behind
    const writes = await writesBy(server.auditLog, OUR_AGENT, since)
    assert.deepEqual(
      writes.filter(({ uri }) => !uri.includes('dryRun=All')),
      [],
    )
    return outcome
  }

  async function program(name: string, script: string): Promise<string> {
    const file = join(folder, name)
    await writeFile(file, `#!/bin/sh\n${script}\n`)
    await chmod(file, 0o755)
    return file
  }

  async function operator(namespace: string, watches = namespace, inject = 'false'): Promise<() => Promise<void>> {
    const labels = { 'app.kubernetes.io/name': 'cass-operator', 'sidecar.istio.io/inject': inject }
    const container = {
      name: 'manager',
      image: 'docker.io/k8ssandra/cass-operator:v1.30.0',
      env: [{ name: 'WATCH_NAMESPACE', value: watches }],
    }
    await server.create(DEPLOYMENT, {
      metadata: { name: 'cass-operator', namespace, labels },
      spec: {
        replicas: 1,
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b', ...labels } }, spec: { containers: [container] } },
      },
      status: { replicas: 1, readyReplicas: 1, availableReplicas: 1 },
    })
    return () => server.remove(DEPLOYMENT, 'cass-operator', namespace)
  }

  describe('without Istio', () => {
    it('plans to run istioctl with the values and the context of the user, and does not run it in a dry run', async () => {
      const namespace = await server.namespace('empty')
      const undo = await operator(namespace)
      const values = join(folder, 'values.yaml')
      await writeFile(values, '')
      const outcome = await writesNothing([
        '-n',
        namespace,
        '--dry-run',
        '--istioctl',
        '/nowhere/istioctl',
        '--istio-values',
        values,
        '--storage-provisioner',
        'x/y',
        '-o',
        'json',
      ])
      assert.equal(outcome.exitCode, 0, outcome.stderr)
      const [istio] = outcome.json().result.steps
      assert.equal(istio.state, 'planned')
      assert.deepEqual(istio.command.slice(0, 5), [
        '/nowhere/istioctl',
        'install',
        '--skip-confirmation',
        '--filename',
        values,
      ])
      await undo()
    })

    it('proposes cluster-admin to a user without permissions, not the roles of the other commands', async () => {
      const outcome = await writesNothing(['-n', 'nowhere', '--dry-run', '--as', 'nobody'])
      assert.equal(outcome.exitCode, 1)
      assert.match(outcome.stderr, /user "nobody" cannot [\s\S]*Hint: install requires cluster-admin/)
      assert.doesNotMatch(outcome.stderr, /permissions\.yaml/)
    })

    it('shows the whole plan of an empty cluster, with what is missing', async () => {
      const namespace = await server.namespace('empty')
      const outcome = await writesNothing(['-n', namespace, '--dry-run'])
      assert.equal(outcome.exitCode, 0, outcome.stderr)
      assert.match(
        outcome.stdout,
        /cass-operator: not installed\n(.*\n)*? {4}Try: .*--operator-chart k8ssandra\/cass-operator/,
      )
      assert.match(outcome.stdout, /no default StorageClass/)
      const [changes, input] = outcome.stdout.split('\nInput required:\n')
      assert.match(
        changes ?? '',
        /^Planned changes:\n(?!.*cass-operator: not installed)[\s\S]*Cassandra nodes: wait until ready$/m,
      )
      assert.match(input ?? '', /^ {2}cass-operator: not installed\n/)
      assert.match(outcome.stdout, /dc1, cassandra 5\.0\.6, cluster dse, 3 nodes, TLS, login/)
      assert.match(outcome.stdout, /helm repo add k8ssandra https:\/\/helm\.k8ssandra\.io\/stable/)
    })

    it('refuses values that are not well-formed, all at once', async () => {
      const outcome = await writesNothing([
        '--dry-run',
        '--cpu',
        'banana',
        '--storage-size',
        'banana',
        '--server-version',
        'banana',
      ])
      assert.equal(outcome.exitCode, 2)
      assert.match(
        outcome.stderr,
        /"banana" for --server-version.*"banana" for --cpu.*"banana" for --storage-size.*CSNI101/s,
      )
    })

    it('says that istioctl is not there, and how to name it', async () => {
      const namespace = await server.namespace('empty')
      const undo = await operator(namespace)
      const outcome = await writesNothing([
        '-n',
        namespace,
        '--istioctl',
        '/nowhere/istioctl',
        '--storage-provisioner',
        'x/y',
      ])
      assert.equal(outcome.exitCode, 1)
      assert.match(outcome.stderr, /\/nowhere\/istioctl.*CSNI701.*--istioctl/s)
      await undo()
    })

    it('tells the last lines of an istioctl that fails', async () => {
      const namespace = await server.namespace('empty')
      const undo = await operator(namespace)
      const istioctl = await program('istioctl', 'echo "Error: no space left" >&2; exit 3')
      const outcome = await writesNothing(['-n', namespace, '--istioctl', istioctl, '--storage-provisioner', 'x/y'])
      assert.equal(outcome.exitCode, 1)
      assert.match(outcome.stderr, /exit code 3: Error: no space left.*CSNI701/s)
      await undo()
    })

    it('does not send istioctl elsewhere, or as somebody else, than the flags say', async () => {
      const namespace = await server.namespace('empty')
      const undo = await operator(namespace)
      const ran = join(folder, 'istioctl-ran')
      const istioctl = await program('istioctl', `touch ${ran}`)
      const words = ['-n', namespace, '--istioctl', istioctl, '--storage-provisioner', 'x/y']
      for (const more of [[], ['--dry-run']]) {
        const outcome = await writesNothing([...words, ...more, '--cluster', 'lab', '--user', 'admin'])
        assert.equal(outcome.exitCode, 1)
        assert.match(outcome.stderr, /istioctl does not support --cluster, --user .*CSNI701.*--context/s)
      }
      await assert.rejects(access(ran), { code: 'ENOENT' })
      await undo()
    })
  })

  describe('with Istio', () => {
    let mesh: TestMesh
    before(async () => {
      mesh = await createMesh(server)
    })
    after(() => mesh.remove())

    it('names the flag when there is no operator and nobody can be asked', async () => {
      const namespace = await server.namespace('bare')
      const outcome = await writesNothing(['-n', namespace])
      assert.equal(outcome.exitCode, 2)
      assert.match(outcome.stderr, /cass-operator is not installed.*CSNI102.*--operator-manifest/s)
    })

    it('does not take an operator for its own that watches another namespace', async () => {
      const [here, there] = [await server.namespace('here'), await server.namespace('there')]
      const undo = await operator(there)
      const outcome = await writesNothing(['-n', here])
      assert.equal(outcome.exitCode, 2)
      assert.match(outcome.stderr, new RegExp(`${there}/cass-operator 1\\.30\\.0 does not watch namespace ${here}`))
      await undo()
    })

    it('keeps an operator with a sidecar as it is, and warns with the command that takes the sidecar out', async () => {
      const namespace = await server.namespace('exposed', { 'istio-injection': 'enabled' })
      const undo = await operator(namespace, namespace, 'true')
      const outcome = await writesNothing(['-n', namespace, '--storage-provisioner', 'x/y', '--dry-run', '-o', 'json'])
      const { result, warnings } = outcome.json()
      assert.equal(result.steps.find((step: { id: string }) => step.id === 'operator').state, 'present')
      assert.deepEqual(
        warnings.map(({ message, next }: { message: string; next: string[] }) =>
          /sidecar into deployment\/cass-operator.*kubectl .*patch deployment cass-operator/.test(
            [message, ...next].join(),
          ),
        ),
        [true],
      )
      await undo()
    })

    it('does not send helm elsewhere, or as somebody else, than the flags say', async () => {
      const namespace = await server.namespace('chart')
      const ran = join(folder, 'helm-ran')
      const helm = await program('helm', `touch ${ran}`)
      const words = ['-n', namespace, '--operator-chart', 'k8ssandra/cass-operator', '--helm', helm]
      for (const more of [[], ['--dry-run']]) {
        const outcome = await writesNothing([...words, ...more, '--storage-provisioner', 'x/y', '--user', 'admin'])
        assert.equal(outcome.exitCode, 1)
        assert.match(outcome.stderr, /helm does not support --user .*CSNI702.*--context/s)
      }
      await assert.rejects(access(ran), { code: 'ENOENT' })
    })

    it('runs the helm of the user for a chart, and keeps the sidecar out of what it installs', async function () {
      this.timeout(20_000)
      const namespace = await server.namespace('chart')
      const words = join(folder, 'helm-words')
      const kubectl = (await readFile(server.kubeconfig, 'utf8')).length > 0 ? server.kubeconfig : ''
      const helm = await program('helm', `printf '%s\\n' "$@" > ${words}; exit 1`)
      const outcome = await install([
        '-n',
        namespace,
        '--operator-chart',
        'k8ssandra/cass-operator',
        '--helm',
        helm,
        '--storage-provisioner',
        'x/y',
      ])
      assert.match(outcome.stderr, /helm.*exit code 1.*CSNI702/s)
      assert.deepEqual((await readFile(words, 'utf8')).trim().split('\n'), [
        'upgrade',
        '--install',
        'cass-operator',
        'k8ssandra/cass-operator',
        '--namespace',
        namespace,
        '--wait',
        `--kubeconfig=${kubectl}`,
      ])
    })

    it('applies a manifest with the Deployment last, without a sidecar, and again without a write', async function () {
      this.timeout(30_000)
      const namespace = await server.namespace('manifest')
      const manifest = join(folder, 'operator.yaml')
      const labels = { name: 'cass-operator' }
      await writeFile(
        manifest,
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'List',
          items: [
            {
              apiVersion: 'apps/v1',
              kind: 'Deployment',
              metadata: { name: 'cass-operator' },
              spec: {
                selector: { matchLabels: labels },
                template: {
                  metadata: { labels },
                  spec: {
                    containers: [
                      {
                        name: 'manager',
                        image: 'cass-operator:v1.30.0',
                        env: [{ name: 'WATCH_NAMESPACE', value: namespace }],
                      },
                    ],
                  },
                },
              },
            },
            { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { a: 'b' } },
          ],
        }),
      )
      const args = ['-n', namespace, '--operator-manifest', manifest, '--storage-provisioner', 'x/y', '--timeout', '8s']
      const since = Date.now()
      const first = await install(args)
      assert.equal(first.exitCode, 124, first.stderr)
      const order = (await writesBy(server.auditLog, OUR_AGENT, since))
        .filter(({ uri }) => !uri.includes('dryRun=All'))
        .map((write) => write.name)
      assert.deepEqual(
        order.filter((name) => name === 'settings' || name === 'cass-operator'),
        ['settings', 'cass-operator'],
      )
      await server.status(DEPLOYMENT, 'cass-operator', namespace, { replicas: 1, readyReplicas: 1 })
      const again = await install([
        '-n',
        namespace,
        '--operator-manifest',
        manifest,
        '--storage-provisioner',
        'x/y',
        '--dry-run',
        '-o',
        'json',
      ])
      assert.equal(again.json().result.steps.find((step: { id: string }) => step.id === 'operator').state, 'present')
      await server.remove(DEPLOYMENT, 'cass-operator', namespace)
    })

    describe('and an operator', () => {
      let namespace: string
      let undo: () => Promise<void>
      beforeEach(async () => {
        namespace = await server.namespace('dc')
        undo = await operator(namespace)
      })
      afterEach(() => undo())

      it('asks for a StorageClass when there is no default, and refuses one that is not there', async () => {
        const none = await writesNothing(['-n', namespace])
        assert.equal(none.exitCode, 2)
        assert.match(none.stderr, /no default StorageClass.*CSNI102.*--storage-provisioner/s)
        const wrong = await writesNothing(['-n', namespace, '--storage-class', 'fats'])
        assert.equal(wrong.exitCode, 1)
        assert.match(wrong.stderr, /storageclass\/fats not found.*CSNI204/s)
      })

      it("takes the cluster's default class, and makes the blog's datacenter, which the next run keeps", async function () {
        this.timeout(30_000)
        await server.create(STORAGE_CLASS, {
          metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
          provisioner: 'x/y',
        })
        try {
          const first = await installUntilWaiting(
            ['-n', namespace, '--heap', '2G'],
            /waiting for cass-operator to create 3 pods/,
          )
          assert.match(first.stderr, /Try: kubectl cass-sni install .*-n .* --heap 2G\n/)
          const live = (await server.client.get(pathOf(CASSANDRA_DATACENTER, namespace, 'dc1'))) as {
            spec: Record<string, unknown>
          }
          assert.equal(live.spec['clusterName'], 'dse')
          assert.equal(live.spec['size'], 3)
          assert.deepEqual(
            (live.spec['storageConfig'] as { cassandraDataVolumeClaimSpec: { storageClassName: string } })
              .cassandraDataVolumeClaimSpec.storageClassName,
            'standard',
          )
          const account = await server.client.get(`/api/v1/namespaces/${namespace}/serviceaccounts/dc1-cassandra`)
          assert.ok(account)
          // the next run knows neither flag nor file, and yet gives nothing up
          const again = await writesNothing(['-n', namespace, '--timeout', '5s'])
          assert.equal(again.exitCode, 124)
          assert.match(again.stderr, /waiting for cass-operator to create 3 pods.*CSNI901/s)
          assert.match(again.stderr, /Try: kubectl cass-sni install .*-n .* --timeout 5s\n/)
          const bigger = await install(['-n', namespace, '--size', '4', '--dry-run', '-o', 'json'])
          const changes = bigger.json().changes.filter((change: { action: string }) => change.action === 'configured')
          assert.deepEqual(
            changes.map((change: { object: string; fields: string[] }) => [change.object, change.fields]),
            [['cassandradatacenter.cassandra.datastax.com/dc1', ['spec.size']]],
          )
        } finally {
          await server.remove(STORAGE_CLASS, 'standard')
        }
      })

      it('refuses a StorageClass server-storage of another make, and uses one of the same', async () => {
        await server.create(STORAGE_CLASS, {
          metadata: { name: 'server-storage' },
          provisioner: 'pd.csi.storage.gke.io',
          parameters: { type: 'pd-ssd' },
        })
        try {
          const other = await writesNothing(['-n', namespace, '--storage-provisioner', 'x/y'])
          assert.equal(other.exitCode, 1)
          assert.match(other.stderr, /pd\.csi\.storage\.gke\.io.*CSNI307/s)
          const same = await writesNothing([
            '-n',
            namespace,
            '--storage-provisioner',
            'pd.csi.storage.gke.io',
            '--storage-parameter',
            'type=pd-ssd',
            '--dry-run',
            '-o',
            'json',
          ])
          assert.equal(same.json().result.steps.find((step: { id: string }) => step.id === 'storage').state, 'present')
        } finally {
          await server.remove(STORAGE_CLASS, 'server-storage')
        }
      })

      it("keeps another's datacenter as it is, and changes of it only what a flag names", async function () {
        this.timeout(20_000)
        const datacenter = await createDatacenter(server, { namespace })
        await server.create(STORAGE_CLASS, { metadata: { name: 'server-storage' }, provisioner: 'x/y' })
        try {
          const kept = await writesNothing(['-n', namespace, '--dry-run', '-o', 'json'])
          const step = kept.json().result.steps.find((each: { id: string }) => each.id === 'datacenter')
          assert.equal(step.state, 'present')
          assert.match(step.note, /^dc1, .* \(kept\)$/)
          const ready = await writesNothing(['-n', namespace])
          assert.match(ready.stdout, /^No changes:/)
          const next = ready.stdout.split('\n').filter((line) => line.includes('kubectl cass-sni'))
          assert.equal(next.length, 3)
          for (const line of next) assert.match(line, new RegExp(` -n ${namespace}\\b`))
          const refused = await writesNothing(['-n', namespace, '--cluster-name', 'other'])
          assert.match(refused.stderr, /CSNI307/)
        } finally {
          await datacenter.remove()
          await server.remove(STORAGE_CLASS, 'server-storage')
        }
      })

      it('refuses in a dry run too what another manager has set of a datacenter, and says how to go on', async function () {
        this.timeout(40_000)
        const datacenter = await createDatacenter(server, { namespace })
        await server.create(STORAGE_CLASS, { metadata: { name: 'server-storage' }, provisioner: 'x/y' })
        try {
          const dry = await writesNothing(['-n', namespace, '--size', '5', '--dry-run'])
          assert.equal(dry.exitCode, 1, dry.stdout)
          const real = await writesNothing(['-n', namespace, '--size', '5'])
          for (const { stdout, stderr } of [dry, real]) {
            assert.match(stderr, /✖ CassandraDatacenter|owns spec\.size/)
            assert.match(stderr, /"[^"]+" owns spec\.size .*CSNI207.*managed.*Try: .*patch .*"size":5/s)
            assert.doesNotMatch(stdout, /Planned changes/)
          }
          const down = await writesNothing(['-n', namespace, '--size', '1'])
          assert.match(down.stderr, /owns spec\.size.*nodes are decommissioned.*CSNI207/s)
          assert.doesNotMatch(down.stderr, /--allow-scale-down/)
          const [, manager, patch = ''] = /--field-manager (\S+) -p '(.*)'/.exec(real.stderr) ?? []
          const path = `${pathOf(CASSANDRA_DATACENTER, namespace, 'dc1')}?fieldManager=${manager}`
          await server.client.send('PATCH', path, JSON.parse(patch))
          const taken = await writesNothing(['-n', namespace, '--size', '6', '--dry-run'])
          assert.match(taken.stdout, /spec\.size: 5 → 6/)
          assert.equal(taken.exitCode, 0, taken.stderr)
        } finally {
          await datacenter.remove()
          await server.remove(STORAGE_CLASS, 'server-storage')
        }
      })

      for (const [where, why] of [
        ['kube-system', /system namespace/],
        ['kube-node-lease', /system namespace/],
        ['istio-system', /Istio's namespace/],
      ] as const)
        it(`does not install into ${where}`, async () => {
          const outcome = await writesNothing(['-n', where, '--operator-chart', 'x', '--dry-run'])
          assert.equal(outcome.exitCode, 2, outcome.stdout)
          assert.match(outcome.stderr, why)
          assert.match(outcome.stderr, /Try: kubectl cass-sni install .*-n cass-operator/)
        })

      it('does not install into a namespace where istiod runs', async () => {
        const outcome = await writesNothing(['-n', mesh.namespace, '--operator-chart', 'x', '--dry-run'])
        assert.equal(outcome.exitCode, 2, outcome.stdout)
        assert.match(outcome.stderr, /istiod runs in it|Istio's namespace/)
      })

      it("leaves in another's datacenter what a flag of an earlier run put there", async function () {
        this.timeout(30_000)
        const datacenter = await createDatacenter(server, { namespace })
        await server.create(STORAGE_CLASS, { metadata: { name: 'server-storage' }, provisioner: 'x/y' })
        try {
          const spec = async () =>
            ((await server.client.get(pathOf(CASSANDRA_DATACENTER, namespace, 'dc1'))) as KubeObject)['spec']
          const before = (await spec()) as { config?: object }
          await installUntilWaiting(['-n', namespace, '--heap', '2G'])
          await installUntilWaiting(['-n', namespace, '--cpu', '1'])
          const heap = { initial_heap_size: '2G', max_heap_size: '2G' }
          assert.deepEqual(await spec(), {
            ...before,
            config: { ...before.config, 'jvm-server-options': heap },
            resources: { requests: { cpu: '1' } },
          })
        } finally {
          await datacenter.remove()
          await server.remove(STORAGE_CLASS, 'server-storage')
        }
      })

      it('takes a manifest from a URL, and names a URL that does not answer', async () => {
        const manifest = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'cass-operator' }, spec: {} }
        const web = createServer((request, response) => {
          response.writeHead(request.url === '/operator.yaml' ? 200 : 404).end(JSON.stringify(manifest))
        })
        await new Promise<void>((listening) => web.listen(0, '127.0.0.1', listening))
        try {
          const url = `http://127.0.0.1:${(web.address() as AddressInfo).port}`
          const args = ['-n', namespace, '--storage-provisioner', 'x/y', '--dry-run']
          assert.equal((await writesNothing([...args, '--operator-manifest', `${url}/operator.yaml`])).exitCode, 0)
          const missing = await writesNothing([...args, '--operator-manifest', `${url}/nothing.yaml`])
          assert.equal(missing.exitCode, 2)
          assert.match(missing.stderr, /cannot fetch .*nothing\.yaml: HTTP 404.*CSNI104/s)
        } finally {
          web.close()
        }
        const dead = await writesNothing(['-n', namespace, '--operator-manifest', 'http://127.0.0.1:1/operator.yaml'])
        assert.match(dead.stderr, /cannot fetch .*127\.0\.0\.1:1\/operator\.yaml: .*CSNI104/s)
      })

      for (const [name, text, why] of [
        [
          'no datacenter',
          '{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}',
          /found 0 CassandraDatacenters.*CSNI107/s,
        ],
        [
          'another namespace',
          '{apiVersion: cassandra.datastax.com/v1beta1, kind: CassandraDatacenter, metadata: {name: dc1, namespace: elsewhere}, spec: {}}',
          /elsewhere.*CSNI107.*-n elsewhere/s,
        ],
      ] as const) {
        it(`refuses a file with ${name}`, async () => {
          const file = join(folder, 'dc.yaml')
          await writeFile(file, text)
          const outcome = await writesNothing(['-n', namespace, '--datacenter-file', file])
          assert.equal(outcome.exitCode, 2, outcome.stderr)
          assert.match(outcome.stderr, why)
        })
      }

      for (const args of [
        ['--datacenter', 'Not_A_Name'],
        ['--storage-parameter', 'nonsense', '--storage-provisioner', 'x/y'],
        ['--storage-parameter', 'a=b'],
        ['--size', '0'],
        ['--operator-manifest', 'a', '--operator-chart', 'b'],
        ['--server-type', 'dse', '--storage-provisioner', 'x/y'],
      ]) {
        it(`${args.join(' ')} is wrong usage`, async () => {
          const outcome = await writesNothing(['-n', namespace, ...args])
          assert.equal(outcome.exitCode, 2, outcome.stderr)
          assert.match(outcome.stderr, /^error: .*\[CSNI10[12]\]/m)
        })
      }

      for (const [mode, name, where] of [
        ['port', 'cass-sni-dc1', 'dc'],
        ['namespace', 'default', 'dc'],
        ['mesh', 'default', 'root'],
      ] as const) {
        it(`--mtls ${mode} makes one PeerAuthentication, and keep makes none`, async () => {
          const args = ['-n', namespace, '--storage-provisioner', 'x/y', '--dry-run', '-o', 'json']
          const kept = (await writesNothing(args)).json()
          assert.deepEqual(
            kept.changes.filter((change: { object: string }) => change.object.startsWith('peerauthentication')),
            [],
          )
          const planned = (await writesNothing([...args, '--mtls', mode])).json()
          const changes = planned.changes.filter((change: { object: string }) =>
            change.object.startsWith('peerauthentication'),
          )
          assert.equal(changes.length, 1)
          assert.equal(changes[0].action, 'created')
          assert.equal(changes[0].namespace, where === 'dc' ? namespace : 'istio-system')
          assert.match(changes[0].object, new RegExp(`/${name}$`))
        })
      }

      it('creates CA and certificate of a new datacenter once, and keeps them; another CA is refused', async function () {
        this.timeout(60_000)
        await server.create(STORAGE_CLASS, { metadata: { name: 'server-storage' }, provisioner: 'x/y' })
        const secrets = async () => {
          const found = await Promise.all(
            ['dc1-ca-keystore', 'dc1-keystore'].map((name) => server.client.get(pathOf(SECRET, namespace, name))),
          )
          return found.map((each) => (each as unknown as { data: Record<string, string> }).data)
        }
        try {
          const first = await installUntilWaiting(['-n', namespace, '--ca-days', '100'])
          assert.match(first.stdout, /secret\/dc1-ca-keystore created\nsecret\/dc1-keystore created\n/)
          const [authority = {}, keystore = {}] = await secrets()
          const plain = (text = '') => Buffer.from(text, 'base64').toString('utf8')
          assert.ok(!`${first.stdout}${first.stderr}`.includes(plain(authority['key']).split('\n')[1] ?? 'none'))
          const ca = readCertificate(plain(authority['cert']))
          assert.equal(Math.round((ca.notAfter.getTime() - Date.now()) / 86_400_000), 100)
          const { current } = openKeystore(Buffer.from(keystore['node-keystore.jks'] ?? '', 'base64'), {
            password: 'dc1',
            alias: `dc1.${namespace}.cassdc`,
            object: 'the keystore',
          })
          assert.ok(current?.keyMatches && current.leaf.x509.verify(ca.x509.publicKey))
          const pods = `dse-dc1-all-pods-service.${namespace}.svc.cluster.local`
          for (const name of [`*.${pods}`, pods, `dse-dc1-service.${namespace}.svc`])
            assert.ok(current.leaf.names.includes(name), name)

          const again = (await writesNothing(['-n', namespace, '--dry-run', '-o', 'json'])).json()
          const step = again.result.steps.find((each: { id: string }) => each.id === 'authority')
          assert.equal(step.state, 'present')
          const made = makeAuthority()
          await writeFile(join(folder, 'ca.pem'), made.pem)
          await writeFile(join(folder, 'ca.key'), made.keyPem)
          const files = ['--ca-file', join(folder, 'ca.pem'), '--ca-key-file', join(folder, 'ca.key')]
          const refused = await writesNothing(['-n', namespace, ...files])
          assert.match(refused.stderr, /the datacenter has another CA than the given one \(.*\) \[CSNI101\]/)
          const corporate = makeAuthority({ permittedDomain: 'example.com' })
          await writeFile(join(folder, 'ca.pem'), corporate.pem)
          await writeFile(join(folder, 'ca.key'), corporate.keyPem)
          const constrained = await writesNothing(['-n', 'another', ...files, '--dry-run'])
          assert.match(constrained.stderr, /name constraints of .* do not permit .* \[CSNI401\]/)
          // Without the keystore, a certificate is issued by the CA that exists.
          await server.remove(CASSANDRA_DATACENTER, 'dc1', namespace)
          await server.remove(SECRET, 'dc1-keystore', namespace)
          const resumed = await installUntilWaiting(['-n', namespace])
          assert.match(resumed.stdout, /secret\/dc1-keystore created\n/)
          assert.doesNotMatch(resumed.stdout, /secret\/dc1-ca-keystore/)
          assert.deepEqual((await secrets())[0], authority)
        } finally {
          await server.remove(CASSANDRA_DATACENTER, 'dc1', namespace)
          for (const name of ['dc1-ca-keystore', 'dc1-keystore']) await server.remove(SECRET, name, namespace)
          await server.remove(STORAGE_CLASS, 'server-storage')
        }
      })

      it('shows each field of a datacenter of its own that changes, old and new, and asks the server what it thinks of it', async function () {
        this.timeout(60_000)
        await server.create(STORAGE_CLASS, { metadata: { name: 'server-storage' }, provisioner: 'x/y' })
        try {
          await installUntilWaiting(['-n', namespace])
          const since = Date.now()
          const bigger = await writesNothing(['-n', namespace, '--size', '4', '--cpu', '500m', '--dry-run'])
          assert.match(bigger.stdout, /dc1 configured \(dry run\)\n(.*\n)? {2}spec\.size: 3 → 4\n/)
          assert.match(bigger.stdout, /spec\.resources\.requests\.cpu: 2 → 500m/)
          assert.match(bigger.stdout, /Next:|Planned changes:/)
          const asked = (await writesBy(server.auditLog, OUR_AGENT, since)).filter(({ name }) => name === 'dc1')
          assert.deepEqual(
            asked.map(({ uri, status }) => [uri.includes('dryRun=All'), status]),
            [[true, 200]],
          )
          const file = join(folder, 'wrong.yaml')
          await writeFile(
            file,
            '{apiVersion: cassandra.datastax.com/v1beta1, kind: CassandraDatacenter, metadata: {name: dc1}, spec: {clusterName: dse, serverType: cassandra, serverVersion: 5.0.6, size: 3, storageConfig: {cassandraDataVolumeClaimSpec: {storageClassName: server-storage, accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Gi}}}}, stopped: maybe}}',
          )
          const wrong = await writesNothing(['-n', namespace, '--datacenter-file', file, '--dry-run'])
          assert.equal(wrong.exitCode, 1, wrong.stdout)
          assert.match(wrong.stderr, /stopped.*CSNI206/s)
          for (const [flags, why] of [
            [['--size', '1'], /spec\.size 3 → 1 .*CSNI308.*--size 1 .*--allow-scale-down/s],
            [['--server-version', '4.1.5'], /5\.0\.6 → 4\.1\.5 .*CSNI308/s],
            [
              ['--storage-class', 'server-storage', '--storage-size', '5Gi'],
              /10Gi → 5Gi \(volumes cannot shrink\).*CSNI307/s,
            ],
          ] as const) {
            const refused = await writesNothing(['-n', namespace, ...flags])
            assert.match(refused.stderr, why)
          }
          const down = await writesNothing(['-n', namespace, '--size', '1', '--allow-scale-down', '--dry-run'])
          assert.match(down.stdout, /spec\.size: 3 → 1/)
        } finally {
          await server.remove(STORAGE_CLASS, 'server-storage')
        }
      })

      it('refuses another StorageClass for a datacenter that exists', async () => {
        const datacenter = await createDatacenter(server, { namespace })
        for (const name of ['server-storage', 'other'])
          await server.create(STORAGE_CLASS, { metadata: { name }, provisioner: 'x/y' })
        try {
          const outcome = await writesNothing(['-n', namespace, '--storage-class', 'other', '--dry-run'])
          assert.match(outcome.stderr, /storageClassName .*→ other \(immutable\).*CSNI307/s)
        } finally {
          await datacenter.remove()
          for (const name of ['server-storage', 'other']) await server.remove(STORAGE_CLASS, name)
        }
      })

      it('takes a file from kubectl get -o yaml: again, nothing changes', async function () {
        this.timeout(30_000)
        await server.create(STORAGE_CLASS, { metadata: { name: 'server-storage' }, provisioner: 'x/y' })
        try {
          await installUntilWaiting(['-n', namespace])
          const live = await server.client.get(pathOf(CASSANDRA_DATACENTER, namespace, 'dc1'))
          const file = join(folder, 'live.json')
          await writeFile(file, JSON.stringify(live))
          const outcome = await writesNothing(['-n', namespace, '--datacenter-file', file, '--dry-run', '-o', 'json'])
          const step = outcome.json().result.steps.find((each: { id: string }) => each.id === 'datacenter')
          assert.equal(step.state, 'present', outcome.stdout)
        } finally {
          await server.remove(STORAGE_CLASS, 'server-storage')
        }
      })

      it('says where a K8ssandraCluster belongs', async () => {
        const file = join(folder, 'k8ssandra.yaml')
        await writeFile(file, '{apiVersion: k8ssandra.io/v1alpha1, kind: K8ssandraCluster, metadata: {name: demo}}')
        const outcome = await writesNothing(['-n', namespace, '--datacenter-file', file])
        assert.match(
          outcome.stderr,
          /K8ssandraCluster demo is managed by k8ssandra-operator.*CSNI107.*kubectl .*apply/s,
        )
      })

      it('says loudly that a datacenter has no login', async () => {
        const file = join(folder, 'open.yaml')
        await writeFile(
          file,
          '{apiVersion: cassandra.datastax.com/v1beta1, kind: CassandraDatacenter, metadata: {name: dc1}, spec: {clusterName: dse, serverType: cassandra, serverVersion: 5.0.6, size: 1, storageConfig: {}, config: {cassandra-yaml: {authenticator: AllowAllAuthenticator, client_encryption_options: {enabled: true}}}}}',
        )
        const args = ['-n', namespace, '--datacenter-file', file, '--storage-provisioner', 'x/y', '--dry-run']
        const outcome = await writesNothing(args)
        assert.equal(outcome.exitCode, 0, outcome.stderr)
        assert.match(outcome.stdout, /Authentication is disabled: AllowAllAuthenticator/)
        assert.match(outcome.stderr, /AllowAllAuthenticator accepts any user/)
        assert.doesNotMatch(outcome.stderr, /and login\b/)
      })

      describe('and something to wait for', () => {
        const storage = { metadata: { name: 'server-storage' }, provisioner: 'x/y' }
        const event = async (
          kind: string,
          name: string,
          reason: string,
          message: string,
          uid?: string,
        ): Promise<void> => {
          const time = new Date().toISOString()
          await server.create(EVENT, {
            metadata: { name: `${name}.${reason.toLowerCase()}`, namespace },
            involvedObject: { kind, name, namespace, uid },
            type: 'Warning',
            reason,
            message,
            firstTimestamp: time,
            lastTimestamp: time,
          })
        }
        beforeEach(() => server.create(STORAGE_CLASS, storage))
        afterEach(() => server.remove(STORAGE_CLASS, 'server-storage'))

        it("tells why the operator's own pod does not start, while it waits", async () => {
          const selector = { a: 'b' }
          await server.status(DEPLOYMENT, 'cass-operator', namespace, {
            replicas: 1,
            readyReplicas: 0,
            availableReplicas: 0,
          })
          const state = { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "x"' } }
          await server.create(POD, {
            metadata: { name: 'operator-0', namespace, labels: selector },
            spec: { containers: [{ name: 'manager', image: 'x' }] },
            status: {
              containerStatuses: [{ name: 'manager', image: 'x', imageID: '', ready: false, restartCount: 0, state }],
            },
          })
          const outcome = await install(['-n', namespace, '--timeout', '5s'])
          assert.equal(outcome.exitCode, 124, outcome.stderr)
          assert.match(
            outcome.stderr,
            /^ {2}operator-0: image for manager: ImagePullBackOff: Back-off pulling image "x"$/m,
          )
          assert.match(outcome.stderr, /timed out waiting for cass-operator: operator-0: image for manager.*CSNI901/)
          await server.remove(POD, 'operator-0', namespace)
        })

        it('tells of a quota that keeps pods away, and goes on waiting', async function () {
          this.timeout(20_000)
          const datacenter = await createDatacenter(server, { namespace })
          await server.remove(POD, 'dse-dc1-default-sts-2', namespace)
          const message = 'create Pod dse-dc1-default-sts-2 in StatefulSet failed error: exceeded quota: small'
          await event('StatefulSet', 'dse-dc1-default-sts', 'FailedCreate', message)
          await installUntilWaiting(['-n', namespace], /dse-dc1-default-sts: create Pod .* exceeded quota: small/)
          await datacenter.remove()
        })

        it('gives up at once where cass-operator refuses the datacenter', async function () {
          this.timeout(20_000)
          const datacenter = await createDatacenter(server, { namespace })
          await server.remove(POD, 'dse-dc1-default-sts-2', namespace)
          const live = (await server.client.get(pathOf(CASSANDRA_DATACENTER, namespace, 'dc1'))) as KubeObject
          const message =
            'Pod "x" is invalid: metadata.labels: Invalid value: "my rack", ' + 'and so on, '.repeat(20) + 'the end'
          await event('CassandraDatacenter', 'dc1', 'ReconcileFailed', message, live.metadata.uid)
          const outcome = await install(['-n', namespace, '--timeout', '15s'])
          assert.equal(outcome.exitCode, 1, outcome.stderr)
          assert.match(outcome.stderr, /rejected by cass-operator: .*Invalid value: "my rack".*the end.*CSNI303/)
          await datacenter.remove()
        })
      })

      describe('and injection', () => {
        const labels = async (args: string[]): Promise<{ note: string; created: string[]; text: string }> => {
          const outcome = await writesNothing([...args, '--storage-provisioner', 'x/y', '--dry-run', '-o', 'json'])
          const { result, changes = [], error } = outcome.json()
          return {
            note: result?.steps.find((step: { id: string }) => step.id === 'namespace').note ?? '',
            created: changes
              .filter((change: { object: string }) => change.object.startsWith('namespace/'))
              .map((change: { action: string }) => change.action),
            text: error?.message ?? '',
          }
        }

        it('is not forced on pods that run there, and can be asked for', async () => {
          const pod = { metadata: { name: 'shop', namespace }, spec: { containers: [{ name: 'a', image: 'a' }] } }
          await server.create(POD, pod)
          const kept = await labels(['-n', namespace])
          assert.match(kept.note, /no sidecar injection \(1 pod without a sidecar.*--injection enable/)
          assert.deepEqual(kept.created, [])
          const enabled = await labels(['-n', namespace, '--injection', 'enable'])
          assert.match(enabled.note, /istio-injection=enabled/)
          assert.deepEqual(enabled.created, ['configured'])
          await server.remove(POD, 'shop', namespace)
        })

        it('can be declined for a new namespace', async () => {
          const none = await labels(['-n', `${namespace}-none`, '--operator-chart', 'x', '--injection', 'none'])
          assert.match(none.note, /no sidecar injection/)
          assert.deepEqual(none.created, ['created'])
        })

        for (const [what, own] of [
          ['sidecars', { 'istio-injection': 'enabled' }],
          ['an ambient mesh', { 'istio.io/dataplane-mode': 'ambient' }],
          ['a namespace that declines', { 'istio-injection': 'disabled' }],
        ] as const) {
          it(`is kept: ${what}`, async () => {
            const labeled = await server.namespace('labeled', own)
            const remove = await operator(labeled)
            const { note, created } = await labels(['-n', labeled])
            assert.match(note, / \(kept\)$/)
            assert.deepEqual(created, [])
            await remove()
          })
        }

        it('by a revision that does not exist is an error, unless it is to be kept', async () => {
          const labeled = await server.namespace('labeled', { 'istio.io/rev': 'old' })
          const remove = await operator(labeled)
          assert.match((await labels(['-n', labeled])).text, /istio\.io\/rev=old: Istio has no revision or tag/)
          assert.match((await labels(['-n', labeled, '--injection', 'keep'])).note, /istio\.io\/rev=old \(kept\)/)
          await remove()
        })
      })

      it('makes a namespace that is not there, with the label of the revision that there is', async () => {
        const outcome = await writesNothing([
          '-n',
          `${namespace}-new`,
          '--operator-chart',
          'x',
          '--storage-provisioner',
          'x/y',
          '--dry-run',
          '-o',
          'json',
        ])
        assert.equal(outcome.exitCode, 0, outcome.stderr)
        const created = outcome
          .json()
          .changes.filter((change: { action: string }) => change.action === 'created')
          .map((change: { object: string }) => change.object)
        assert.ok(created.includes(`namespace/${namespace}-new`))
        assert.equal(
          await server.client.get(pathOf(NAMESPACE, undefined, `${namespace}-new`)).catch(() => undefined),
          undefined,
        )
      })
    })
  })
})
