import assert from 'node:assert/strict'
import {
  requestedSettings,
  settingChanges,
  type SettingTexts,
  settingsFrom,
} from '../../../src/lib/certificates/certificate-settings.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { dayDurationText, parseDayDuration } from '../../../src/lib/text/day-duration.ts'

const DAY = 24 * 60 * 60 * 1000

describe('the settings of a certificate', () => {
  it('are read from annotations as they were saved', () => {
    const settings = {
      publicNames: ['a.x.y', '10.0.0.1'],
      sans: ['b.x.y'],
      names: 'public',
      renewBeforeMs: 60 * DAY,
    } as const
    const given = { ...settings, publicNames: [...settings.publicNames], sans: [...settings.sans] }
    const saved = settingChanges({}, given)
    assert.deepEqual(saved, {
      'cass-sni/public-names': 'a.x.y,10.0.0.1',
      'cass-sni/sans': 'b.x.y',
      'cass-sni/names': 'public',
      'cass-sni/renew-before': '60d',
    })
    assert.deepEqual(settingsFrom(saved as Record<string, string>), given)
    assert.deepEqual(settingChanges(given, settingsFrom(saved as Record<string, string>)), {})
    assert.deepEqual(settingChanges(given, { publicNames: [], sans: [] }), {
      'cass-sni/public-names': '',
      'cass-sni/sans': null,
      'cass-sni/names': null,
      'cass-sni/renew-before': null,
    })
  })

  it('ignore annotations that others have written wrongly', () => {
    const settings = settingsFrom({ 'cass-sni/names': 'none', 'cass-sni/renew-before': 'soon' })
    assert.deepEqual(
      Object.values(settings).filter((each) => each !== undefined),
      [],
    )
    assert.deepEqual(settingsFrom(undefined), settingsFrom({}))
  })

  const bad: [string, SettingTexts, RegExp][] = [
    ['a SAN with a space', { sans: ['a b'] }, /"a b" for --san: expected a DNS name or IP address/],
    ['a SAN that is a URL', { sans: ['https://cass.example.com'] }, /for --san/],
    ['a SAN that is an email address', { sans: ['dba@example.com'] }, /for --san/],
    ['a SAN with a port', { sans: ['cass.example.com:9042'] }, /for --san/],
    ['a SAN that is a wildcard of everything', { sans: ['*'] }, /for --san/],
    ['an address with four digits too many', { sans: ['10.0.0.256'] }, /for --san/],
    ['a label of 64 characters', { sans: [`${'a'.repeat(64)}.example.com`] }, /for --san/],
    ['no duration', { renewBefore: 'soon' }, /"soon" for --renew-before: expected a duration/],
    ['zero', { renewBefore: '0' }, /--renew-before: expected a duration/],
    ['a negative duration', { renewBefore: '-3d' }, /--renew-before: expected a duration/],
    ['seconds', { renewBefore: '30s' }, /--renew-before: expected a duration/],
    ['as long as a certificate lasts', { renewBefore: '365d' }, /expected less than the validity of 365d/],
    ['longer', { renewBefore: '10000h' }, /expected less than the validity of 365d/],
  ]
  for (const [what, texts, message] of bad)
    it(`are refused: ${what}`, () =>
      assert.throws(
        () => requestedSettings(texts),
        (error: unknown) => {
          assert.ok(error instanceof CassSniError && error.code === 'CSNI101')
          assert.match(error.message, message)
          return error.next.length > 0
        },
      ))

  it('take names and durations as people write them', () => {
    assert.deepEqual(requestedSettings({ sans: ['A.x.y.', '2001:DB8::1,b.x.y'], renewBefore: '45' }), {
      publicNames: undefined,
      sans: ['a.x.y', '2001:db8::1', 'b.x.y'],
      names: undefined,
      renewBeforeMs: 45 * DAY,
    })
    assert.equal(requestedSettings({ renewBefore: '' }).renewBeforeMs, null)
    assert.deepEqual(requestedSettings({ sans: [''] }).sans, [])
  })

  it('have durations in days and hours', () => {
    for (const [text, ms] of [
      ['30d', 30 * DAY],
      ['720h', 30 * DAY],
      ['1d12h', 1.5 * DAY],
      ['90m', DAY / 16],
      ['7', 7 * DAY],
    ] as const)
      assert.equal(parseDayDuration(text), ms, text)
    for (const text of ['', 'd', '1.5d', '1h1d', '1w', '99999999999999999d'])
      assert.equal(parseDayDuration(text), undefined, text)
    assert.deepEqual([30 * DAY, 1.5 * DAY, DAY / 16].map(dayDurationText), ['30d', '1d12h', '1h30m'])
  })
})
