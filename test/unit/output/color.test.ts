import assert from 'node:assert/strict'
import { symbols, wantsColor } from '../../../src/lib/output/color.ts'

const terminal = { isTTY: true }
const pipe = {}

describe('wantsColor', () => {
  it('colors on a terminal only', () => {
    assert.equal(wantsColor('auto', {}, terminal), true)
    assert.equal(wantsColor('auto', {}, pipe), false)
  })
  it('heeds NO_COLOR when it is not empty', () => {
    assert.equal(wantsColor('auto', { NO_COLOR: '1' }, terminal), false)
    assert.equal(wantsColor('auto', { NO_COLOR: '' }, terminal), true)
  })
  it('heeds FORCE_COLOR', () => {
    assert.equal(wantsColor('auto', { FORCE_COLOR: '1' }, pipe), true)
    assert.equal(wantsColor('auto', { FORCE_COLOR: '0' }, terminal), false)
  })
  it('heeds TERM=dumb', () => assert.equal(wantsColor('auto', { TERM: 'dumb' }, terminal), false))
  it('puts the flag above all', () => {
    assert.equal(wantsColor('always', { NO_COLOR: '1' }, pipe), true)
    assert.equal(wantsColor('never', { FORCE_COLOR: '1' }, terminal), false)
  })
})

describe('symbols', () => {
  it('are words where UTF-8 is not sure', () => {
    assert.equal(symbols({ LANG: 'C' }).ok, 'OK')
    assert.equal(symbols({ LANG: 'en_US.UTF-8' }).ok, '✔')
    assert.equal(symbols({ LANG: 'en_US.UTF-8', TERM: 'dumb' }).fail, 'FAIL')
  })
})
