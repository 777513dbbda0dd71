import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './manifest.ts'

/** What stands for a value that only the user knows. */
const INVENTED = /\b[A-Z]{3,}\b|example\.com|203\.0\.113\.|\/path\/to|…/

describe('proposed commands', () => {
  it('are complete: none invents a value, or leaves one to be filled in', () => {
    const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    )
    const templates = files.flatMap((file) =>
      [...readFileSync(join(root, 'src', file), 'utf8').matchAll(/\b(?:command|again)`([^`]*)`/g)].map(
        ([, text = '']) => `${file}: ${text.replace(/\$\{[^}]*\}/g, '')}`,
      ),
    )
    assert.ok(templates.length > 100)
    assert.deepEqual(
      templates.filter((text) => INVENTED.test(text)),
      [],
    )
  })
})
