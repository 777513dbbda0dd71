import assert from 'node:assert/strict'
import { commands } from './manifest.ts'

describe('the commands', () => {
  it('are those of the walk', () => {
    const ids = commands.map(({ id }) => id)
    for (const id of ['install', 'certs', 'certs:ca', 'routes:sync', 'port-forward', 'cqlsh-sni', 'verify'])
      assert.ok(ids.includes(id), `${id} is missing`)
  })

  for (const { id, summary, description, examples = [], flags } of commands) {
    describe(id, () => {
      it('has a summary of one sentence', () => {
        assert.match(summary ?? '', /^[A-Z].*\.$/)
        assert.ok(!summary?.includes('\n'))
      })
      it('has a description that says more than the summary', () =>
        assert.ok((description?.length ?? 0) > (summary?.length ?? 0)))
      it('has two examples or more that start with kubectl cass-sni', () => {
        const lines = examples.map((example) => (typeof example === 'string' ? example : example.command))
        assert.ok(lines.length >= 2, `${lines.length} examples`)
        for (const line of lines)
          assert.match(line, /^(kubectl cass-sni|<%= config\.bin %>) (<%= command\.id %>|[a-z])/)
      })
      it('explains each flag', () => {
        for (const flag of Object.values(flags))
          assert.ok(flag.summary || flag.description || flag.hidden, `--${flag.name}`)
      })
      it('has the kubectl flags', () => {
        const names = [
          'namespace',
          'context',
          'kubeconfig',
          'cluster',
          'user',
          'as',
          'as-group',
          'as-uid',
          'request-timeout',
          'output',
          'v',
          'color',
        ]
        for (const name of names) assert.ok(flags[name], `--${name}`)
        assert.equal(flags.namespace?.char, 'n')
        assert.equal(flags.output?.char, 'o')
        assert.equal(flags.v?.char, 'v')
      })
      it('uses no letter twice', () => {
        const chars = Object.values(flags).flatMap(({ char }) => char ?? [])
        assert.equal(new Set(chars).size, chars.length)
      })
    })
  }
})
