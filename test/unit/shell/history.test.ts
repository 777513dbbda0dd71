import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { historyFile, keepHistory, loadHistory, remembered } from '../../../src/lib/shell/history.ts'
import { redacted } from '../../../src/lib/shell/password-redaction.ts'

describe('history', () => {
  it('keeps no password', () => {
    for (const statement of [
      "CREATE ROLE app WITH PASSWORD = 'hunter2' AND LOGIN = true;",
      "alter user app with password 'hunter2';",
      "ALTER ROLE app\nWITH /* ' */ password='it''s hunter2'",
      'CREATE ROLE app WITH PASSWORD = $$hunter2$$;',
      "CREATE ROLE app WITH HASHED PASSWORD = 'hunter2",
      "LOGIN app 'hunter2'",
      'select 1; login "my app" hunter2;',
      'LOGIN app hun;ter2 hunter2',
      'LOGIN app --hunter2',
      'LOGIN app-1--hunter2',
      // mistyped
      "ALTER USER x WITH PASSWRD 'hunter2'",
      "ALTER USR x WITH PASSWORD 'hunter2'",
      "CRATE ROLE x WITH PASSWORD = 'hunter2'",
      'CREATE ROLE x WITH PASSWORD = "hunter2"',
      'CREATE USER x WITH PASSWORD hunter2-!hunter2 SUPERUSER',
      "CREATE ROLE x -- 'hunter2'\nWITH PASSWORD = '1' // hunter2",
      "CREATE TABLE a (b text); ALTER ROLE x WITH PASSWORD = 'hunter2",
    ]) {
      assert.doesNotMatch(redacted(statement), /hunter2/, statement)
      assert.match(redacted(statement), /\*\*\*/)
    }
  })

  it('keeps what is no password', () => {
    for (const statement of [
      "SELECT 'x' FROM t",
      "SELECT * FROM user WHERE role = 'x' AND password = 'y';",
      "INSERT INTO users (password) VALUES ('x'); UPDATE roles SET user = 'x';",
      "CREATE TABLE t (user text, password text) WITH comment = 'x'",
      "GRANT 'a' TO 'b'; DROP ROLE 'x'; LIST ROLES OF 'x'",
      "-- it's a comment\nSELECT 'x'",
    ])
      assert.equal(redacted(statement), statement)
    assert.equal(
      redacted('CREATE ROLE x WITH GENERATED PASSWORD AND LOGIN = true'),
      'CREATE ROLE x WITH GENERATED PASSWORD AND LOGIN = true',
    )
    assert.equal(
      redacted("CREATE ROLE x WITH PASSWORD = 'a' AND LOGIN = true; SELECT 'b'"),
      "CREATE ROLE x WITH PASSWORD = '***' AND LOGIN = true; SELECT 'b'",
    )
  })

  it('is redacted in time in proportion to its length', () => {
    const started = performance.now()
    redacted(`ALTER ROLE x WITH${'\n'.repeat(1_000_000)}PASSWORD = '${"''".repeat(1_000_000)}'`)
    assert.ok(performance.now() - started < 5_000)
  })

  it('remembers several lines as one, when that means the same', () => {
    assert.deepEqual(remembered(['SELECT *', '  FROM t;']), ['SELECT * FROM t;'])
    assert.deepEqual(remembered(['SELECT 1 -- one', ', 2;']), ['SELECT 1 -- one', ', 2;'])
    assert.deepEqual(remembered(["SELECT 'a", "b';"]), ["SELECT 'a", "b';"])
    assert.deepEqual(remembered(["ALTER ROLE x WITH PASSWORD = 'a", "b';"]), ["ALTER ROLE x WITH PASSWORD = '***';"])
    assert.deepEqual(remembered(['', '  ']), [])
  })

  it('is a file that only its owner can read, also when it was not', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'history-'))
    try {
      const file = historyFile({ XDG_CACHE_HOME: folder })
      assert.deepEqual(await loadHistory(file), [])
      assert.equal(await keepHistory(file, ['SELECT 1;', 'EXIT']), true)
      assert.equal((await stat(file)).mode & 0o777, 0o600)
      await chmod(file, 0o644)
      assert.deepEqual(await loadHistory(file), ['SELECT 1;', 'EXIT'])
      assert.equal((await stat(file)).mode & 0o777, 0o600)
      await writeFile(file, Array.from({ length: 2_500 }, (_, index) => `line ${index}\n`).join(''))
      assert.equal((await loadHistory(file)).length, 1_000)
      assert.equal((await readFile(file, 'utf8')).split('\n').length, 1_001)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('goes without when the file cannot be written', async () => {
    assert.equal(await keepHistory('/dev/null/history', ['x']), false)
  })
})
