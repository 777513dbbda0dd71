import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { renderSteps } from '../../src/lib/cli/next-steps.ts'
import { NO_FLAGS } from '../support/next-texts.ts'
import { commands, root } from './manifest.ts'

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

  it('address the cluster of the command line, whichever command they are', () => {
    const line = { ...NO_FLAGS, flags: [{ name: 'context', value: 'c' }] }
    for (const { id } of commands) {
      const words = id.replaceAll(':', ' ')
      const [step] = renderSteps([{ program: 'kubectl', args: ['cass-sni', ...words.split(' ')] }], line)
      assert.equal(step?.text, `kubectl cass-sni ${words} --context c`)
    }
  })
})
