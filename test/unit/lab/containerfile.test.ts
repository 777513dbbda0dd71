import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { lastStage } from '../../../lab/build/containerfile.ts'
import { checkout } from '../../../lab/layout.ts'

describe("the lab's reading of the Containerfile", () => {
  it('finds the base, the files, the user and the entry point of the last stage', () => {
    const stage = lastStage(readFileSync(join(checkout, 'Containerfile'), 'utf8'))
    assert.match(stage.from, /^gcr\.io\/distroless\/nodejs24-debian\d+:nonroot$/)
    assert.equal(stage.sources, '/source')
    assert.equal(stage.user, 65_532)
    assert.equal(stage.entrypoint[0], '/nodejs/bin/node')
    const program = stage.entrypoint.at(-1) ?? ''
    assert.ok(stage.copies.some(({ target }) => program === target || program.startsWith(`${target}/`)))
    for (const { source } of stage.copies) assert.match(source, /^\/source\//)
  })

  it('refuses an instruction that it would leave out', () => {
    assert.throws(() => lastStage('FROM a AS build\nFROM b\nRUN x\n'), /does not build "RUN x"/)
    assert.throws(() => lastStage('FROM b\nCOPY a b\n'), /does not build "COPY a b"/)
  })
})
