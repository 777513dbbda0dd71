import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readAuthorityFile } from '../../../src/lib/workflows/authority-file.ts'
import { testAuthority } from '../connection/certificates.ts'

describe('the certificate authority that a user names', () => {
  let directory: string
  let pem: string
  const signal = new AbortController().signal
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'cass-sni-ca-'))
    ;({ pem } = await testAuthority('dc1 CA'))
  })
  after(() => rmSync(directory, { recursive: true }))
  const read = (text: string) => {
    const file = join(directory, 'ca.pem')
    writeFileSync(file, text)
    return readAuthorityFile(file, signal)
  }

  it('is read with all its certificates, and text around them', async () => {
    const text = `# of dc1\n${pem}\n${pem}\n`
    assert.equal(await read(text), text)
  })

  it('is refused if a certificate is invalid, which OpenSSL would skip', async () => {
    const lines = pem.trim().split('\n')
    const cases: [string, RegExp][] = [
      ['hello', /ca\.pem: no PEM certificate found$/],
      [lines.slice(0, -1).join('\n'), /: incomplete PEM certificate$/],
      [lines.toSpliced(2, 1).join('\n'), /: invalid certificate: [^:]+$/],
      [lines.with(2, `*${lines[2]?.slice(1)}`).join('\n'), /: invalid certificate: [^:]+$/],
      [`${pem}\n${lines.toSpliced(2, 1).join('\n')}\n`, /: invalid certificate 2 of 2: [^:]+$/],
    ]
    for (const [text, message] of cases) await assert.rejects(read(text), { code: 'CSNI107', message }, String(message))
  })
})
