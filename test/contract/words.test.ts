/**
 * The words of everything that is read: help, messages, comments and names in the source, README and docs.
 *
 * A finding names the place, the phrase and what to write instead. Rewrite the sentence, not only the word; when the
 * phrase is right in one context, add that context to `except` in forbidden-words.ts.
 *
 * Paths with old words are listed in words-pending.ts. When you have cleaned one up, delete its line: a listed path
 * without findings fails the last test here. Never add a path. What is left to do in one path:
 *
 *     node test/contract/words.ts src/lib/cluster
 */
import assert from 'node:assert/strict'
import { allFindings, findings } from './words.ts'
import { PENDING } from './words-pending.ts'

describe('the words', () => {
  const found = allFindings()
  const pending = new Set(PENDING)

  it('are those of the field, in help, messages, comments, names and documentation', () =>
    assert.deepEqual(
      found.filter(({ path }) => !pending.has(path)).map(({ place, problem }) => `${place}: ${problem}`),
      [],
    ))

  it('are pending only where there is something left to do', () =>
    assert.deepEqual(
      PENDING.filter((path) => !found.some((finding) => finding.path === path)),
      [],
      'clean: delete these lines from words-pending.ts',
    ))
})

describe('a finding', () => {
  const problems = (path: string, text: string) =>
    findings(path, text).map(({ place, problem }) => `${place}: ${problem}`)

  it('names the line, the phrase and what to write', () =>
    assert.deepEqual(problems('docs/x.md', 'One.\n\nThe server may\nnot start.'), [
      'docs/x.md:3: "may not": write cannot',
    ]))

  it('is not made of a phrase within one that is fine', () =>
    assert.deepEqual(problems('docs/x.md', 'It looks like Go, and stands for nothing.'), []))

  it('is made of a template, of joined strings, of a comment and of a name, each once', () =>
    assert.deepEqual(
      problems(
        'src/x.ts',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: source under test
        "// the folder\n// of x\nconst told = `the ${a ? 'colour' : 'x'} folder`\nf('may ' + 'not')\n",
      ),
      [
        'src/x.ts:1: "folder": write directory',
        'src/x.ts:3: name told: write reported',
        'src/x.ts:3: "folder": write directory',
        'src/x.ts:3: "colour": write color',
        'src/x.ts:4: "may not": write cannot',
      ],
    ))

  it('is made of an error that begins with a capital or ends with a period', () =>
    assert.deepEqual(
      problems('src/x.ts', "new CassSniError('CSNI101', 'Unknown flag.')\nhint('Istio is not installed')\n"),
      ['src/x.ts:1: begins with a capital: "Unknown flag."', 'src/x.ts:1: ends with a period: "Unknown flag."'],
    ))
})
