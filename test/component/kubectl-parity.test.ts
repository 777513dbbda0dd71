import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensurePrograms } from '../../lab/build/programs.ts'
import { openAuthority } from '../../lab/pki.ts'
import { connectKube } from '../../src/lib/cluster/client.ts'
import { CONNECTION_FLAGS, type Connection } from '../../src/lib/cluster/connection-flags.ts'
import type { ClusterEntry, UserEntry } from '../../src/lib/cluster/kubeconfig-files.ts'
import { POD } from '../../src/lib/cluster/resources.ts'
import { CassSniError } from '../../src/lib/errors.ts'
import {
  type Answering,
  type Asker,
  connectProxy,
  emptyList,
  type RecordingProxy,
  type RecordingServer,
  recordingServer,
  socksProxy,
} from '../support/recording-server.ts'

interface Case {
  cluster?: Partial<ClusterEntry>
  user?: UserEntry
  /** The whole kubeconfig, when it is not made of the two above. */
  text?: string
  flags?: Connection
  env?: Record<string, string>
  answering?: Answering
  /** The server speaks plain HTTP. */
  plain?: true
  /** Undefined: both must refuse. */
  asker?: Partial<Asker> | undefined
}

interface Outcome {
  asker: Asker | undefined
  why: string
}

const EXEC_API = 'client.authentication.k8s.io/v1'
const NOBODY: Asker = { authorization: undefined, impersonates: [], certificate: undefined }

/** The same kubeconfig, flags and environment, before kubectl and before our client: who reaches the server, and as whom? */
describe('beside kubectl', () => {
  let directory = ''
  /** The kubectl that the lab builds; no lab has to run. */
  let program = ''
  let server: RecordingServer | undefined
  const at = (name: string) => join(directory, name)
  const data = (name: string) => readFileSync(at(name)).toString('base64')

  before(async () => {
    const { kubectl = '' } = await ensurePrograms(['kubectl'])
    program = kubectl
    directory = mkdtempSync(join(tmpdir(), 'cass-sni-parity-'))
    const authority = await openAuthority(directory)
    await authority.issue('server', { user: 'server' }, ['127.0.0.1', 'api.example.com'])
    await authority.issue('jane', { user: 'jane' })
    await authority.issue('john', { user: 'john' })
    intermediate()
  })
  after(() => rmSync(directory, { recursive: true }))
  afterEach(async () => server?.close())

  /** `middle.crt`, an authority that `ca.crt` signed, and `below.crt`, a server's certificate that it signed. */
  function intermediate(): void {
    const make = (name: string, issuer: string, subject: string, extensions: string[]) =>
      execFileSync('openssl', [
        ...['req', '-x509', '-config', at('openssl.cnf'), '-days', '30', '-nodes', '-subj', `/CN=${subject}`],
        ...['-CA', at(`${issuer}.crt`), '-CAkey', at(`${issuer}.key`), '-newkey', 'ec'],
        ...['-pkeyopt', 'ec_paramgen_curve:P-256', '-keyout', at(`${name}.key`), '-out', at(`${name}.crt`)],
        ...extensions.flatMap((extension) => ['-addext', extension]),
      ])
    make('middle', 'ca', 'middle', ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'])
    make('below', 'middle', 'below', ['basicConstraints=critical,CA:FALSE', 'subjectAltName=IP:127.0.0.1'])
  }

  const serve = async (answering?: Answering, certificate: string | undefined = 'server') => {
    const read = (end: string) => readFileSync(at(`${certificate}.${end}`), 'utf8')
    server = await recordingServer(certificate ? { cert: read('crt'), key: read('key') } : undefined, answering)
    return server
  }

  function kubeconfig({ cluster = {}, user, text, plain }: Case): string {
    const address = `${plain ? 'http' : 'https'}://127.0.0.1:${server?.port}`
    const file = at('kubeconfig')
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'k', cluster: { server: address, ...(plain ? {} : trusted()), ...cluster } }],
      users: user === undefined ? [] : [{ name: 'u', user }],
      contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
      'current-context': 'c',
    }
    writeFileSync(file, text?.replaceAll('SERVER', address) ?? JSON.stringify(config))
    return file
  }
  const trusted = () => ({ 'certificate-authority-data': data('ca.crt') })

  /** Runs one of the two and tells as whom it reached the server. */
  async function outcome(run: () => Promise<string>): Promise<Outcome> {
    server?.asked.splice(0)
    const why = await run()
    return { asker: why === '' ? server?.asked.at(-1) : undefined, why }
  }

  function kubectl(file: string, { flags = {}, env = {} }: Case): Promise<Outcome> {
    const words = CONNECTION_FLAGS.flatMap(({ name, field }) =>
      [flags[field] ?? []].flat().map((value) => (value === true ? `--${name}` : `--${name}=${value}`)),
    )
    const path = '/api/v1/namespaces/default/pods?limit=500'
    return outcome(
      () =>
        new Promise((resolve) => {
          const all = { PATH: process.env.PATH, HOME: directory, ...env }
          const args = [`--kubeconfig=${file}`, ...words, 'get', '--raw', path]
          const running = execFile(program, args, { env: all, timeout: 60_000 }, (error, _out, err) =>
            resolve(error === null ? '' : err || error.message),
          )
          running.stdin?.end()
        }),
    )
  }

  function ours(file: string, { flags = {}, env = {} }: Case): Promise<Outcome> {
    return outcome(async () => {
      try {
        const all = { PATH: process.env.PATH, HOME: directory, ...env }
        const options = { ...flags, kubeconfig: file, signal: new AbortController().signal }
        const kube = await connectKube(options, all)
        assert.deepEqual(await kube.list(POD, { namespace: 'default' }), [])
        return ''
      } catch (error) {
        // a bug would be a refusal as well
        if (!(error instanceof CassSniError) || error.code === 'CSNI903') throw error
        return `${error.code} ${error.message}`
      }
    })
  }

  async function compare(one: Case): Promise<void> {
    const file = kubeconfig(one)
    const [theirs, us] = [await kubectl(file, one), await ours(file, one)]
    const told = `kubectl: ${theirs.why || 'reached'}\nwe: ${us.why || 'reached'}`
    assert.deepEqual(us.asker, theirs.asker, told)
    assert.deepEqual(us.asker, one.asker === undefined ? undefined : { ...NOBODY, ...one.asker }, told)
  }

  const same = (what: string, make: () => Case) =>
    it(what, async () => {
      const { answering, plain } = make()
      await serve(answering, plain ? '' : undefined)
      // once more: a flag may name the server's port
      await compare(make())
    })

  const basic = (login: string) => ({ authorization: `Basic ${Buffer.from(login).toString('base64')}` })
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
  const acting = (...impersonates: string[]) => ({ impersonates: impersonates.sort() })
  const exec = (script: string, more: object = {}): UserEntry => ({
    exec: { apiVersion: EXEC_API, command: 'sh', args: ['-c', script], interactiveMode: 'Never', ...more },
  })
  const answer = (status: object) => JSON.stringify({ apiVersion: EXEC_API, kind: 'ExecCredential', status })

  describe('who asks', () => {
    same('nobody: kubectl would ask for a name', () => ({ user: {} }))
    same('a user that the kubeconfig does not hold', () => ({}))
    same('a token', () => ({ user: { token: 't' }, asker: bearer('t') }))
    same('a token and a file of one', () => {
      writeFileSync(at('token'), 'from-file\n')
      return { user: { token: 't', tokenFile: at('token') }, asker: bearer('from-file') }
    })
    same('a file of a token, relative to the kubeconfig', () => {
      writeFileSync(at('token'), ' from-file\n')
      return { user: { tokenFile: 'token' }, asker: bearer('from-file') }
    })
    same('a file of a token that is not there', () => ({ user: { tokenFile: 'nowhere' } }))
    same('a name and a password', () => ({ user: { username: 'n', password: 'p' }, asker: basic('n:p') }))
    same('a token and a name', () => ({ user: { token: 't', username: 'n' } }))
    same('a client certificate', () => ({
      user: { 'client-certificate': 'jane.crt', 'client-key': 'jane.key' },
      asker: { certificate: 'jane' },
    }))
    same('a client certificate as data, and a token', () => ({
      user: { 'client-certificate-data': data('jane.crt'), 'client-key-data': data('jane.key'), token: 't' },
      asker: { certificate: 'jane', ...bearer('t') },
    }))
    same('a client certificate as data and as file', () => ({
      user: {
        'client-certificate-data': data('jane.crt'),
        'client-certificate': 'john.crt',
        'client-key-data': data('jane.key'),
      },
    }))
    same('a client certificate without its key', () => ({ user: { 'client-certificate': 'jane.crt' } }))
    same('a client certificate with the key of another', () => ({
      user: { 'client-certificate': 'jane.crt', 'client-key': 'john.key' },
    }))
    same('over plain HTTP', () => ({
      plain: true,
      user: { token: 't', as: 'jane' },
      asker: acting('impersonate-user: jane'),
    }))
    same('over plain HTTP with a plugin', () => ({ plain: true, user: exec('exit 1'), asker: {} }))
  })

  describe('as whom', () => {
    const user: UserEntry = {
      token: 't',
      as: 'jane',
      'as-uid': '7',
      'as-groups': ['a', 'b'],
      'as-user-extra': { 'k/x': ['v', 'w'] },
    }
    const headers = [
      'impersonate-user: jane',
      'impersonate-uid: 7',
      'impersonate-group: a',
      'impersonate-group: b',
      'impersonate-extra-k%2fx: v',
      'impersonate-extra-k%2fx: w',
    ]
    same('a user with groups, a uid and extras', () => ({ user, asker: { ...bearer('t'), ...acting(...headers) } }))
    same('groups without a user', () => ({ user: { token: 't', 'as-groups': ['a'] } }))
    same('a uid without a user', () => ({ user: { token: 't', 'as-uid': '7' } }))
    same('extras without a user', () => ({ user: { token: 't', 'as-user-extra': { k: ['v'] } } }))
    same('--as-group without a user', () => ({ user: { token: 't' }, flags: { asGroups: ['a'] } }))
    same('--as-group with the user of the kubeconfig', () => ({
      user: { token: 't', as: 'jane' },
      flags: { asGroups: ['a', 'b'] },
      asker: { ...bearer('t'), ...acting('impersonate-user: jane', 'impersonate-group: a', 'impersonate-group: b') },
    }))
    same('--as, with the groups of the kubeconfig', () => ({
      user: { token: 't', as: 'jane', 'as-groups': ['a'] },
      flags: { as: 'john' },
      asker: { ...bearer('t'), ...acting('impersonate-user: john', 'impersonate-group: a') },
    }))
    same('an empty --as', () => ({
      user: { token: 't', as: 'jane' },
      flags: { as: '', asUid: '' },
      asker: { ...bearer('t'), ...acting('impersonate-user: jane') },
    }))
  })

  describe('flags', () => {
    const elsewhere = { server: 'https://127.0.0.1:1' }
    same('--server and --token', () => ({
      cluster: elsewhere,
      user: { token: 'old' },
      flags: { server: `https://127.0.0.1:${server?.port}`, token: 'new' },
      asker: bearer('new'),
    }))
    same('--token over a file of one', () => {
      writeFileSync(at('token'), 'from-file')
      return { user: { tokenFile: 'token' }, flags: { token: 'new' }, asker: bearer('from-file') }
    })
    same('--token over a plugin', () => ({ user: exec('exit 1'), flags: { token: 'new' }, asker: bearer('new') }))
    same('--token over a name', () => ({ user: { username: 'n', password: 'p' }, flags: { token: 'new' } }))
    same('--username and --password', () => ({
      user: {},
      flags: { username: 'n', password: 'p' },
      asker: basic('n:p'),
    }))
    same('--client-certificate and --client-key', () => ({
      user: { 'client-certificate': 'jane.crt', 'client-key': 'jane.key' },
      flags: { clientCertificate: at('john.crt'), clientKey: at('john.key') },
      asker: { certificate: 'john' },
    }))
    same('--client-certificate over one that is data', () => ({
      user: { 'client-certificate-data': data('jane.crt'), 'client-key-data': data('jane.key') },
      flags: { clientCertificate: at('john.crt'), clientKey: at('john.key') },
    }))
    same('--certificate-authority over one that is data', () => ({
      cluster: { 'certificate-authority-data': data('middle.crt') },
      user: { token: 't' },
      flags: { certificateAuthority: at('ca.crt') },
      asker: bearer('t'),
    }))
    same('--insecure-skip-tls-verify over an authority', () => ({
      cluster: { 'certificate-authority-data': data('middle.crt') },
      user: { token: 't' },
      flags: { insecureSkipTlsVerify: true },
      asker: bearer('t'),
    }))
    same('--server takes the name of the kubeconfig away', () => ({
      cluster: { 'tls-server-name': 'else.example.com' },
      user: { token: 't' },
      flags: { server: `https://127.0.0.1:${server?.port}` },
      asker: bearer('t'),
    }))
    same('--tls-server-name', () => ({
      user: { token: 't' },
      flags: { tlsServerName: 'api.example.com' },
      asker: bearer('t'),
    }))
    same('--tls-server-name of another', () => ({ user: { token: 't' }, flags: { tlsServerName: 'else.example.com' } }))
    same('--user that is not there', () => ({ user: { token: 't' }, flags: { user: 'nobody' } }))
    same('--cluster that is not there', () => ({ user: { token: 't' }, flags: { cluster: 'nowhere' } }))
    same('--context that is not there', () => ({ user: { token: 't' }, flags: { context: 'nowhere' } }))
    same('empty ones', () => ({
      user: { token: 't' },
      flags: { context: '', cluster: '', user: '', server: '', token: '', namespace: '', clientCertificate: '' },
      asker: bearer('t'),
    }))
  })

  describe('plugins', () => {
    same('a token', () => ({ user: exec(`printf %s '${answer({ token: 't' })}'`), asker: bearer('t') }))
    same('a certificate', () => ({
      user: exec(
        `printf %s '${answer({ clientCertificateData: readFileSync(at('jane.crt'), 'utf8'), clientKeyData: readFileSync(at('jane.key'), 'utf8') })}'`,
      ),
      asker: { certificate: 'jane' },
    }))
    same('what it is told of the cluster', () => ({
      cluster: { extensions: [{ name: 'client.authentication.k8s.io/exec', extension: { audience: 'a' } }] },
      user: exec(
        'T=$(echo "$KUBERNETES_EXEC_INFO" | sed "s/.*\\"audience\\":\\"\\([a-z]*\\)\\".*/\\1/") && ' +
          'echo "{\\"apiVersion\\":\\"client.authentication.k8s.io/v1\\",\\"kind\\":\\"ExecCredential\\",\\"status\\":{\\"token\\":\\"$T\\"}}"',
        { provideClusterInfo: true },
      ),
      asker: bearer('a'),
    }))
    same('of the older API, whose mode has a default', () => ({
      user: exec(`printf %s '${answer({ token: 't' }).replace('/v1', '/v1beta1')}'`, {
        apiVersion: 'client.authentication.k8s.io/v1beta1',
        interactiveMode: undefined,
      }),
      asker: bearer('t'),
    }))
    same('without a mode', () => ({ user: exec('true', { interactiveMode: undefined }) }))
    same('without an API', () => ({ user: exec('true', { apiVersion: undefined }) }))
    same('of an API that is no more', () => ({
      user: exec('true', { apiVersion: 'client.authentication.k8s.io/v1alpha1', interactiveMode: 'Never' }),
    }))
    same('that wants a terminal', () => ({
      user: exec(`printf %s '${answer({ token: 't' })}'`, { interactiveMode: 'Always' }),
    }))
    same('that fails', () => ({ user: exec('exit 3') }))
    same('that answers in another API', () => ({
      user: exec(`printf %s '${answer({ token: 't' }).replace('/v1', '/v1beta1')}'`),
    }))
    same('that answers nothing', () => ({ user: exec('true') }))
    same('that is not there', () => ({ user: exec('', { command: 'no-such-plugin' }) }))
    same('beside the kubeconfig', () => {
      writeFileSync(at('plugin'), `#!/bin/sh\nprintf %s '${answer({ token: 't' })}'\n`)
      chmodSync(at('plugin'), 0o700)
      return { user: exec('', { command: './plugin', args: [] }), asker: bearer('t') }
    })
    same('is not run where there is a certificate', () => ({
      user: { ...exec('exit 1'), 'client-certificate': 'jane.crt', 'client-key': 'jane.key' },
      asker: { certificate: 'jane' },
    }))
    same('and a provider', () => ({ user: { ...exec('true'), 'auth-provider': { name: 'oidc' } } }))
  })

  describe('trust', () => {
    const none = { 'certificate-authority-data': undefined }
    same('no authority', () => ({ cluster: none, user: { token: 't' } }))
    same('SSL_CERT_FILE', () => ({
      cluster: none,
      user: { token: 't' },
      env: { SSL_CERT_FILE: at('ca.crt') },
      asker: bearer('t'),
    }))
    same('SSL_CERT_DIR', () => {
      mkdirSync(at('certs'), { recursive: true })
      copyFileSync(at('ca.crt'), join(at('certs'), 'ca.pem'))
      return {
        cluster: none,
        user: { token: 't' },
        env: { SSL_CERT_DIR: `/nowhere:${at('certs')}` },
        asker: bearer('t'),
      }
    })
    same('SSL_CERT_FILE is not asked where there is an authority', () => ({
      cluster: { 'certificate-authority-data': data('middle.crt') },
      user: { token: 't' },
      env: { SSL_CERT_FILE: at('ca.crt') },
    }))
    it('an intermediate as the anchor', async () => {
      await serve(undefined, 'below')
      await compare({
        cluster: { 'certificate-authority-data': data('middle.crt') },
        user: { token: 't' },
        asker: bearer('t'),
      })
    })
    same("the server's own certificate as the anchor", () => ({
      cluster: { 'certificate-authority-data': data('server.crt') },
      user: { token: 't' },
      asker: bearer('t'),
    }))
    same('an authority and no verification', () => ({
      cluster: { 'insecure-skip-tls-verify': true },
      user: { token: 't' },
    }))
    same('no verification', () => ({
      cluster: { ...none, 'insecure-skip-tls-verify': true },
      user: { token: 't' },
      asker: bearer('t'),
    }))
    same('an authority as file and as data', () => ({
      cluster: { 'certificate-authority': 'ca.crt' },
      user: { token: 't' },
    }))
    same('an authority whose file is not there', () => ({
      cluster: { ...none, 'certificate-authority': 'nowhere.crt' },
      user: { token: 't' },
    }))
  })

  describe('files', () => {
    const rest = 'contexts: [{name: c, context: {cluster: k, user: u}}]\ncurrent-context: c\n'
    const insecure = 'clusters: [{name: k, cluster: {server: "SERVER", insecure-skip-tls-verify: true}}]\n'
    const text = (clusters: string, users = 'users: [{name: u, user: {token: t}}]\n') => `${clusters}${users}${rest}`
    same('merge keys, and yes for true', () => ({
      text: text(
        'base: &b {server: "SERVER", insecure-skip-tls-verify: yes}\nclusters: [{name: k, cluster: {<<: *b}}]\n',
      ),
      asker: bearer('t'),
    }))
    same('a repeated key', () => ({
      text: text(insecure, 'users: [{name: u, user: {token: x, token: t}}]\n'),
      asker: bearer('t'),
    }))
    same('a second document', () => ({ text: `${text(insecure)}---\nusers: 7\n`, asker: bearer('t') }))
    same('an entry twice', () => ({
      text: text(insecure, 'users: [{name: u, user: {token: t}}, {name: u, user: {}}]\n'),
    }))
    same('a token that is a number', () => ({ text: text(insecure, 'users: [{name: u, user: {token: 123}}]\n') }))
    same('a token that is empty', () => ({ text: text(insecure, 'users: [{name: u, user: {token: }}]\n') }))
    same('a certificate that is not base64', () => ({
      text: text(insecure, 'users: [{name: u, user: {client-certificate-data: "x?", client-key-data: "x?"}}]\n'),
    }))
    same('a field in other capitals', () => ({
      text: text(insecure, 'users: [{name: u, user: {Token: t}}]\n'),
    }))
    same('no YAML', () => ({ text: 'clusters: [' }))
    same('a context without a cluster', () => ({ text: 'contexts: [{name: c, context: {}}]\ncurrent-context: c\n' }))
    same('a login in the address, and nothing else', () => ({
      text: text(insecure.replace('"SERVER"', `"https://n:p@127.0.0.1:${server?.port}"`), ''),
    }))
    same('a login in the address, and a token', () => ({
      text: text(insecure.replace('"SERVER"', `"https://n:p@127.0.0.1:${server?.port}"`)),
      asker: basic('n:p'),
    }))
    same('a login in the address, and a certificate', () => ({
      text: text(
        insecure.replace('"SERVER"', `"https://n:p@127.0.0.1:${server?.port}"`),
        'users: [{name: u, user: {client-certificate: jane.crt, client-key: jane.key}}]\n',
      ),
      asker: { certificate: 'jane', ...basic('n:p') },
    }))
    same('a login in the address of a plain server', () => ({
      plain: true,
      text: text(insecure.replace('"SERVER"', `"http://n:p@127.0.0.1:${server?.port}"`)),
      asker: basic('n:p'),
    }))
  })

  describe('answers', () => {
    const twice = (status: number, headers: Record<string, string>): Answering => {
      let left = 2
      return (_request, response) => {
        if (left-- > 0) response.writeHead(status, headers).end('{}')
        else emptyList(response)
        if (left < 0) left = 2
      }
    }
    same('429 with Retry-After', () => ({
      user: { token: 't' },
      answering: twice(429, { 'retry-after': '1' }),
      asker: bearer('t'),
    }))
    same('500 with Retry-After', () => ({
      user: { token: 't' },
      answering: twice(500, { 'retry-after': '1' }),
      asker: bearer('t'),
    }))
    same('503 with Retry-After', () => ({
      user: { token: 't' },
      answering: twice(503, { 'retry-after': '1' }),
      asker: bearer('t'),
    }))
    same('503 without', () => ({ user: { token: 't' }, answering: twice(503, {}) }))
    same('401', () => ({
      user: { token: 't' },
      answering: (_request, response) => void response.writeHead(401).end('{}'),
    }))
  })

  describe('proxies', () => {
    let proxy: RecordingProxy
    afterEach(() => proxy.close())
    const through = (what: string, open: () => Promise<RecordingProxy>, make: (port: number) => Case, led: string[]) =>
      it(what, async () => {
        await serve()
        proxy = await open()
        const one = make(proxy.port)
        const file = kubeconfig(one)
        const theirs = await kubectl(file, one)
        const ledThem = proxy.led.splice(0)
        const us = await ours(file, one)
        assert.deepEqual(us.asker, theirs.asker, `kubectl: ${theirs.why}\nwe: ${us.why}`)
        assert.deepEqual([ledThem, proxy.led], [led, led])
        assert.equal(us.asker !== undefined, one.asker !== undefined, us.why)
      })
    const far = { server: 'https://api.example.com:6443' }
    const way = ['api.example.com:6443']
    const http = () => connectProxy(server?.port ?? 0)
    through(
      'proxy-url',
      http,
      (port) => ({
        cluster: { ...far, 'proxy-url': `http://127.0.0.1:${port}` },
        user: { token: 't' },
        asker: bearer('t'),
      }),
      way,
    )
    through(
      'proxy-url, and a token from a file',
      http,
      (port) => {
        writeFileSync(at('token'), 't\n')
        return {
          cluster: { ...far, 'proxy-url': `http://127.0.0.1:${port}` },
          user: { tokenFile: 'token' },
          asker: bearer('t'),
        }
      },
      way,
    )
    through(
      'proxy-url, and a client certificate',
      http,
      (port) => ({
        cluster: { ...far, 'proxy-url': `http://127.0.0.1:${port}` },
        user: { 'client-certificate': 'jane.crt', 'client-key': 'jane.key' },
        asker: bearer('t'),
      }),
      way,
    )
    through(
      'HTTPS_PROXY',
      http,
      (port) => ({
        cluster: far,
        user: { token: 't' },
        env: { HTTPS_PROXY: `http://127.0.0.1:${port}` },
        asker: bearer('t'),
      }),
      way,
    )
    through(
      'HTTPS_PROXY with a login',
      () => connectProxy(server?.port ?? 0, 'n:p'),
      (port) => ({
        cluster: far,
        user: { token: 't' },
        env: { HTTPS_PROXY: `http://n:p@127.0.0.1:${port}` },
        asker: bearer('t'),
      }),
      way,
    )
    through(
      'HTTPS_PROXY that wants a login',
      () => connectProxy(server?.port ?? 0, 'n:p'),
      (port) => ({
        cluster: far,
        user: { token: 't' },
        env: { HTTPS_PROXY: `http://127.0.0.1:${port}` },
      }),
      way,
    )
    through(
      'HTTPS_PROXY is not for loopback',
      http,
      (port) => ({ user: { token: 't' }, env: { HTTPS_PROXY: `http://127.0.0.1:${port}` }, asker: bearer('t') }),
      [],
    )
    through(
      'socks5, which resolves the name itself',
      () => socksProxy(server?.port ?? 0),
      (port) => ({
        cluster: { ...far, 'proxy-url': `socks5://127.0.0.1:${port}` },
        user: { token: 't' },
        asker: bearer('t'),
      }),
      way,
    )
    through(
      'a proxy-url of another scheme',
      http,
      (port) => ({ cluster: { ...far, 'proxy-url': `ftp://127.0.0.1:${port}` }, user: { token: 't' } }),
      [],
    )
  })
})
