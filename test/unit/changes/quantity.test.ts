import assert from 'node:assert/strict'
import { quantity } from '../../../src/lib/changes/schema.ts'

describe('quantities', () => {
  for (const [one, other] of [
    ['1', '1000m'],
    ['1Gi', '1024Mi'],
    ['1.5Gi', '1536Mi'],
    ['1k', '1000'],
    ['1e3', '1k'],
    ['0.1', '100m'],
    ['-1', '-1000m'],
    ['1E', '1000P'],
    ['.5', '500m'],
  ] as const) {
    it(`${one} is ${other}`, () => assert.equal(quantity(one), quantity(other)))
  }
  for (const [one, other] of [
    ['1G', '1Gi'],
    ['1', '1001m'],
  ] as const) {
    it(`${one} is not ${other}`, () => assert.notEqual(quantity(one), quantity(other)))
  }
  for (const text of ['', 'x', '1 Gi', '1Gib', '--1'])
    it(`"${text}" is none`, () => assert.equal(quantity(text), undefined))
})
