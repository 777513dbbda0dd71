import assert from 'node:assert/strict'
import { printable, printableLine } from '../../../src/lib/text/untrusted.ts'

describe('printable', () => {
  const cases: [string, string, string][] = [
    ['colors', '\u001b[31mred\u001b[0m', 'red'],
    ['a window title that would run as a command', 'a\u001b]0;rm -rf\u0007b', 'ab'],
    ['an unterminated string sequence', 'a\u001b]0;rest', 'a'],
    ['8-bit CSI', 'a\u009b31mb', 'ab'],
    ['device control strings', 'a\u001bP1$r\u001b\\b', 'ab'],
    ['backspace and carriage return', 'safe\b\b\b\bevil\rX', 'safeevilX'],
    ['bidirectional overrides', 'user\u202eexe.txt', 'userexe.txt'],
    ['what has no width', 'ad\u200bmin\u2060\u00ad\u{e0001}', 'admin'],
    ['a lone escape', 'a\u001b', 'a'],
  ]
  for (const [what, input, expected] of cases) it(`takes out ${what}`, () => assert.equal(printable(input), expected))

  it('leaves text, tabs and newlines', () => assert.equal(printable('Zürich\t日本\n🙂'), 'Zürich\t日本\n🙂'))
  it('makes one line of several', () => assert.equal(printableLine(' a\n\tb \u001b[1mc'), 'a b c'))
})
