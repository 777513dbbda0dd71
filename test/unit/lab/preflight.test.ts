import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { requireDisk, requireMemory, requireRootOnLinux } from '../../../lab/preflight.ts'

describe('what the lab needs', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cass-sni-preflight-'))
  })
  after(() => rm(folder, { recursive: true }))

  it('too little memory is one sentence', async () => {
    const meminfo = join(folder, 'meminfo')
    await writeFile(meminfo, 'MemTotal:       8000000 kB\nMemAvailable:   1048576 kB\n')
    await assert.rejects(requireMemory(5, meminfo), {
      name: 'LabError',
      message: 'not enough memory: the lab needs 5 GB, 1.0 GB available',
    })
    await requireMemory(1, meminfo)
  })

  it('too little disk is one sentence, for a folder that is not there yet too', async () => {
    const path = join(folder, 'not/yet')
    await assert.rejects(requireDisk(path, 1_000_000), {
      name: 'LabError',
      message: /^not enough disk space: .*not\/yet needs 1000000 GB, [\d.]+ GB available$/,
    })
    await requireDisk(path, 0)
  })

  it('who is not root, or not on Linux, is told so in one sentence', () => {
    const { getuid } = process
    const platform = Object.getOwnPropertyDescriptor(process, 'platform') ?? {}
    try {
      process.getuid = () => 1000
      assert.throws(requireRootOnLinux, {
        name: 'LabError',
        message: 'permission denied: the lab requires root; use sudo',
      })
      Object.defineProperty(process, 'platform', { ...platform, value: 'darwin' })
      assert.throws(requireRootOnLinux, { name: 'LabError', message: /^The lab needs Linux .*; this is darwin\.$/ })
    } finally {
      if (getuid !== undefined) process.getuid = getuid
      Object.defineProperty(process, 'platform', platform)
    }
  })
})
