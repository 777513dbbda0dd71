/** `cqlsh-sni --print-env` and `--print-cqlshrc` against a real API server: the files that they write. */
import { deepEqual, equal, match } from 'node:assert/strict'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { apiServer, type TestServer } from '../support/api-server.ts'
import { createDatacenter, type TestDatacenter } from '../support/cluster-state.ts'
import { runCommand } from '../support/command.ts'
import { createMesh, type TestMesh } from '../support/mesh-state.ts'

describe('files for other clients', function () {
  this.timeout(60_000)
  let server: TestServer
  let mesh: TestMesh
  let dc: TestDatacenter
  let home: string

  before(async () => {
    server = await apiServer()
    mesh = await createMesh(server, { namespace: await server.namespace('istio') })
    dc = await createDatacenter(server, { namespace: await server.namespace('cass') })
    home = await mkdtemp(join(tmpdir(), 'cqlsh-files-'))
  })
  after(() => Promise.all([mesh.remove(), dc.remove(), rm(home, { recursive: true, force: true })]))

  const cqlsh = (...words: string[]) =>
    runCommand(['cqlsh-sni', ...words, '-n', dc.namespace, '--kubeconfig', server.kubeconfig])

  it('do not overwrite what a user wrote there, through a link neither, unless told to', async () => {
    const theirs = '[ui]\ncolor = on\n'
    const cqlshrc = join(home, 'cqlshrc')
    const link = join(home, 'link')
    await writeFile(cqlshrc, theirs)
    await symlink('cqlshrc', link)
    for (const words of [
      ['--print-cqlshrc', '--out', cqlshrc],
      ['--print-env', '--out', link],
      ['--print-env', '--ca-out', link],
    ]) {
      const { exitCode, stderr } = await cqlsh(...words)
      equal(exitCode, 2, stderr)
      match(
        stderr,
        /already exists with different content \[CSNI104\]\n {2}Try: kubectl cass-sni cqlsh-sni .* --yes\n$/,
      )
      equal(await readFile(cqlshrc, 'utf8'), theirs)
    }
    const written = await cqlsh('--print-cqlshrc', '--out', cqlshrc, '--yes')
    deepEqual([written.exitCode, written.stdout], [0, ''], written.stderr)
    match(written.stderr, /cqlshrc written\n/)
    match(await readFile(cqlshrc, 'utf8'), /^\[connection\]$/m)
    const again = await cqlsh('--print-cqlshrc', '--out', cqlshrc)
    equal(again.exitCode, 0)
    match(again.stderr, /cqlshrc unchanged\n/)
  })

  it('are stdout with -', async () => {
    const { exitCode, stdout } = await cqlsh('--print-env', '--out', '-')
    equal(exitCode, 0)
    match(stdout, /CQLSH_HOST/)
    equal((await cqlsh('--print-env', '--ca-out', '-')).exitCode, 2)
  })
})
