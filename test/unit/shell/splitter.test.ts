import assert from 'node:assert/strict'
import { splitStatements, StatementSplitter } from '../../../src/lib/shell/statement-splitter.ts'

function texts(input: string): string[] {
  const { statements, rest } = splitStatements(input)
  return [...statements, ...(rest.statement === undefined ? [] : [rest.statement])].map((statement) => statement.text)
}

/** Numbers that look random and are the same in every run. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >>> 8) % below
  }
}

describe('statement splitter', () => {
  const cases: [string, string, string[]][] = [
    ['nothing', '', []],
    ['only spaces and semicolons', ' ;;\n ; ', []],
    ['two statements', 'SELECT 1; SELECT 2;', ['SELECT 1', 'SELECT 2']],
    ['several lines', 'SELECT *\n  FROM t\n;\n', ['SELECT *\n  FROM t']],
    ['semicolon in a string', "INSERT INTO t (a) VALUES ('a;b');", ["INSERT INTO t (a) VALUES ('a;b')"]],
    ['doubled quotes', "SELECT 'it''s; fine'; X;", ["SELECT 'it''s; fine'", 'X']],
    ['semicolon in a quoted name', 'SELECT "a;""b" FROM t; X;', ['SELECT "a;""b" FROM t', 'X']],
    ['dollar strings', "SELECT $$ it's; $ not; -- over $$; X;", ["SELECT $$ it's; $ not; -- over $$", 'X']],
    [
      'a function body',
      'CREATE FUNCTION f() AS $$ return "a;\'b"; $$; X;',
      ['CREATE FUNCTION f() AS $$ return "a;\'b"; $$', 'X'],
    ],
    ['line comments', "-- it's; a comment\nSELECT 1; // don't; either\nSELECT 2;", ['SELECT 1', 'SELECT 2']],
    ['a comment within', "SELECT 1 -- a; 'b\n, 2;", ["SELECT 1 -- a; 'b\n, 2"]],
    ['block comments', "/* ; ' */ SELECT /* ; */ 1; /* end */", ['SELECT /* ; */ 1']],
    ['comment signs in strings', "SELECT '-- /* //'; X;", ["SELECT '-- /* //'", 'X']],
    ['minus and division', 'SELECT 3-1, 4/2 FROM t; X;', ['SELECT 3-1, 4/2 FROM t', 'X']],
    [
      'a batch',
      'BEGIN BATCH INSERT 1; UPDATE 2; APPLY BATCH; X;',
      ['BEGIN BATCH INSERT 1; UPDATE 2; APPLY BATCH', 'X'],
    ],
    [
      'an unlogged batch in lower case',
      'begin unlogged batch insert 1;\napply\nbatch; X;',
      ['begin unlogged batch insert 1;\napply\nbatch', 'X'],
    ],
    [
      'APPLY BATCH in a string',
      "BEGIN BATCH INSERT 'APPLY BATCH'; UPDATE 1; APPLY BATCH;",
      ["BEGIN BATCH INSERT 'APPLY BATCH'; UPDATE 1; APPLY BATCH"],
    ],
    ['BEGIN that is no batch', 'BEGIN nonsense; X;', ['BEGIN nonsense', 'X']],
    [
      'shell commands end with their line',
      'CONSISTENCY QUORUM\nSELECT 1;\nDESCRIBE TABLES\nexit\n',
      ['CONSISTENCY QUORUM', 'SELECT 1', 'DESCRIBE TABLES', 'exit'],
    ],
    ['a shell command with a semicolon', 'PAGING OFF; SELECT 1;', ['PAGING OFF', 'SELECT 1']],
    ['the question mark', '?\nSELECT 1;', ['?', 'SELECT 1']],
    ['a file name with a semicolon', "SOURCE 'a;b.cql'\nX;", ["SOURCE 'a;b.cql'", 'X']],
    ['a word of a command inside of CQL', 'SELECT a\n, source\nFROM t;', ['SELECT a\n, source\nFROM t']],
    ['CRLF', 'SELECT 1;\r\nCONSISTENCY\r\nSELECT 2;\r\n', ['SELECT 1', 'CONSISTENCY', 'SELECT 2']],
    ['a last one without a semicolon', 'SELECT 1', ['SELECT 1']],
    ['a line comment before the semicolon', 'SELECT 1 -- one\n; X // y\n ;', ['SELECT 1', 'X']],
    ['a line comment at the end', 'SELECT 1 -- one', ['SELECT 1']],
    ['a line comment that a carriage return ends', 'SELECT -- one\r1; X;', ['SELECT -- one\r1', 'X']],
    ['a block comment at the end', 'SELECT 1 /* one */ ; X /* ; */', ['SELECT 1', 'X']],
    ['only comments', '-- a\n/* b */ // c', []],
    [
      'comments behind shell commands',
      'CONSISTENCY QUORUM -- for the writes\nPAGING OFF // all\nDESCRIBE /* all */ TABLES /* \n */\nX;',
      ['CONSISTENCY QUORUM', 'PAGING OFF', 'DESCRIBE /* all */ TABLES', 'X'],
    ],
    [
      'all commands of cqlsh that end with their line',
      'HISTORY\nDEBUG\nLOGIN app\nCAPTURE OFF\n? SELECT\nSHOW HOST\nCLS\nX\n;',
      ['HISTORY', 'DEBUG', 'LOGIN app', 'CAPTURE OFF', '? SELECT', 'SHOW HOST', 'CLS', 'X'],
    ],
    [
      'COPY, which takes several lines',
      "COPY t\n FROM 'x'\n WITH HEADER = true;\nX;",
      ["COPY t\n FROM 'x'\n WITH HEADER = true", 'X'],
    ],
    [
      'a transaction',
      'begin transaction LET a = (SELECT 1); IF a IS NULL THEN INSERT 1; END IF commit /* now */ transaction; X;',
      ['begin transaction LET a = (SELECT 1); IF a IS NULL THEN INSERT 1; END IF commit /* now */ transaction', 'X'],
    ],
    ['BEGIN behind a sign', '(BEGIN BATCH; X;', ['(BEGIN BATCH', 'X']],
  ]
  for (const [name, input, expected] of cases) it(name, () => assert.deepEqual(texts(input), expected))

  it('tells where a statement begins', () => {
    const { statements } = splitStatements("-- first\n  SELECT 1;  SELECT\n2;\n'x\n';y;")
    assert.deepEqual(
      statements.map(({ line, column }) => [line, column]),
      [
        [2, 3],
        [2, 14],
        [4, 1],
        [5, 3],
      ],
    )
  })

  for (const [input, what, line, column] of [
    ["SELECT 1;\nSELECT 'a", 'string', 2, 8],
    ['SELECT $$abc', 'string', 1, 8],
    ['SELECT "abc', 'quoted name', 1, 8],
    ['SELECT 1 /* abc', 'comment', 1, 10],
    ['SELECT 1;\n\n /* abc; SELECT 2;', 'comment', 3, 2],
    ['\nBEGIN BATCH INSERT 1;', 'batch', 2, 1],
    ['BEGIN TRANSACTION SELECT 1;', 'transaction', 1, 1],
  ] as const)
    it(`finds the open ${what} of ${JSON.stringify(input)}`, () => {
      const { open } = splitStatements(input).rest
      assert.deepEqual([open?.what, open?.at.line, open?.at.column], [what, line, column])
    })

  it('takes nothing for open that is not', () => {
    assert.equal(splitStatements('SELECT 1 -- abc').rest.open, undefined)
    assert.equal(splitStatements('SELECT 1 -').rest.statement?.text, 'SELECT 1 -')
    assert.equal(splitStatements('/* */ /').rest.open, undefined)
  })

  it('takes time in proportion to the input, whatever a statement begins with', () => {
    const took = (lines: number): number => {
      const started = process.cpuUsage()
      splitStatements(`(${'1,\n'.repeat(lines)});`)
      const { user, system } = process.cpuUsage(started)
      return user + system
    }
    took(10_000)
    // 20 times the input took 400 times as long
    assert.ok(took(400_000) < 80 * Math.max(took(20_000), 2_000))
  })

  it('is pending within a statement or a comment, not between statements', () => {
    const splitter = new StatementSplitter()
    assert.equal(splitter.pending, false)
    splitter.push('SELECT 1\n')
    assert.equal(splitter.pending, true)
    splitter.push(';\n-- remark\n')
    assert.equal(splitter.pending, false)
    splitter.push('/* more\n')
    assert.equal(splitter.pending, true)
    splitter.discard()
    assert.equal(splitter.pending, false)
    assert.deepEqual(
      splitter.push('X;').map(({ text, line }) => [text, line]),
      [['X', 5]],
    )
  })

  it('finds the same wherever the input is cut, and its statements are parts of the input at their place', () => {
    const parts = [
      "'",
      '"',
      '$',
      '$$',
      ';',
      '-',
      '--',
      '/',
      '*',
      '/*',
      '*/',
      '//',
      '\n',
      ' ',
      'a',
      'BEGIN ',
      'BATCH ',
      'APPLY BATCH',
      'SELECT 1',
      'EXIT',
      'é',
      '😀',
      '\r\n',
    ]
    const random = generator(7)
    for (let round = 0; round < 3_000; round += 1) {
      const input = Array.from({ length: 1 + random(25) }, () => parts[random(parts.length)]).join('')
      const whole = splitStatements(input)
      const splitter = new StatementSplitter()
      const pieces = []
      for (let at = 0; at < input.length; ) {
        const length = 1 + random(4)
        pieces.push(...splitter.push(input.slice(at, at + length)))
        at += length
      }
      assert.deepEqual({ statements: pieces, rest: splitter.end() }, whole, JSON.stringify(input))
      let end = 0
      for (const { text, offset, line, column } of [
        ...whole.statements,
        ...(whole.rest.statement ? [whole.rest.statement] : []),
      ]) {
        assert.ok(offset >= end)
        assert.equal(input.slice(offset, offset + text.length), text)
        const before = input.slice(0, offset).split('\n')
        assert.deepEqual([line, column], [before.length, (before.at(-1)?.length ?? 0) + 1], JSON.stringify(input))
        end = offset + text.length
      }
    }
  })

  it('splits what was joined again', () => {
    const statements = [
      "SELECT 'a;''b'",
      'SELECT "x;y" FROM t',
      'SELECT $$;$$',
      'BEGIN BATCH UPDATE 1; APPLY BATCH',
      'SELECT 1 /* ; */ + 2',
      'SELECT -1',
    ]
    const random = generator(3)
    for (let round = 0; round < 500; round += 1) {
      const chosen = Array.from({ length: random(8) }, () => statements[random(statements.length)] ?? '')
      assert.deepEqual(texts(chosen.map((text) => `${text};`).join(random(2) === 0 ? '\n' : '-- c;\n')), chosen)
    }
  })
})
