import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHECKS, RETIRED } from '../../src/lib/checks/registry.ts'
import { CassSniError, ERROR_CODES, EXIT, type ErrorCode } from '../../src/lib/errors.ts'
import { root } from './manifest.ts'

const text = readFileSync(join(root, 'docs/errors.md'), 'utf8')
const codes = Object.keys(ERROR_CODES) as ErrorCode[]

/** The part of docs/errors.md about one code. */
function section(code: string): string {
  return new RegExp(`^### ${code}: .*\\n([^#]*)`, 'm').exec(text)?.[1] ?? ''
}

describe('the error codes', () => {
  it('are in order', () => assert.deepEqual(codes, [...codes].sort()))

  it('are documented in the same order with the same words', () => {
    const headings = [...text.matchAll(/^### (.*)$/gm)].map(([, heading]) => heading)
    assert.deepEqual(
      headings,
      codes.map((code) => `${code}: ${ERROR_CODES[code].title}`),
    )
  })

  it('are explained, with their exit code where it is not 1', () => {
    for (const code of codes) {
      assert.ok(section(code).trim().length > 20, code)
      const { exitCode } = new CassSniError(code, '')
      const named = /Exit\s+code (\d+)\./.exec(section(code))?.[1]
      assert.equal(named === undefined ? EXIT.failed : Number(named), exitCode, code)
    }
  })

  it('are all used somewhere', () => {
    const source = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && name !== join('lib', 'errors.ts'))
      .map((name) => readFileSync(join(root, 'src', name), 'utf8'))
      .join('\n')
    const unused = codes.filter(
      (code) =>
        !source.includes(code) && !('RETIRED' in ERROR_CODES[code]) && !ERROR_CODES[code].title.includes('RETIRED'),
    )
    // Given by errors.ts itself, and by verify as a whole.
    assert.deepEqual(
      unused.filter((code) => !['CSNI801', 'CSNI903'].includes(code)),
      [],
    )
  })
})

describe('the codes of checks', () => {
  it('are not those of errors, and unique', () => {
    const all = [...codes, ...CHECKS.map(({ code }) => code), ...RETIRED]
    assert.equal(new Set(all).size, all.length)
  })

  it('are documented in the same order with the same words', () => {
    const rows = [...text.matchAll(/^\| (CSNI8\d\d) \| (.*?) \|/gm)].map(([, code, title]) => `${code} ${title}`)
    assert.deepEqual(
      rows,
      CHECKS.map(({ code, title }) => `${code} ${title}`),
    )
  })
})
