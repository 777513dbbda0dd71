import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const file = fileURLToPath(new URL('../../../bin/cache-directory.js', import.meta.url))

describe('the directory of the compile cache', () => {
  let home = ''
  let cacheOf: (env: Record<string, string>) => string | undefined
  before(async () => {
    cacheOf = (await import(file)).privateCacheDirectory
  })
  beforeEach(() => {
    home = realpathSync(mkdtempSync(join(tmpdir(), 'cass-sni-cache-')))
  })
  afterEach(() => rmSync(home, { recursive: true }))
  const own = () => join(home, 'kubectl-cass-sni')

  it('is made with mode 0700 in XDG_CACHE_HOME, else in ~/.cache', () => {
    assert.equal(cacheOf({ XDG_CACHE_HOME: home }), own())
    assert.equal(statSync(own()).mode & 0o777, 0o700)
    assert.equal(cacheOf({ XDG_CACHE_HOME: home }), own(), 'the second time')
    for (const XDG_CACHE_HOME of ['', 'relative'])
      assert.equal(cacheOf({ HOME: home, XDG_CACHE_HOME }), join(home, '.cache/kubectl-cass-sni'))
  })

  it('is not one that others can read or write', () => {
    mkdirSync(own())
    for (const mode of [0o755, 0o770, 0o707]) {
      chmodSync(own(), mode)
      assert.equal(cacheOf({ XDG_CACHE_HOME: home }), undefined, mode.toString(8))
    }
  })

  it('is not a symbolic link, nor a file', () => {
    const elsewhere = join(home, 'elsewhere')
    mkdirSync(elsewhere, { mode: 0o700 })
    symlinkSync(elsewhere, own())
    assert.equal(cacheOf({ XDG_CACHE_HOME: home }), undefined)
  })

  it('is not in a directory where another user can replace it', () => {
    const shared = join(home, 'shared')
    mkdirSync(join(shared, 'cache'), { recursive: true })
    chmodSync(shared, 0o777)
    assert.equal(cacheOf({ XDG_CACHE_HOME: join(shared, 'cache') }), undefined)
    assert.equal(existsSync(join(shared, 'cache/kubectl-cass-sni')), false)
    chmodSync(shared, 0o1777)
    assert.equal(cacheOf({ XDG_CACHE_HOME: join(shared, 'cache') }), join(shared, 'cache/kubectl-cass-sni'))
  })

  it("is not another user's, and nothing is made in the home of another user", () => {
    // This user as seen by one with another id, as under sudo with the caller's HOME.
    const { getuid } = process
    process.getuid = () => (getuid?.() ?? 0) + 1
    try {
      assert.equal(cacheOf({ HOME: home }), undefined)
      mkdirSync(own(), { mode: 0o700 })
      assert.equal(cacheOf({ XDG_CACHE_HOME: home }), undefined)
    } finally {
      if (getuid) process.getuid = getuid
    }
    assert.equal(existsSync(join(home, '.cache')), false)
  })

  it('is none when the home does not exist', () => {
    assert.equal(cacheOf({ HOME: join(home, 'no/such') }), undefined)
  })
})
