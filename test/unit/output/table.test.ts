import assert from 'node:assert/strict'
import { formatTable, width } from '../../../src/lib/output/table.ts'

describe('width', () => {
  const cases: [string, number][] = [
    ['abc', 3],
    ['日本', 4],
    ['🙂', 2],
    ['e\u0301', 1],
    ['\u001b[31mred\u001b[39m', 3],
    ['', 0],
  ]
  for (const [text, expected] of cases)
    it(`of ${JSON.stringify(text)} is ${expected}`, () => assert.equal(width(text), expected))
})

describe('formatTable', () => {
  it('aligns columns, also with wide characters, and leaves no blanks at the end', () => {
    const rows = [
      { name: '日本', count: 5 },
      { name: 'node-0', count: 12 },
    ]
    const text = formatTable(rows, [
      { title: 'NAME', cell: (row) => row.name },
      { title: 'N', cell: (row) => row.count, align: 'right' },
      { title: 'EMPTY', cell: () => undefined },
    ])
    assert.equal(text, 'NAME      N   EMPTY\n日本      5\nnode-0   12')
  })

  it('is empty without rows', () => assert.equal(formatTable([], [{ title: 'A', cell: () => '' }]), ''))
})
