import assert from 'node:assert/strict'
import { soundAdvice } from '../../../src/lib/checks/advice.ts'
import type { CheckCode, CheckResult } from '../../../src/lib/checks/check.ts'
import { DESTINATION_RULE, NETWORK_POLICY } from '../../../src/lib/cluster/resources.ts'
import { CassSniError, command, type NextStep } from '../../../src/lib/errors.ts'
import { withFlagMismatches } from '../../../src/lib/checks/diverging-flags.ts'
import { divergingFrom } from '../../../src/lib/routes/choices.ts'
import { nextTexts } from '../../support/next-texts.ts'
import { datacenter } from '../../support/observed-datacenter.ts'

const SYNC = command`kubectl cass-sni routes sync`

function result(code: CheckCode, more: Partial<CheckResult> = {}): CheckResult {
  return { code, category: 'routes', title: code, result: 'pass', ...more }
}
const closed = (node: string, ...next: NextStep[]) =>
  result('CSNI834', { node, result: 'fail', reason: 'closed', next })

describe('advice', () => {
  const none = {
    datacenter: datacenter(),
    policies: async () => [],
    upstream: ({ pod }: { pod: string }) => ({ host: `${pod}-cql`, port: 9042 }),
  }

  it('does not lead to routes sync where the routes were just seen to be in sync', async () => {
    const results = [
      result('CSNI823'),
      result('CSNI824', { node: 'a' }),
      result('CSNI824', { node: 'b', result: 'fail', reason: 'differs', next: [SYNC] }),
      closed('a', SYNC),
      closed('b', SYNC),
    ]
    const [, , differs, a, b] = await soundAdvice(results, none)
    assert.deepEqual([differs, b], [results[2], results[4]])
    assert.deepEqual(nextTexts(a?.next), [
      'kubectl -n cass-operator get destinationrules,authorizationpolicies,peerauthentications,networkpolicies',
    ])
    assert.equal(a?.reason, 'closed (routes and certificates are in sync)')
  })

  it('names the policies that take in the pods instead, five at most', async () => {
    const policies = Array.from({ length: 7 }, (_, n) => ({
      type: n === 0 ? DESTINATION_RULE : NETWORK_POLICY,
      name: `p${n}`,
      namespace: 'cass-operator',
    }))
    const [, , failed] = await soundAdvice([result('CSNI823'), result('CSNI824', { node: 'a' }), closed('a', SYNC)], {
      ...none,
      policies: async () => policies,
    })
    assert.match(
      failed?.reason ?? '',
      /destinationrule\.networking\.istio\.io\/p0 in namespace cass-operator,.* and 2 more/,
    )
    assert.equal(
      nextTexts(failed?.next)[0],
      'kubectl -n cass-operator get destinationrules.networking.istio.io p0 -o yaml',
    )
    assert.equal(failed?.next?.length, 5)
  })

  it('names of DestinationRules those for the node', async () => {
    const [one, two] = none.datacenter.nodes.map(({ pod }) => pod)
    const rule = (name: string, ...hosts: string[]) => ({
      type: DESTINATION_RULE,
      name,
      namespace: 'cass-operator',
      hosts,
    })
    const policies = [rule('one', `${one}-cql`), rule('two', `${two}-cql`), rule('all', `${one}-cql`, `${two}-cql`)]
    const results = [result('CSNI823'), result('CSNI824', { node: two }), closed(two ?? '', SYNC)]
    const [, , failed] = await soundAdvice(results, { ...none, policies: async () => policies })
    assert.deepEqual(
      nextTexts(failed?.next),
      ['two', 'all'].map((name) => `kubectl -n cass-operator get destinationrules.networking.istio.io ${name} -o yaml`),
    )
  })

  it('does not lead to certs where every node serves what the keystore holds, but still to certs ca', async () => {
    const ca = command`kubectl cass-sni certs ca`
    const results = [
      result('CSNI835', { node: 'a', result: 'fail', reason: 'x', next: [command`kubectl cass-sni certs`, ca] }),
      result('CSNI838'),
      result('CSNI839', { node: 'a' }),
    ]
    assert.deepEqual((await soundAdvice(results, none))[0]?.next?.slice(0, 1), [ca])
    const stale = [...results.slice(0, 2), result('CSNI839', { node: 'a', result: 'fail', reason: 'other', next: [] })]
    assert.equal((await soundAdvice(stale, none))[0]?.next?.length, 2)
  })

  it('asks for policies only when advice is missing, and goes on when they may not be seen', async () => {
    const untouched = [closed('a', SYNC)]
    const never = () => Promise.reject(new Error('asked'))
    assert.deepEqual(await soundAdvice(untouched, { ...none, policies: never }), untouched)
    const forbidden = () => Promise.reject(new CassSniError('CSNI203', 'you may not'))
    const [, , failed] = await soundAdvice([result('CSNI823'), result('CSNI824', { node: 'a' }), closed('a', SYNC)], {
      ...none,
      policies: forbidden,
    })
    assert.equal(failed?.next?.length, 1)
  })
})

describe('advice for flags that differ from the routes', () => {
  const choices = { gateway: 'istio-system/istio-ingressgateway', port: 9042, clusterDomain: 'cluster.local' }
  const failed = (...next: NextStep[]) => result('CSNI822', { result: 'fail', reason: 'no port 9999', next })

  it('leads back to the routes first, and to a change of them as a dry run only', () => {
    const look = command`kubectl get pods`
    const [told, other, passed] = withFlagMismatches(
      [failed(SYNC, command`kubectl cass-sni certs`, look), failed(look), result('CSNI821')],
      divergingFrom(choices, { port: 9999 }),
    )
    assert.equal(told?.reason, 'no port 9999 (--port is 9999, routes use 9042)')
    assert.deepEqual(nextTexts(told?.next), [
      'kubectl cass-sni verify',
      'kubectl cass-sni routes sync --dry-run',
      'kubectl cass-sni certs --dry-run',
      'kubectl get pods',
    ])
    assert.deepEqual(other, failed(look))
    assert.deepEqual(passed, result('CSNI821'))
  })

  it('says nothing where the flags agree, or nothing is known of routes', () => {
    const same = { gateway: 'istio-ingressgateway', port: 9042, clusterDomain: 'cluster.local' }
    assert.deepEqual(divergingFrom(choices, same), [])
    assert.deepEqual(divergingFrom(choices, {}), [])
    assert.deepEqual(divergingFrom({}, { gateway: 'a/b', port: 1, clusterDomain: 'x' }), [])
    const plain = [failed(SYNC)]
    assert.deepEqual(withFlagMismatches(plain, []), plain)
  })

  it('tells each flag that differs', () => {
    const given = { gateway: 'edge/istio-ingressgateway', port: 1, clusterDomain: 'x' }
    assert.deepEqual(
      divergingFrom(choices, given).map(({ flag }) => flag),
      ['gateway', 'port', 'cluster-domain'],
    )
  })
})
