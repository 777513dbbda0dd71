import { nextTexts } from '../../support/next-texts.ts'
import assert from 'node:assert/strict'
import type { KubeTarget } from '../../../src/lib/cluster/kube.ts'
import { type ApiRequest, isRace, apiError, unreachable } from '../../../src/lib/cluster/api-errors.ts'
import { ISTIO_GATEWAY, NAMESPACE, POD, SECRET, SERVICE } from '../../../src/lib/cluster/resources.ts'

const target: KubeTarget = {
  context: 'prod',
  cluster: 'c',
  user: 'jane',
  server: 'https://api:6443',
  namespace: 'ns',
  namespaceGiven: true,
}
const status = (reason: string, message: string, details: object = {}) =>
  JSON.stringify({ kind: 'Status', reason, message, details })
const patchService: ApiRequest = { verb: 'patch', type: SERVICE, name: 'x', namespace: 'ns' }

describe('errors of the API server', () => {
  const cases: [string, number, string, ApiRequest, string, RegExp, RegExp?][] = [
    [
      '401',
      401,
      status('Unauthorized', 'Unauthorized'),
      patchService,
      'CSNI202',
      /https:\/\/api:6443.*"jane".*"prod"/,
      /kubectl --context prod auth whoami/,
    ],
    [
      '403',
      403,
      status(
        'Forbidden',
        'services "x" is forbidden: User "jane" cannot patch resource "services" in API group "" in the namespace "ns"',
      ),
      patchService,
      'CSNI203',
      /^user "jane" cannot patch services "x" in namespace ns$/,
      /kubectl auth can-i patch services\/x -n ns[\s\S]*docs\/permissions\.yaml && kubectl create rolebinding cass-sni-datacenter -n ns --clusterrole=cass-sni-datacenter --user=jane$/,
    ],
    [
      "403 in the gateway's namespace, of a service account",
      403,
      status('Forbidden', 'User "system:serviceaccount:ci:it\'s" cannot list resource "pods"'),
      { verb: 'list', type: POD, namespace: 'istio-system' },
      'CSNI203',
      /cannot list pods in namespace istio-system$/,
      / kubectl create rolebinding cass-sni-gateway -n istio-system --clusterrole=cass-sni-gateway --user='system:serviceaccount:ci:it'\\''s'$/,
    ],
    [
      '403 across namespaces',
      403,
      status('Forbidden', 'User "jane" cannot list resource'),
      { verb: 'list', type: ISTIO_GATEWAY },
      'CSNI203',
      /gateways.networking.istio.io cluster-wide$/,
      / -A$[\s\S]*kubectl create clusterrolebinding cass-sni-mesh --clusterrole=cass-sni-mesh --user=jane$/m,
    ],
    [
      '403 of a cluster-wide kind',
      403,
      status('Forbidden', 'User "jane" cannot list resource'),
      { verb: 'list', type: NAMESPACE },
      'CSNI203',
      /cannot list namespaces$/,
    ],
    [
      '403 of an admission plugin',
      403,
      status('Forbidden', 'services "x" is forbidden: exceeded quota: q'),
      patchService,
      'CSNI206',
      /exceeded quota/,
    ],
    [
      '404 of the kind',
      404,
      '404 page not found',
      { verb: 'list', type: ISTIO_GATEWAY, namespace: 'ns' },
      'CSNI205',
      /does not serve Gateway/,
      /api-resources/,
    ],
    [
      '404 of the namespace',
      404,
      status('NotFound', 'namespaces "ns" not found', { name: 'ns', kind: 'namespaces' }),
      patchService,
      'CSNI204',
      /^namespace "ns" not found$/,
    ],
    [
      '404 of the pod',
      404,
      status('NotFound', 'pods "x" not found', { name: 'x', kind: 'pods' }),
      { verb: 'create', type: POD, name: 'x', namespace: 'ns', subresource: 'exec' },
      'CSNI204',
      /^pod\/x in namespace ns not found$/,
    ],
    [
      '409 of a field',
      409,
      status('Conflict', 'Apply failed', {
        causes: [
          { reason: 'FieldManagerConflict', message: 'conflict with "kubectl-edit" using v1', field: '.spec.type' },
        ],
      }),
      patchService,
      'CSNI207',
      /\.spec\.type is managed by "kubectl-edit"/,
      /--show-managed-fields/,
    ],
    [
      '422',
      422,
      status('Invalid', 'all of it', { causes: [{ field: 'spec.ports', message: 'Required value' }] }),
      patchService,
      'CSNI206',
      /spec\.ports: Required value$/,
    ],
    [
      'a webhook',
      500,
      status('InternalError', 'admission webhook "v.example.com" denied the request: no'),
      patchService,
      'CSNI206',
      /denied the request: no/,
    ],
    [
      '500',
      500,
      status('InternalError', 'etcd is away'),
      patchService,
      'CSNI208',
      /\(API server error 500\): etcd is away/,
      /readyz/,
    ],
    [
      'etcd, for an object that is too large',
      500,
      status('InternalError', 'etcdserver: request is too large'),
      patchService,
      'CSNI213',
      /cannot patch service\/x in namespace ns: object is too large$/,
      /max-request-bytes/,
    ],
    ['429', 429, '', patchService, 'CSNI208', /overloaded/],
  ]
  for (const [what, code, body, request, expected, message, next] of cases) {
    it(what, () => {
      const error = apiError(code, body, request, target)
      assert.equal(error.code, expected)
      assert.match(error.message, message)
      if (next !== undefined) assert.match(nextTexts(error.next).join('\n'), next)
    })
  }

  it('never quotes a Secret', () => {
    const request: ApiRequest = { verb: 'patch', type: SECRET, name: 's', namespace: 'ns' }
    const invalid = apiError(
      422,
      status('Invalid', 'data[x]: Invalid value: "geheim"', {
        causes: [{ field: 'data[x]', message: 'Invalid value: "geheim"' }],
      }),
      request,
      target,
    )
    const failed = apiError(500, status('InternalError', 'failed to decode geheim'), request, target)
    for (const error of [invalid, failed])
      assert.doesNotMatch(JSON.stringify([error.message, error.stack, String(error.cause)]), /geheim/)
    assert.match(invalid.message, /data\[x\]/)
  })

  it('distinguishes a concurrent change from a field manager conflict', () => {
    assert.equal(isRace(apiError(409, status('Conflict', 'the object has been modified'), patchService, target)), true)
    const conflict = status('Conflict', '', {
      causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "x"', field: '.a' }],
    })
    assert.equal(isRace(apiError(409, conflict, patchService, target)), false)
  })
})

describe('failures below HTTP', () => {
  const coded = (code: string, message = 'm') => Object.assign(new Error(message), { code })
  it('names the server, the context and the reason', () => {
    const error = unreachable(coded('ECONNREFUSED'), target)
    assert.equal(error.code, 'CSNI201')
    assert.match(error.message, /cannot reach the API server https:\/\/api:6443 \(context "prod"\): connection refused/)
    assert.deepEqual(nextTexts(error.next), ['kubectl --context prod cluster-info'])
  })
  it('reports an untrusted certificate', () =>
    assert.match(
      unreachable(coded('CERT_HAS_EXPIRED', 'certificate has expired'), target).message,
      /^cannot verify the certificate of .*: certificate has expired/,
    ))
  it('unpacks the failures of several addresses', () =>
    assert.match(unreachable(new AggregateError([coded('ECONNREFUSED')]), target).message, /connection refused/))
  it('blames the kubeconfig for a key that cannot be read', () =>
    assert.equal(unreachable(coded('ERR_OSSL_PEM_NO_START_LINE'), target).code, 'CSNI103'))
})
