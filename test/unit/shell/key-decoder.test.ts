import assert from 'node:assert/strict'
import { type Key, KeyDecoder } from '../../../src/lib/shell/line-editor/key-decoder.ts'

function decoded(...pieces: (string | Buffer)[]): Key[] {
  const decoder = new KeyDecoder()
  return [...pieces.flatMap((piece) => decoder.push(piece)), ...decoder.flush()]
}

function names(...pieces: string[]): string[] {
  return decoded(...pieces).map((key) => (key.type === 'key' ? key.name : `${key.type}:${key.text}`))
}

describe('keys of a terminal', () => {
  it('text, controls, and the sequences of xterm, Linux and rxvt', () => {
    assert.deepEqual(names('ab\r\n\t\x7f\x08\x01\x1f\x00'), [
      'text:ab',
      'enter',
      'C-j',
      'tab',
      'backspace',
      'C-h',
      'C-a',
      'C-_',
      'C-@',
    ])
    assert.deepEqual(names('\x1b[A\x1bOB\x1b[1;5C\x1b[1;3D\x1b[H\x1b[4~\x1b[3~\x1b[3;5~\x1b[Z'), [
      'up',
      'down',
      'C-right',
      'M-left',
      'home',
      'end',
      'delete',
      'C-delete',
      'S-tab',
    ])
    assert.deepEqual(names('\x1bb\x1b\x7f\x1b\x1b[D\x1b[[A\x1b[99~x'), [
      'M-b',
      'M-backspace',
      'M-left',
      'unknown',
      'unknown',
      'text:x',
    ])
  })

  it('a key cut anywhere is the same key', () => {
    assert.deepEqual(names('\x1b', '[', '1;', '5', 'D', 'x'), ['C-left', 'text:x'])
    assert.deepEqual(names('\x1b'), ['escape'])
    const [key, second] = decoded(...[...Buffer.from('é漢')].map((byte) => Buffer.from([byte])))
    assert.deepEqual(
      [key, second],
      [
        { type: 'text', text: 'é' },
        { type: 'text', text: '漢' },
      ],
    )
  })

  it('a paste is one key, whatever is in it and wherever it is cut', () => {
    const text = 'a\tb\r\nc\rd\x1b[A\x03\n'
    const whole = `x\x1b[200~${text}\x1b[201~y`
    const wanted = ['text:x', 'paste:a\tb\nc\nd\x1b[A\x03\n', 'text:y']
    assert.deepEqual(names(whole), wanted)
    for (let cut = 1; cut < whole.length; cut += 1)
      assert.deepEqual(names(whole.slice(0, cut), whole.slice(cut)), wanted, `cut at ${cut}`)
    assert.deepEqual(names(...whole), wanted)
  })
})
