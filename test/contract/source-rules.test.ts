import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { FOR_ALL, LAYERS, type Layer } from '../../build/source-layers.ts'
import { brokenRules } from '../../build/source-rules.ts'
import { root } from './manifest.ts'

describe('the rules of the source', () => {
  it('hold', () => assert.deepEqual(brokenRules(root), []))

  it('are broken by a file of no layer, a name that stands twice and a line that is too long', () => {
    const project = mkdtempSync(join(tmpdir(), 'cass-sni-source-'))
    const files: Record<string, string> = {
      'src/lib/errors.ts': `${'x'.repeat(120)}\n${'x'.repeat(121)}\n`,
      'src/lib/loose.ts': 'x',
      'src/other/main.ts': 'x',
      'src/lib/cli/main.ts': 'x',
      'src/commands/status.ts': 'x',
      'src/commands/routes/status.ts': 'x',
    }
    try {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(project, path)), { recursive: true })
        writeFileSync(join(project, path), text)
      }
      assert.deepEqual(brokenRules(project), [
        'src/lib/cli/main.ts: has the name of src/other/main.ts',
        'src/lib/errors.ts:2: is 121 columns wide, 120 at most',
        'src/lib/loose.ts: belongs to no layer',
        'src/other/main.ts: belongs to no layer',
        'src/other/main.ts: has the name of src/lib/cli/main.ts',
      ])
    } finally {
      rmSync(project, { recursive: true })
    }
  })
})

describe('the table of layers in CONTRIBUTING.md', () => {
  const rows = [
    ...readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8').matchAll(/^\| `(src\/[^|]*?)` \|.*\| (.*?) \|$/gm),
  ]
  const named = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(', ')

  /** What a row has to say of a layer's imports. */
  function imports({ name, may, mayTypes = [], mayFiles = [] }: Layer): string {
    if (name === 'ground') return 'nothing; all may import it'
    const file = (pattern: string) =>
      `\`${pattern
        .replace(/^\^src\/lib\//, '')
        .replaceAll('\\', '')
        .replace(/\$$/, '')}\``
    const parts = [
      may.length > 0 ? named(may) : '',
      mayFiles.length > 0 ? mayFiles.map(file).join(', ') : '',
      mayTypes.length > 0 ? `types of ${named(mayTypes)}` : '',
    ].filter((part) => part !== '')
    return parts.length === 0 ? 'nothing' : parts.join('; ')
  }

  it('is the one that the lint applies', () => {
    const ofFile = (path: string) =>
      LAYERS.find(({ files }) => new RegExp(files).test(`${path}x.ts`) || new RegExp(files).test(path))
    const told = Object.fromEntries(rows.map(([, path = '', text]) => [ofFile(path.split('`')[0] ?? '')?.name, text]))
    assert.deepEqual(told, Object.fromEntries(LAYERS.map((layer) => [layer.name, imports(layer)])))
    assert.ok(FOR_ALL)
  })
})
