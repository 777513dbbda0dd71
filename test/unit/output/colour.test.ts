import assert from 'node:assert/strict'
import { symbols, wantsColour } from '../../../src/lib/output/color.ts'

const terminal = { isTTY: true }
const pipe = {}

describe('wantsColour', () => {
  it('colours on a terminal only', () => {
    assert.equal(wantsColour('auto', {}, terminal), true)
    assert.equal(wantsColour('auto', {}, pipe), false)
  })
  it('heeds NO_COLOR when it is not empty', () => {
    assert.equal(wantsColour('auto', { NO_COLOR: '1' }, terminal), false)
    assert.equal(wantsColour('auto', { NO_COLOR: '' }, terminal), true)
  })
  it('heeds FORCE_COLOR', () => {
    assert.equal(wantsColour('auto', { FORCE_COLOR: '1' }, pipe), true)
    assert.equal(wantsColour('auto', { FORCE_COLOR: '0' }, terminal), false)
  })
  it('heeds TERM=dumb', () => assert.equal(wantsColour('auto', { TERM: 'dumb' }, terminal), false))
  it('puts the flag above all', () => {
    assert.equal(wantsColour('always', { NO_COLOR: '1' }, pipe), true)
    assert.equal(wantsColour('never', { FORCE_COLOR: '1' }, terminal), false)
  })
})

describe('symbols', () => {
  it('are words where UTF-8 is not sure', () => {
    assert.equal(symbols({ LANG: 'C' }).ok, 'OK')
    assert.equal(symbols({ LANG: 'en_US.UTF-8' }).ok, '✔')
    assert.equal(symbols({ LANG: 'en_US.UTF-8', TERM: 'dumb' }).fail, 'FAIL')
  })
})
