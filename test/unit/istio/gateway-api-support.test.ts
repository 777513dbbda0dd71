/** Which Istio serves which version of TLSRoute. */
import { equal } from 'node:assert/strict'
import { unsupportedByIstio } from '../../../src/lib/istio/gateway-api-support.ts'
import type { Istiod } from '../../../src/lib/istio/mesh.ts'
import { nextTexts } from '../../support/next-texts.ts'

const istiod = (version: string | undefined, alphaGatewayApi?: true): Istiod => ({
  namespace: 'istio-system',
  deployment: 'istiod',
  revision: 'default',
  version,
  ready: true,
  alphaGatewayApi,
})

describe('TLSRoutes', () => {
  const refusal = (version: string, ...istiods: Istiod[]) => unsupportedByIstio({ istiods }, { version })
  const grid: [istio: Istiod, served: string, message: RegExp | undefined][] = [
    [istiod('1.31.0'), 'v1', undefined],
    [istiod('1.30.0'), 'v1', undefined],
    [istiod('2.0.1'), 'v1', undefined],
    [istiod('1.31.0'), 'v1alpha2', /^Istio 1\.31\.0 \(.*\) ignores TLSRoute v1alpha2: Gateway API 1\.5 or later/],
    [istiod('1.29.2', true), 'v1', /^Istio 1\.29\.2 \(.*\) ignores Gateway API 1\.5 and later/],
    [istiod('1.29.2', true), 'v1alpha2', undefined],
    [istiod('1.26.0'), 'v1alpha2', /PILOT_ENABLE_ALPHA_GATEWAY_API is not set$/],
    [istiod(undefined), 'v1alpha2', undefined],
  ]
  for (const [istio, served, message] of grid)
    it(`${served} with Istio ${istio.version ?? 'of unknown version'}${istio.alphaGatewayApi ? ', alpha API on' : ''}`, () => {
      const found = refusal(served, istio)
      if (message === undefined) return equal(found, undefined)
      equal(found?.code, 'CSNI509')
      equal(message.test(found?.message ?? ''), true, found?.message)
      equal(nextTexts(found?.next)[1], 'kubectl cass-sni verify --api istio')
    })

  it('are refused only if no control plane serves them', () => {
    equal(refusal('v1', istiod('1.29.2'), istiod('1.30.1')), undefined)
    equal(refusal('v1'), undefined)
  })
})
