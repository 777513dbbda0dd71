import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, type Server, type TlsOptions, type TLSSocket } from 'node:tls'
import { ISTIO_GATEWAY, SECRET, SERVICE, STATEFUL_SET, VIRTUAL_SERVICE } from '../../src/lib/cluster/resources.ts'
import type { CheckResult } from '../../src/lib/checks/check.ts'
import { apiServer, pathOf, type TestServer } from '../support/api-server.ts'
import { OUR_AGENT, writesBy } from '../support/audit.ts'
import { createDatacenter, type DatacenterShape, type TestDatacenter } from '../support/cluster-state.ts'
import { runCommand } from '../support/command.ts'
import type { RequestFault, SeenRequest } from '../support/fault-requests.ts'
import { requestsBefore } from '../support/fault-server.ts'
import { makeAuthority, makeKeystore, makeLeaf } from '../support/operator-certificates.ts'
import { createMesh, type TestMesh } from '../support/mesh-state.ts'
import { testAuthority } from '../unit/connection/certificates.ts'

/** Nobody listens there. */
const NOWHERE = ['--address', '127.0.0.1:1']

describe('verify', function () {
  this.timeout(60_000)
  let server: TestServer
  let mesh: TestMesh
  let dc: TestDatacenter
  const listeners: Server[] = []

  before(async () => {
    server = await apiServer()
  })
  afterEach(async () => {
    for (const each of listeners.splice(0)) each.close()
    // Nobody collects garbage here, and the port of a Gateway that is left would be taken.
    await Promise.all([
      mesh?.remove(),
      dc?.remove(),
      server.remove(VIRTUAL_SERVICE, 'foreign', 'default'),
      server.remove(ISTIO_GATEWAY, 'cass-sni-dc1', dc.namespace),
      server.remove(VIRTUAL_SERVICE, 'cass-sni-dc1', dc.namespace),
    ])
  })

  async function raise(shape: Omit<DatacenterShape, 'namespace'> = {}): Promise<void> {
    mesh = await createMesh(server, { namespace: await server.namespace('istio'), gateway: { addresses: [] } })
    dc = await createDatacenter(server, { namespace: await server.namespace('cass'), ...shape })
  }
  const run = (...words: string[]) => runCommand([...words, '--kubeconfig', server.kubeconfig, '-n', dc.namespace])
  const sync = async () => equal((await run('routes', 'sync')).exitCode, 0)
  const verify = (...words: string[]) => told(run('verify', '-o', 'json', ...words))
  async function told(running: ReturnType<typeof run>) {
    const outcome = await running
    const { result, ...rest } = outcome.json()
    const checks: CheckResult[] = result?.checks ?? []
    const of = (code: string) => checks.filter((each) => each.code === code)
    return {
      ...rest,
      exitCode: outcome.exitCode,
      result,
      of,
      failed: checks.filter(({ result: each }) => each === 'fail'),
    }
  }
  /** Serves TLS on a port of this machine, hangs up at the first byte, and returns its address. */
  async function listening(served: TlsOptions, met?: (socket: TLSSocket) => void): Promise<string> {
    const listener = createServer(served, (socket) => {
      socket.on('error', () => undefined)
      if (met === undefined) socket.once('data', () => socket.destroy())
      else met(socket)
    })
    listeners.push(listener)
    await once(listener.listen(0, '127.0.0.1'), 'listening')
    return `127.0.0.1:${(listener.address() as AddressInfo).port}`
  }
  const dnsName = (pod: string) => `${pod}.dse-dc1-all-pods-service.${dc.namespace}.svc.cluster.local`

  it('fails without routes, says what to do, and writes nothing', async () => {
    await raise()
    const since = Date.now()
    const { exitCode, result, of } = await verify(...NOWHERE)
    equal(exitCode, 1)
    equal(result.ok, false)
    // To be pasted as it is: it leads to the same cluster and namespace.
    deepEqual(of('CSNI822')[0]?.next, [
      `kubectl cass-sni routes sync --kubeconfig ${server.kubeconfig} -n ${dc.namespace}`,
    ])
    deepEqual(
      of('CSNI824').map((each: CheckResult) => each.result),
      ['fail', 'fail', 'fail'],
    )
    deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
    const text = await run('verify', ...NOWHERE)
    equal(text.exitCode, 1)
    match(text.stdout, /^datacenter\n-{10}\n/)
    // Its pods are names only: nobody can connect to them.
    match(text.stdout, /\n\d+ checks: \d+ passed, \d+ failed, \d+ skipped, 3 unknown\n$/)
  })

  it('finds routes in sync after a sync, and what was changed since, for just that node', async () => {
    await raise()
    await sync()
    const good = await verify(...NOWHERE)
    for (const code of ['CSNI811', 'CSNI812', 'CSNI822', 'CSNI823', 'CSNI824', 'CSNI825', 'CSNI826']) {
      ok(
        good.of(code).length > 0 && good.of(code).every(({ result }: CheckResult) => result === 'pass'),
        JSON.stringify(good.of(code)),
      )
    }
    await server.remove(SERVICE, 'dse-dc1-default-sts-1-cql', dc.namespace)
    const fresh = await dc.replaceNode('dse-dc1-default-sts-2')
    const drifted = await verify(...NOWHERE)
    deepEqual(
      drifted.of('CSNI824').map(({ node, result }: CheckResult) => [node, result]),
      [
        ['dse-dc1-default-sts-0', 'pass'],
        ['dse-dc1-default-sts-1', 'fail'],
        ['dse-dc1-default-sts-2', 'fail'],
      ],
    )
    match(drifted.of('CSNI824')[1]?.reason ?? '', /service\/dse-dc1-default-sts-1-cql not found/)
    equal(drifted.of('CSNI816')[2]?.note, fresh.hostId)
    await server.client.send('PATCH', pathOf(STATEFUL_SET, dc.namespace, 'dse-dc1-default-sts'), {
      spec: { replicas: 2 },
    })
    await dc.removeNode('dse-dc1-default-sts-2')
    match((await verify(...NOWHERE)).of('CSNI825')[0]?.reason ?? '', /dse-dc1-default-sts-2-cql/)
  })

  it('leads back to the routes, and not to a change of them, where a flag says otherwise', async () => {
    await raise()
    await sync()
    for (const [flag, used, given, code] of [
      ['--port', '9042', '9999', 'CSNI822'],
      ['--cluster-domain', 'cluster.local', 'other.example', 'CSNI824'],
    ] as const) {
      const [told] = (await verify(...NOWHERE, flag, given)).of(code)
      equal(told?.result, 'fail')
      match(told?.reason ?? '', new RegExp(`\\(${flag} is ${given}, routes use ${used}\\)$`))
      const [first, second] = told?.next ?? []
      equal(String(first).includes(flag), false)
      match(String(first), new RegExp(`^kubectl cass-sni verify .*-n ${dc.namespace}$`))
      match(String(second), new RegExp(`routes sync .*${flag} ${given} --dry-run$`))
    }
    equal((await run('routes', 'sync', '--cluster-domain', 'x y')).exitCode, 2)
  })

  it('says in one line that the routes are in tcp mode', async () => {
    await raise()
    const synced = await run('routes', 'sync', '--mode', 'tcp')
    equal(synced.exitCode, 0, synced.stderr)
    const { of, failed } = await verify(...NOWHERE)
    deepEqual(
      failed.filter(({ category }: CheckResult) => category === 'routes').map(({ code }: CheckResult) => code),
      ['CSNI823', 'CSNI828'],
    )
    match(of('CSNI823')[0]?.reason ?? '', /tcp mode/)
    match(of('CSNI823')[0]?.next?.[0] ?? '', /^kubectl cass-sni routes sync /)
  })

  it('says for what reason Istio ignores the routes, as routes sync does', async () => {
    await raise()
    await sync()
    await server.client.send('PATCH', pathOf(SERVICE, mesh.gateway?.namespace ?? '', 'istio-ingressgateway'), {
      metadata: { labels: { 'gateway.networking.k8s.io/gateway-name': 'edge' } },
    })
    const [shared] = (await verify(...NOWHERE)).of('CSNI823')
    equal(shared?.result, 'fail')
    match(shared?.reason ?? '', /created for the Kubernetes Gateway API/)
    const refused = await run('routes', 'sync', '-o', 'json')
    equal(refused.json().error.code, 'CSNI506')
    equal(refused.json().error.message, shared?.reason)
  })

  it('finds garbage, and the leaf of another authority, in the Secret of the keystore', async () => {
    await raise()
    const keystore = async (bytes: Buffer) => {
      await server.client.send('PATCH', pathOf(SECRET, dc.namespace, 'dc1-keystore'), {
        data: { 'node-keystore.jks': bytes.toString('base64') },
      })
      return (await verify(...NOWHERE)).of('CSNI838')[0]
    }
    const operators = (await verify(...NOWHERE)).of('CSNI838')[0]
    equal(operators?.result, 'fail')
    match(operators?.reason ?? '', /missing names: .*lacks extended key usage clientAuth/)
    equal((await run('certs')).exitCode, 0)
    equal((await verify(...NOWHERE)).of('CSNI838')[0]?.result, 'pass')
    const garbage = await keystore(Buffer.from('garbage'.repeat(20)))
    equal(garbage?.result, 'fail')
    match(garbage?.reason ?? '', /secret\/dc1-keystore in namespace \S+: cannot read keystore: not a JKS file/)
    match(garbage?.next?.[0] ?? '', /^kubectl cass-sni certs .*--replace-keystore/)
    const foreign = makeAuthority()
    const other = await keystore(makeKeystore(foreign, makeLeaf(foreign)))
    equal(other?.result, 'fail')
    match(other?.reason ?? '', /signed by another CA/)
  })

  it('looks at one node by ordinal, host id or pod, and refuses one that is not there', async () => {
    await raise()
    const [, second] = dc.nodes
    for (const name of ['1', second?.pod ?? '', second?.hostId ?? '']) {
      const { result } = await verify('--node', name, ...NOWHERE)
      deepEqual(result.nodes, ['dse-dc1-default-sts-1'])
      ok(result.checks.every(({ node }: CheckResult) => node === undefined || node === 'dse-dc1-default-sts-1'))
    }
    const { exitCode, error } = await verify('--node', '7')
    deepEqual([exitCode, error.code], [1, 'CSNI302'])
  })

  it('refuses a gateway that is none and an address that is none in one sentence, before it checks anything', async () => {
    await raise()
    const gateway = await verify('--gateway', 'nope')
    deepEqual([gateway.exitCode, gateway.error.code, gateway.result], [1, 'CSNI502', undefined])
    const address = await verify('--address', 'no host')
    deepEqual([address.exitCode, address.error.code, address.result], [2, 'CSNI101', undefined])
  })

  it('finds a VirtualService of somebody else that claims a name', async () => {
    await raise()
    await sync()
    const name = dc.nodes[0]?.hostId ?? ''
    await server.create(VIRTUAL_SERVICE, {
      metadata: { name: 'foreign', namespace: 'default' },
      spec: {
        hosts: [name],
        gateways: [`${dc.namespace}/cass-sni-dc1`],
        tls: [
          {
            match: [{ port: 9042, sniHosts: [name] }],
            route: [{ destination: { host: 'other', port: { number: 9042 } } }],
          },
        ],
      },
    })
    const [conflict] = (await verify(...NOWHERE)).of('CSNI826')
    equal(conflict?.result, 'fail')
    match(conflict?.reason ?? '', new RegExp(`foreign in namespace default.*${name}`))
  })

  it('sees what is served by each name, and sends no login over a certificate that does not verify', async () => {
    await raise()
    await sync()
    const authority = await testAuthority('dc1')
    await server.client.send('PATCH', pathOf(SECRET, dc.namespace, 'dc1-ca-keystore'), {
      data: { cert: Buffer.from(authority.pem).toString('base64') },
    })
    // The names of the first node only.
    const names = [dnsName(dc.nodes[0]?.pod ?? ''), dc.nodes[0]?.hostId ?? '']
    const received: Buffer[] = []
    // a tenth of its life is left
    const notBefore = new Date(Date.now() - 9 * 86_400_000)
    const address = await listening(await authority.issue({ names, notBefore }), (socket) =>
      socket.on('data', (chunk: Buffer) => {
        received.push(chunk)
        socket.destroy()
      }),
    )
    const { of } = await verify('-v', '6', '--address', address, '--node', '1')
    deepEqual(
      ['CSNI833', 'CSNI834', 'CSNI835', 'CSNI836'].map((code) => of(code)[0]?.result),
      ['pass', 'pass', 'pass', 'fail'],
    )
    match(
      of('CSNI836')[0]?.reason ?? '',
      /not valid for dse-dc1-default-sts-1\..* \(valid for: dse-dc1-default-sts-0\./,
    )
    equal(of('CSNI842')[0]?.result, 'skipped')
    deepEqual(received, [])
    const first = await verify('--address', address, '--node', '0')
    equal(first.of('CSNI836')[0]?.result, 'pass')
    equal(first.of('CSNI837')[0]?.result, 'warning')
    // Only now is there a login, and this is no Cassandra.
    equal(first.of('CSNI842')[0]?.result, 'fail')
    ok(received.length > 0)
  })

  it('finds an authority that has expired', async () => {
    await raise({ caNotAfter: Date.now() - 86_400_000 })
    const [expired] = (await verify(...NOWHERE)).of('CSNI831')
    equal(expired?.result, 'fail')
    match(expired?.reason ?? '', /expired on \d{4}-\d\d-\d\d/)
  })

  it('skips what needs Secrets, with the reason, for a user who may not read them', async () => {
    await raise()
    await sync()
    const rules = [
      {
        apiGroups: ['', 'apps'],
        resources: ['pods', 'services', 'statefulsets', 'deployments', 'namespaces'],
        verbs: ['get', 'list'],
      },
      {
        apiGroups: ['cassandra.datastax.com', 'networking.istio.io', 'admissionregistration.k8s.io'],
        resources: ['*'],
        verbs: ['get', 'list'],
      },
    ]
    const rbac = '/apis/rbac.authorization.k8s.io/v1'
    await server.client.send('POST', `${rbac}/clusterroles`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'no-secrets' },
      rules,
    })
    await server.client.send('POST', `${rbac}/clusterrolebindings`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'no-secrets' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'no-secrets' },
      subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'reader' }],
    })
    const { of, result } = await verify('--as', 'reader', ...NOWHERE)
    equal(of('CSNI831')[0]?.result, 'skipped')
    match(of('CSNI831')[0]?.reason ?? '', /secret/i)
    equal(of('CSNI841')[0]?.result, 'skipped')
    ok(
      result.checks
        .filter(({ category }: CheckResult) => category === 'certificates' || category === 'cql')
        .every((each: CheckResult) => each.result === 'skipped'),
    )
    equal(of('CSNI824')[0]?.result, 'pass')
    // The Envoys may not be asked either.
    equal(of('CSNI827')[0]?.result, 'skipped')
    equal(of('CSNI831')[0]?.denied, true)
    const text = await run('verify', '--as', 'reader', ...NOWHERE)
    match(text.stdout, /\nHint: checks were skipped for missing permissions; see \S+docs\/permissions\.md\n$/)
  })

  it('could not look, rather than found a fault, where the API server answers 429 or never', async () => {
    await raise()
    await sync()
    const certificate = 'secrets/dc1-ca-keystore'
    const envoys = '/portforward'
    const cases: [string, RequestFault, string][] = [
      [certificate, { answer: { status: 429, retryAfter: 0 } }, 'CSNI831'],
      [certificate, { hang: true }, 'CSNI831'],
      [envoys, { answer: { status: 429, retryAfter: 0 } }, 'CSNI827'],
      [envoys, { hang: true }, 'CSNI827'],
    ]
    const proxy = await requestsBefore(server)
    try {
      for (const [path, fault, code] of cases) {
        proxy.fault = ({ url }: SeenRequest) => (url.includes(path) ? fault : undefined)
        const { exitCode, of, result } = await told(
          runCommand(
            ['verify', '-o', 'json', '--kubeconfig', proxy.kubeconfig, '-n', dc.namespace].concat(
              ['--request-timeout', '1s'],
              NOWHERE,
            ),
          ),
        )
        const about = `${path} ${JSON.stringify(fault)}`
        equal(exitCode, 1, about)
        ok(result.summary.unknown > 0, about)
        ok(
          of(code).length > 0 && of(code).every((each: CheckResult) => each.result === 'unknown'),
          JSON.stringify(of(code)),
        )
        // What is known stays known.
        equal(of('CSNI823')[0]?.result, 'pass', about)
      }
    } finally {
      await proxy.stop()
    }
  })

  it('trusts the CA of --ca in place of the operator, and says which file to compare when it is another one', async () => {
    await raise()
    await sync()
    const [own, other] = await Promise.all([testAuthority('own'), testAuthority('other')])
    const node = dc.nodes[0]
    const address = await listening(await own.issue({ names: [dnsName(node?.pod ?? ''), node?.hostId ?? ''] }))
    const directory = await mkdtemp(join(tmpdir(), 'cass-sni-ca-'))
    const file = async (name: string, text: string) => {
      await writeFile(join(directory, name), text)
      return join(directory, name)
    }
    try {
      const words = ['--node', '0', '--address', address]
      const trusted = await verify(...words, '--ca', await file('own.pem', own.pem))
      deepEqual(
        ['CSNI831', 'CSNI835', 'CSNI836'].map((code) => trusted.of(code)[0]?.result),
        ['pass', 'pass', 'pass'],
      )
      const operators = await verify(...words)
      match(operators.of('CSNI835')[0]?.next?.[0] ?? '', /^kubectl cass-sni certs /)
      const wrong = await file('other.pem', other.pem)
      const [untrusted] = (await verify(...words, '--ca', wrong)).of('CSNI835')
      deepEqual(
        [untrusted?.result, untrusted?.next?.[0]],
        ['fail', `compare ${wrong} (--ca) with the CA of the datacenter`],
      )
      const none = await verify(...words, '--ca', await file('none.pem', 'no certificate'))
      deepEqual([none.exitCode, none.error.code, none.result], [2, 'CSNI107', undefined])
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  it('retries until all checks pass, or until the time has elapsed', async () => {
    await raise()
    const began = Date.now()
    const outcome = await run('verify', ...NOWHERE, '--wait', '3s')
    equal(outcome.exitCode, 1)
    ok(Date.now() - began >= 2_000)
    // However often it looks: the checks and the waiting are told once.
    equal(outcome.stderr.match(/^Retrying for up to 3s …/gm)?.length, 1)
    equal(outcome.stderr.match(/^datacenter …/gm)?.length, 1)
    match(outcome.stderr, /Retrying for up to 3s: timed out/)
    const limited = await run('verify', ...NOWHERE, '--wait', '60s', '--timeout', '1s')
    equal(limited.exitCode, 124)
  })
})
