import { nextTexts } from '../../support/next-texts.ts'
import assert from 'node:assert/strict'
import { operatorDesired, refuseElsewhere } from '../../../src/lib/workflows/install/operator-manifest.ts'
import { parseObjects } from '../../../src/lib/workflows/install/manifest-files.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { valueAt } from '../../../src/lib/workflows/install/field-values.ts'

const MANIFEST = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: cass-operator}
spec: {template: {metadata: {labels: {name: cass-operator}}, spec: {containers: []}}}
---
# nothing here
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ServiceAccount, metadata: {name: cass-operator}}
- {apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: cassandradatacenters.cassandra.datastax.com}}
`

describe("an operator's manifest", () => {
  it('is applied with its Deployment last, so that an operator that is there is complete', () => {
    const kinds = operatorDesired(parseObjects(MANIFEST, 'operator.yaml'), 'cass-operator').map(
      (desired) => desired.object.kind,
    )
    assert.deepEqual(kinds, ['CustomResourceDefinition', 'ServiceAccount', 'Deployment'])
  })

  it('keeps the sidecar out by label and annotation, and keeps the labels that select the pods', () => {
    const deployment = operatorDesired(parseObjects(MANIFEST, 'operator.yaml'), 'cass-operator').at(-1)?.object
    assert.deepEqual(valueAt(deployment, ['spec', 'template', 'metadata']), {
      labels: { name: 'cass-operator', 'sidecar.istio.io/inject': 'false' },
      annotations: { 'sidecar.istio.io/inject': 'false' },
    })
  })

  it('is refused when its operator looks after other namespaces only, and taken when it looks after all', () => {
    const operator = (env: object[]) => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'cass-operator', namespace: 'cass-operator' },
      spec: { template: { spec: { containers: [{ name: 'manager', env }] } } },
    })
    const own = operator([{ name: 'WATCH_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } }])
    refuseElsewhere([own], 'operator.yaml', 'cass-operator')
    refuseElsewhere([operator([])], 'operator.yaml', 'shop')
    refuseElsewhere([operator([{ name: 'WATCH_NAMESPACE', value: 'a,shop' }])], 'operator.yaml', 'shop')
    assert.throws(
      () => refuseElsewhere([own], 'operator.yaml', 'shop'),
      (error) =>
        error instanceof CassSniError &&
        /watches namespace cass-operator only, not shop/.test(error.message) &&
        nextTexts(error.next)[0]?.endsWith('-n cass-operator') === true,
    )
    assert.throws(() => refuseElsewhere([], 'operator.yaml', 'shop'), { code: 'CSNI107' })
  })

  it('reads modes of files in octal, as kubectl apply does', () => {
    const text = 'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {volumes: [{secret: {defaultMode: 0440}}]}\n'
    assert.deepEqual(parseObjects(text, 'x.yaml')[0]?.spec, { volumes: [{ secret: { defaultMode: 0o440 } }] })
  })

  for (const [name, text, why] of [
    ['no YAML', 'a: [1', /^x\.yaml: invalid YAML: /],
    ['no object', '# only a comment', /^x\.yaml: no Kubernetes objects found$/],
    ['something else', 'hello: world', /^x\.yaml: document 1 is not a Kubernetes object/],
    [
      'a bomb of aliases',
      `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]`,
      /x\.yaml/,
    ],
  ] as const) {
    it(`${name} is refused with the name of the source`, () => {
      assert.throws(
        () => parseObjects(text, 'x.yaml'),
        (error) => error instanceof CassSniError && error.code === 'CSNI107' && why.test(error.message),
      )
    })
  }
})
