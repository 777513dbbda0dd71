import assert from 'node:assert/strict'
import { parseYaml, YamlError } from '../../../src/lib/cluster/kubernetes-yaml.ts'

describe('YAML as kubectl reads it', () => {
  /** What `kubectl label --local -f FILE -o json` (v1.34.4) makes of each scalar. */
  const SCALARS: [string, unknown][] = [
    ['y', true],
    ['N', false],
    ['yes', true],
    ['Off', false],
    ['TRUE', true],
    ['0440', 288],
    ['-0440', -288],
    ['0o440', 288],
    ['0x1F', 31],
    ['0X1F', 31],
    ['-0x1f', -31],
    ['0b101', 5],
    ['08', 8],
    ['1_000', 1000],
    ['_1', '_1'],
    ['1:30', '1:30'],
    ['190:20:30', '190:20:30'],
    ['1:30.5', '1:30.5'],
    ['2001-12-14', '2001-12-14'],
    ['2001-12-14t21:59:43.10-05:00', '2001-12-14t21:59:43.10-05:00'],
    ['1e3', 1000],
    ['.5', 0.5],
    ['~', null],
    ['"0440"', '0440'],
    ['!!binary aGVsbG8=', 'hello'],
    ['!!str 123', '123'],
    ['=', '='],
  ]
  for (const [text, value] of SCALARS) {
    it(`reads ${text} as ${JSON.stringify(value)}`, () => assert.deepEqual(parseYaml(`v: ${text}`), [{ v: value }]))
  }

  it('merges, and takes the last of two equal keys', () => {
    const text = 'base: &b {q: 1, w: 2}\nmerged: {<<: *b, w: 3}\nseveral: {<<: [*b, {z: 9}], w: 4}\ndup: 1\ndup: 2\n'
    assert.deepEqual(parseYaml(text), [
      { base: { q: 1, w: 2 }, merged: { q: 1, w: 3 }, several: { q: 1, w: 4, z: 9 }, dup: 2 },
    ])
  })

  it('reads several documents, JSON, and none', () => {
    assert.deepEqual(parseYaml('a: 1\n---\n---\n{"b": [yes]}\n'), [{ a: 1 }, null, { b: [true] }])
    assert.deepEqual(parseYaml(''), [])
  })

  it('tells the line of a mistake and quotes nothing', () => {
    const mistake = (error: unknown) =>
      error instanceof YamlError && error.line === 3 && !/geheim/.test(`${error.message}`)
    assert.throws(() => parseYaml('a: 1\nb: {token: "geheim}\n'), mistake)
  })

  it('refuses a text that unfolds into far more than it holds', () => {
    const laughs = ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
    for (let i = 1; i < 9; i++)
      laughs.push(
        `a${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      )
    assert.throws(() => parseYaml(laughs.join('\n')), YamlError)
  })
})
