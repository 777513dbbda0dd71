import assert from 'node:assert/strict'
import { injectionContradiction, injectionLabels, namespaceInjection } from '../../../src/lib/istio/injection.ts'
import type { Mesh } from '../../../src/lib/istio/mesh.ts'
import { nextTexts } from '../../support/next-texts.ts'

function mesh(revisions: string[], tags: Record<string, string> = {}): Mesh {
  return {
    istiods: revisions.map((revision) => ({ namespace: 'istio-system', deployment: 'istiod', revision, ready: true })),
    gateways: [],
    revisionTags: Object.entries(tags).map(([tag, revision]) => ({ tag, revision })),
  }
}

describe('injection by the labels of a namespace', () => {
  it('is read as Istio reads it: istio-injection before istio.io/rev, and both before ambient', () => {
    assert.deepEqual(namespaceInjection({}), { mode: 'none', labels: [] })
    assert.equal(namespaceInjection({ 'istio-injection': 'enabled', 'istio.io/rev': 'canary' }).revision, 'default')
    assert.equal(namespaceInjection({ 'istio.io/rev': 'canary' }).revision, 'canary')
    assert.equal(namespaceInjection({ 'istio-injection': 'disabled', 'istio.io/rev': 'canary' }).mode, 'declined')
    assert.equal(namespaceInjection({ 'istio.io/dataplane-mode': 'ambient' }).mode, 'ambient')
  })

  for (const [what, labels, of] of [
    ['the default revision', { 'istio-injection': 'enabled' }, mesh(['default'])],
    ['a tag for the default', { 'istio-injection': 'enabled' }, mesh(['1-31'], { default: '1-31' })],
    ['a revision', { 'istio.io/rev': 'canary' }, mesh(['default', 'canary'])],
    ['a tag', { 'istio.io/rev': 'prod-stable' }, mesh(['1-31'], { 'prod-stable': '1-31' })],
    [
      'both labels for one control plane',
      { 'istio-injection': 'enabled', 'istio.io/rev': '1-31' },
      mesh(['1-31'], { default: '1-31' }),
    ],
    ['an Istio out of sight', { 'istio.io/rev': 'elsewhere' }, mesh([])],
  ] as const) {
    it(`by ${what} is no contradiction`, () => assert.equal(injectionContradiction('ns', labels, of), undefined))
  }

  it('by both labels is an error that names both', () => {
    const labels = { 'istio-injection': 'enabled', 'istio.io/rev': 'canary' }
    const error = injectionContradiction('ns', labels, mesh(['default', 'canary']))
    assert.equal(error?.code, 'CSNI505')
    assert.match(error?.message ?? '', /istio-injection=enabled and istio\.io\/rev=canary/)
  })

  it('by a label that no control plane answers is an error with the label that one does', () => {
    const error = injectionContradiction('ns', { 'istio-injection': 'enabled' }, mesh(['canary']))
    assert.match(error?.message ?? '', /no revision or tag "default" \(available: canary\)/)
    assert.equal(nextTexts(error?.next)[0], 'kubectl label namespace ns istio-injection- istio.io/rev=canary')
    const gone = injectionContradiction('ns', { 'istio.io/rev': 'old' }, mesh(['1-31'], { prod: '1-31' }))
    assert.match(gone?.message ?? '', /no revision or tag "old" \(available: 1-31, prod\)/)
  })

  it('goes by the tag where there is one beside its revision', () => {
    assert.deepEqual(injectionLabels(mesh(['1-31'], { 'prod-stable': '1-31' })), { 'istio.io/rev': 'prod-stable' })
    assert.deepEqual(injectionLabels(mesh(['1-31'], { 'prod-stable': '1-31' }), 'prod-stable'), {
      'istio.io/rev': 'prod-stable',
    })
  })
})
