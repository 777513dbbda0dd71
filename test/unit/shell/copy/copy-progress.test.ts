import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { CopyProgress } from '../../../../src/lib/shell/copy/copy-progress.ts'

describe('progress of COPY', () => {
  const shown = async (terminal: boolean, seconds?: number): Promise<string> => {
    let text = ''
    const note = (line: string): void => {
      text += line
    }
    const progress = new CopyProgress({ note, terminal }, 'imported', seconds)
    await sleep(5)
    progress.add(10)
    progress.note('a note')
    progress.end()
    return text
  }

  it('is a line each time where it was asked for, off a terminal', async () => {
    assert.match(await shown(false, 0.001), /^10 rows imported, \d+ rows\/s \(average \d+\)\na note\n$/)
    assert.equal(await shown(false), 'a note\n')
  })

  it('is one line that is replaced on a terminal', async () => {
    assert.match(
      await shown(true, 0.001),
      /^\r\u001b\[2K10 rows imported, \d+ rows\/s \(average \d+\)\r\u001b\[2Ka note\n$/,
    )
  })
})
