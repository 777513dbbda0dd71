import assert from 'node:assert/strict'
import type { GivenFlag } from '../../../src/lib/cli/command-line.ts'
import { type CommandLine, renderSteps } from '../../../src/lib/cli/next-steps.ts'
import { again, againWithout, command, hint, type NextStep } from '../../../src/lib/errors.ts'

/** Flags by name; an array is a flag that was given several times. */
function line(given: Record<string, string | number | true | string[]>, more: Partial<CommandLine> = {}): CommandLine {
  const flags = Object.entries(given).flatMap(([name, value]): GivenFlag[] =>
    [value].flat().map((each) => ({ name, value: each === true ? undefined : String(each) })),
  )
  return { bin: 'kubectl cass-sni', id: 'verify', flags, args: [], portFlag: 'port', ...more }
}

const one = (step: NextStep, given: Parameters<typeof line>[0] = {}, more: Partial<CommandLine> = {}) =>
  renderSteps([step], line(given, more))[0]?.text

describe('proposed commands', () => {
  it('lead to the namespace, datacenter, gateway and port that the user named', () => {
    const given = { namespace: 'cass', datacenter: 'dc1', gateway: 'edge/gw', port: 9142, output: 'json' }
    assert.equal(
      one(command`kubectl cass-sni routes sync`, given),
      'kubectl cass-sni routes sync -n cass -d dc1 --gateway edge/gw --port 9142',
    )
    assert.equal(
      one(command`kubectl cass-sni certs ca --out x`, given),
      'kubectl cass-sni certs ca -n cass -d dc1 --out x',
    )
    assert.equal(
      one(command`kubectl cass-sni port-forward --port 0`, given),
      'kubectl cass-sni port-forward -n cass -d dc1 --gateway edge/gw --port 0',
    )
  })

  it('keep the program that the user wanted to run', () => {
    const more = { id: 'port-forward', rest: ['cqlsh', '-e', 'SELECT 1'] }
    assert.equal(
      one(again`--sni ${'any'}`, { namespace: 'c', sni: 'all' }, more),
      "kubectl cass-sni port-forward -n c --sni any -- cqlsh -e 'SELECT 1'",
    )
  })

  it('keep what they say themselves', () => {
    const given = { namespace: 'c', context: 'k' }
    assert.equal(one(command`kubectl cass-sni verify -n other`, given), 'kubectl cass-sni verify --context k -n other')
    assert.equal(one(command`kubectl get pods -n other`, given), 'kubectl --context k get pods -n other')
    assert.equal(one(command`kubectl auth whoami --context lab`, given), 'kubectl auth whoami --context lab')
    assert.equal(one(command`kubectl cass-sni verify --help`, given), 'kubectl cass-sni verify --help')
    assert.equal(one(command`openssl version`, given), 'openssl version')
  })

  it('go to the same cluster as the same user', () => {
    const given = { kubeconfig: 'my file', as: 'bob', 'as-group': ['a', 'b'], namespace: 'c' }
    assert.equal(
      one(command`kubectl auth can-i list pods`, given),
      "kubectl --kubeconfig 'my file' --as bob --as-group a --as-group b auth can-i list pods",
    )
    assert.equal(
      one(command`istioctl proxy-status`, { ...given, cluster: 'k' }),
      "istioctl --kubeconfig 'my file' --as bob --as-group a --as-group b proxy-status",
    )
    assert.equal(
      one(command`kubectl config get-contexts`, { ...given, context: 'nope' }),
      "kubectl --kubeconfig 'my file' config get-contexts",
    )
  })

  it('of three words go to the same cluster too', () =>
    assert.equal(
      one(command`kubectl cass-sni routes controller uninstall --controller-namespace a`, { context: 'k' }),
      'kubectl cass-sni routes controller uninstall --context k --controller-namespace a',
    ))

  it('show no token and no password', () => {
    const given = { server: 'https://x', token: 's3cret', username: 'jane', password: 's3cret' }
    const carried = '--server https://x --username jane'
    assert.equal(one(command`kubectl get pods`, given), `kubectl ${carried} get pods`)
    assert.equal(one(command`kubectl cass-sni certs`, given), `kubectl cass-sni certs ${carried}`)
    assert.equal(one(again`--node x`, given), `kubectl cass-sni verify ${carried} --node x`)
  })

  it('show no password of a URL', () => {
    const given = { server: 'https://user:hunt@er2@127.0.0.1:1/k?a=b@c', 'proxy-url': 'http://me@proxy', node: 'a@b' }
    const carried = "--server 'https://127.0.0.1:1/k?a=b@c'"
    assert.equal(one(command`kubectl get pods`, given), `kubectl ${carried} get pods`)
    assert.equal(one(command`kubectl cass-sni certs`, given), `kubectl cass-sni certs ${carried}`)
    assert.equal(
      one(again`--strict`, given),
      `kubectl cass-sni verify ${carried} --proxy-url http://proxy --node a@b --strict`,
    )
    assert.equal(one(command`curl -fsSLO ${'https://me:s3cret@host/x'}`), 'curl -fsSLO https://host/x')
    assert.equal(
      one(command`kubectl get pods --server=${'https://me:s3cret@h'}`),
      'kubectl get pods --server=https://h',
    )
  })

  it("do not take a command's own flag for kubectl's of that name", () => {
    const given = { username: 'role', 'insecure-skip-tls-verify': true as const, server: 'https://x' }
    const own = ['username', 'insecure-skip-tls-verify']
    assert.equal(one(command`kubectl get pods`, given, { own }), 'kubectl --server https://x get pods')
  })

  it("take the gateway's port from port-forward's own flag", () => {
    assert.equal(
      one(command`kubectl cass-sni verify`, { port: 1, 'gateway-port': 9142 }, { portFlag: 'gateway-port' }),
      'kubectl cass-sni verify --port 9142',
    )
  })

  it('repeat the command line in force with every flag but those that they replace', () => {
    const given = { namespace: 'c', node: '0', 'dry-run': true as const, 'public-name': ['a', 'b c'] }
    assert.equal(
      one(again`--node ${'dc1-0'}`, given, { id: 'routes sync', args: ['x y'] }),
      "kubectl cass-sni routes sync 'x y' -n c --dry-run --public-name a --public-name 'b c' --node dc1-0",
    )
    assert.equal(
      one(again`-n ${'other'}`, given),
      "kubectl cass-sni verify --node 0 --dry-run --public-name a --public-name 'b c' -n other",
    )
    assert.equal(one(again``, { namespace: 'c' }), 'kubectl cass-sni verify -n c')
  })

  it('repeat a boolean flag in the form that says no, and replace it by the other form', () => {
    const flags: GivenFlag[] = [{ name: 'tunnel', negated: true }, { name: 'strict' }]
    assert.equal(one(again``, {}, { flags }), 'kubectl cass-sni verify --no-tunnel --strict')
    assert.equal(one(again`--tunnel`, {}, { flags }), 'kubectl cass-sni verify --strict --tunnel')
    assert.equal(one(again`--no-tunnel`, {}, { flags }), 'kubectl cass-sni verify --strict --no-tunnel')
  })

  it('repeat the command line without the flags that were wrong', () => {
    const given = { namespace: 'c', port: 9999, 'cluster-domain': 'x.y' }
    assert.equal(one(againWithout('port', 'cluster-domain'), given), 'kubectl cass-sni verify -n c')
    const forward = { port: 1, 'gateway-port': 9999 }
    assert.equal(
      one(againWithout('port'), forward, { id: 'port-forward', portFlag: 'gateway-port' }),
      'kubectl cass-sni port-forward --port 1',
    )
  })

  it('hold no statement with a password', () => {
    const given = { execute: "CREATE ROLE a WITH PASSWORD = 'secret'" }
    const text = one(again`--node 1`, given, { id: 'cqlsh-sni' })
    assert.equal(text, "kubectl cass-sni cqlsh-sni --execute '<STATEMENTS>' --node 1")
    assert.equal(one(again``, { execute: 'SELECT a FROM b' }), "kubectl cass-sni verify --execute 'SELECT a FROM b'")
  })

  it('end in the pipe that they name', () => {
    assert.equal(
      one(command`kubectl get secret ${'s'} -o jsonpath='{.data.cert}' | base64 -d`),
      "kubectl get secret s -o 'jsonpath={.data.cert}' | base64 -d",
    )
  })

  it('are told from advice, which is shown as it is', () => {
    assert.deepEqual(renderSteps([hint('try in a minute'), command`kubectl get pods`], line({ context: 'k' })), [
      { label: 'Hint', text: 'try in a minute' },
      { label: 'Try', text: 'kubectl --context k get pods' },
    ])
  })
})
