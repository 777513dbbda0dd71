import { nextTexts } from '../../support/next-texts.ts'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { apiError } from '../../../src/lib/cluster/api-errors.ts'
import { SECRET } from '../../../src/lib/cluster/resources.ts'
import { shell } from '../../../src/lib/text/shell-words.ts'
import { printable } from '../../../src/lib/text/untrusted.ts'

/** What a shell hands to the program of a pasted line; a line that runs anything else fails. */
function pasted(line: string): string[] {
  const told = execFileSync('/bin/sh', ['-c', `PATH=/nowhere\nkubectl() { printf '<%s>' "$@"; }\n${line}\n`], {
    encoding: 'utf8',
  })
  return told.slice(1, -1).split('><')
}

const HOSTILE = ['a; touch /tmp/x', '$(id)', '`id`', "it's", 'a b', '', '~', '*', 'a\nid', 'x & y', '#c', '"q']

describe('lines to paste', () => {
  it('hold each name as one word', () => {
    for (const name of HOSTILE)
      assert.deepEqual(pasted(shell`kubectl get pod ${name} -n ${name}`), [
        'get',
        'pod',
        name.replace('\n', ''),
        '-n',
        name.replace('\n', ''),
      ])
    assert.equal(
      shell`kubectl get pod ${'dc1-0'} -l ${'a.b/c=d,e=f'} --port ${9042}`,
      'kubectl get pod dc1-0 -l a.b/c=d,e=f --port 9042',
    )
    assert.equal(shell`kubectl delete ${['a', 'b c']}`, "kubectl delete a 'b c'")
  })

  it('stay so when the terminal’s border has taken control characters out', () => {
    const line = printable(shell`kubectl get ${'x\u001b'} -n ${'; touch /tmp/x #'} ${'\u009d'} ${"'; id; '"}`)
    assert.deepEqual(pasted(line), ['get', 'x', '-n', '; touch /tmp/x #', '', "'; id; '"])
  })

  it('of a refusal name a context and an object of any name', () => {
    const target = {
      context: 'c; id',
      cluster: 'c',
      user: 'u',
      server: 'https://x',
      namespace: 'n',
      namespaceGiven: true,
    }
    const unauthorized = apiError(401, '', { verb: 'get', path: '/x' }, target)
    assert.match(nextTexts(unauthorized.next)[0] ?? '', /^log in again/)
    const forbidden = apiError(403, '', { verb: 'get', type: SECRET, name: 'x; id', namespace: 'n; id' }, target)
    assert.deepEqual(pasted(nextTexts(forbidden.next)[0] ?? ''), [
      'auth',
      'can-i',
      'get',
      'secrets/x; id',
      '-n',
      'n; id',
    ])
  })
})
