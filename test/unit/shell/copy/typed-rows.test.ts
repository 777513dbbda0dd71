import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { renderSteps } from '../../../../src/lib/cli/next-steps.ts'
import { terminalSource } from '../../../../src/lib/shell/statement-source.ts'
import { NO_FLAGS } from '../../../support/next-texts.ts'
import { bracketed, KEY } from '../../../support/terminal.ts'
import { type FakeSession, fakeShell } from '../fake-session.ts'
import { FakeCluster } from './fake-cluster.ts'

describe('COPY FROM STDIN at a terminal', () => {
  let folder = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cass-sni-typed-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  /** Types the keys once COPY asks for rows, then Ctrl-D. Resolves with what is left. */
  async function typed(keys: string, later = ''): Promise<{ shown: string; ids: number[]; history: string }> {
    const [input, output] = [new PassThrough(), new PassThrough({ encoding: 'utf8' })]
    let shown = ''
    output.on('data', (text: string) => {
      shown += text
    })
    const note = (text: string): void => void output.write(text)
    const write = async (text: string): Promise<void> => note(text)
    const env = { XDG_CACHE_HOME: folder, HOME: folder, TERM: 'xterm' }
    const steps = (next: Parameters<typeof renderSteps>[0]) => renderSteps(next, NO_FLAGS)
    const source = terminalSource(
      { input, output },
      { env, write, note, red: (text) => text, historyDisabled: false, steps },
    )
    const cluster = new FakeCluster({
      columns: [
        { name: 'id', kind: 'partition_key', position: 0, type: 'int' },
        { name: 'v', type: 'text' },
      ],
    })
    const io = { ...(await source.open()), write, note, noteTerminal: true }
    const { shell } = fakeShell(cluster.session() as FakeSession, io)
    const ended = source.run(shell, new AbortController().signal)
    const until = async (wanted: RegExp): Promise<void> => {
      for (let tries = 0; tries < 400 && !wanted.test(shown); tries += 1)
        await new Promise((resolve) => setTimeout(resolve, 5))
      assert.match(shown, wanted)
    }
    await until(/> $/)
    input.write(`COPY t (id, v) FROM STDIN WITH CHUNKSIZE = 2 AND ERRFILE = '${join(folder, 'err')}';\r`)
    await until(/\[Use \. on a separate line to end input\][\s\S]*\[copy\] $/)
    input.write(keys)
    if (later !== '') await until(/\[copy\] 3,three\r\n[\s\S]*\[copy\] $/)
    input.write(later)
    await until(/imported from stdin[\s\S]*> $/)
    input.write(KEY.ctrlD)
    await ended
    source.close()
    return {
      shown,
      ids: cluster.written.map(([id]) => id?.readInt32BE() ?? Number.NaN).toSorted((a, b) => a - b),
      history: await readFile(join(folder, 'kubectl-cass-sni', 'cqlsh_history'), 'utf8'),
    }
  }

  it('reads rows until a line with a dot, and does not remember them', async () => {
    for (const end of ['.', '\\.']) {
      const { ids, history, shown } = await typed(`1,one\r2,"a\r${'b"'}\r${end}\r`)
      assert.deepEqual(ids, [1, 2])
      assert.match(history, /COPY t/)
      assert.doesNotMatch(history, /one|b"/)
      assert.doesNotMatch(shown, /rows\/s/)
    }
  })

  it('ends with Ctrl-D as well', async () => {
    assert.deepEqual((await typed(`1,one\r${KEY.ctrlD}`)).ids, [1])
  })

  it('reads pasted rows; what follows the dot is the next statement', async () => {
    const { ids, shown } = await typed(`${bracketed('1,one\n2,two\n.\nHELP EXIT')}\r\r`)
    assert.deepEqual(ids, [1, 2])
    assert.match(shown, /imported from stdin[\s\S]*> HELP EXIT/)
  })

  it('is canceled by Ctrl-C', async () => {
    for (const before of ['', '1,o', '1,one\r']) {
      const { ids, shown } = await typed(before + KEY.ctrlC)
      assert.deepEqual(ids, [])
      assert.match(shown, /\n0 rows imported from stdin[^\n]*\ncanceled \[CSNI902\]\n/)
    }
  })

  it('canceled after some rows, says where to resume', async () => {
    const { ids, shown } = await typed('1,one\r2,two\r3,three\r', KEY.ctrlC)
    assert.deepEqual(ids, [1, 2])
    assert.match(shown, /\ncanceled: COPY stopped after row 2 \[CSNI902\]\n {2}Hint: .*SKIPROWS=2\n/)
  })
})
