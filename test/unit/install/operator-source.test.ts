import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Question } from '../../../src/lib/events.ts'
import { chooseOperatorSource } from '../../../src/lib/workflows/install/operator-source.ts'
import type { InstallOptions, Setup } from '../../../src/lib/workflows/install/step.ts'
import { kubeInMemory } from '../../support/kube-in-memory.ts'

describe('the source of cass-operator', () => {
  let directory: string
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cass-sni-operator-'))
  })
  after(() => rm(directory, { recursive: true }))

  const setup = (answers: string[], asked: Question[]): Setup => {
    const signal = new AbortController().signal
    return {
      namespace: 'cass-operator',
      options: { kubectl: 'kubectl' } as unknown as InstallOptions,
      context: {
        kube: kubeInMemory('cass-operator', []).kube,
        signal,
        emit: () => undefined,
        dryRun: false,
        now: Date.now,
        ask: async (question) => {
          asked.push(question)
          return answers.shift() ?? ''
        },
      },
    }
  }

  it('is prompted for again after an invalid answer, with the reason', async () => {
    const manifest = join(directory, 'operator.json')
    await writeFile(
      manifest,
      JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'cass-operator' }, spec: {} }),
    )
    const asked: Question[] = []
    const source = await chooseOperatorSource(setup(['/nowhere/operator.yaml', manifest], asked))
    assert.equal(source.kind === 'manifest' && source.source, manifest)
    assert.match(
      asked[1]?.message ?? '',
      /^cannot read \/nowhere\/operator\.yaml: no such file or directory; manifest /,
    )
    const [first] = asked
    assert.match(
      first?.kind === 'text' ? (first.initial ?? '') : '',
      /^github\.com\/k8ssandra\/cass-operator\/config\/deployments\/default\?ref=v/,
    )
  })
})
