/**
 * The shell beside Apache's cqlsh 6.2: the same statements, commands and mistakes through both, on the lab's datacenter.
 * Where they differ on purpose, test/fixtures/cqlsh-differences.json says so, and docs/cqlsh.md says why.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Case, Difference, ProcessCase } from '../support/cqlsh-corpus/case.ts'
import { COMMAND_CASES } from '../support/cqlsh-corpus/commands.ts'
import { MISTAKE_CASES } from '../support/cqlsh-corpus/mistakes.ts'
import { PROCESS_CASES } from '../support/cqlsh-corpus/processes.ts'
import { STATEMENT_CASES } from '../support/cqlsh-corpus/statements.ts'
import { VALUE_CASES } from '../support/cqlsh-corpus/values.ts'
import { CQLSH_COMMAND, CQLSH_ENVIRONMENT, installCqlsh } from '../support/apache-cqlsh.ts'
import { ourErrors, theirErrors } from '../support/cqlsh-corpus/canonical-output.ts'
import {
  type CorpusShell,
  prepare,
  type Printed,
  printedAlone,
  printedTogether,
} from '../support/cqlsh-corpus/run-cases.ts'
import { CHECKOUT, LAB_NETWORK, labEnvironment, must, NAMESPACE, object, plugin, run } from '../support/lab.ts'

const GROUPS: Record<string, Case[]> = {
  values: VALUE_CASES,
  statements: STATEMENT_CASES,
  mistakes: MISTAKE_CASES,
  commands: COMMAND_CASES,
}
const TOGETHER = Object.values(GROUPS).flat()
const LONGEST_MS = 240_000
/** One a line, each with its reason. */
const DIFFERENCES: Difference[] = JSON.parse(
  readFileSync(join(CHECKOUT, 'test/fixtures/cqlsh-differences.json'), 'utf8'),
)

describe("cqlsh-sni beside Apache's cqlsh", () => {
  let ours = new Map<string, Printed>()
  let theirs = new Map<string, Printed>()
  let shells: { ours: CorpusShell; theirs: CorpusShell } | undefined

  before(async function () {
    this.timeout(900_000)
    await installCqlsh()
    const environment = await labEnvironment()
    const home = environment['HOME'] ?? ''
    const pod = await object<{ status: { podIP: string } }>('pod', 'dse-dc1-default-sts-0')
    const cqlshrc = join(home, 'corpus-cqlshrc')
    const files = ['--with-password', '--out', cqlshrc, '--ca-out', join(home, 'corpus-ca.pem'), '--yes']
    await must(
      plugin(['cqlsh-sni', '-n', NAMESPACE, '--print-cqlshrc', '--address', pod?.status.podIP ?? '', ...files]),
    )
    shells = {
      ours: {
        keyspace: 'corpus_a',
        directory: join(home, 'corpus_a'),
        goOn: ['--continue-on-error'],
        errors: ourErrors,
        run: (args, options) => plugin(['cqlsh-sni', '-n', NAMESPACE, ...args], options),
      },
      theirs: {
        keyspace: 'corpus_b',
        directory: join(home, 'corpus_b'),
        goOn: [],
        errors: theirErrors,
        run: (args, options) => {
          const env = { ...environment, ...CQLSH_ENVIRONMENT }
          // Its default of 10 s is too short for a schema change on a busy machine.
          const command = [...CQLSH_COMMAND, '--cqlshrc', cqlshrc, '--request-timeout', '120', ...args]
          return run('nsenter', [`--net=${LAB_NETWORK}`, ...command], { timeoutMs: LONGEST_MS, ...options, env })
        },
      },
    }
    // One after the other: two changes of the schema at once are not what is tested.
    for (const shell of Object.values(shells)) await prepare(shell)
    ;[ours, theirs] = await Promise.all([printed(shells.ours), printed(shells.theirs)])
  })

  after(async function () {
    this.timeout(60_000)
    for (const { keyspace } of Object.values(shells ?? {})) {
      const drop = `DROP KEYSPACE IF EXISTS ${keyspace}; DROP ROLE IF EXISTS ${keyspace}_reader`
      await must(plugin(['cqlsh-sni', '-n', NAMESPACE, '-e', drop]))
    }
  })

  for (const [group, cases] of Object.entries({ ...GROUPS, processes: PROCESS_CASES as ProcessCase[] })) {
    it(`${group}: the same rows, texts and exit codes, but for what is meant to differ`, () => {
      const unmeant = cases
        .flatMap(({ id }) => differencesOf(id, ours.get(id), theirs.get(id)))
        .filter((found) => !isMeant(found))
      assert.equal(unmeant.length, 0, `${unmeant.length} differences:\n${unmeant.map(literal).join('\n')}`)
    })
  }

  it('every difference that is meant still exists', () => {
    const found = [...ours.keys()].flatMap((id) => differencesOf(id, ours.get(id), theirs.get(id)))
    const gone = DIFFERENCES.flatMap((meant) =>
      casesOf(meant)
        .filter((id) => !found.some((each) => each.case === id && each.of === meant.of))
        .map((id) => `${id} (${meant.of})`),
    )
    assert.deepEqual(gone, [])
  })

  it('every reason for a difference is a heading of docs/cqlsh.md', async () => {
    const page = await readFile(join(CHECKOUT, 'docs/cqlsh.md'), 'utf8')
    const headings = new Set([...page.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading))
    const missing = new Set(DIFFERENCES.map(({ why }) => why).filter((why) => !headings.has(why)))
    assert.deepEqual([...missing], [])
  })
})

/** What all cases print, by id. */
async function printed(shell: CorpusShell): Promise<Map<string, Printed>> {
  const all = await printedTogether(shell, TOGETHER)
  for (const each of PROCESS_CASES) all.set(each.id, await printedAlone(shell, each))
  return all
}

interface Found {
  case: string
  of: Difference['of']
  ours: string
  theirs: string
}

function differencesOf(id: string, ours: Printed | undefined, theirs: Printed | undefined): Found[] {
  return (['stdout', 'stderr', 'exit code'] as const).flatMap((of) => {
    const [a, b] = [ours?.[of] ?? '(not reached)', theirs?.[of] ?? '(not reached)']
    return a === b ? [] : [{ case: id, of, ours: a, theirs: b }]
  })
}

function casesOf({ case: ids }: Difference): readonly string[] {
  return typeof ids === 'string' ? [ids] : ids
}

function isMeant(found: Found): boolean {
  return DIFFERENCES.some(
    (meant) =>
      meant.of === found.of &&
      casesOf(meant).includes(found.case) &&
      meant.ours === found.ours &&
      meant.theirs === found.theirs,
  )
}

/** As it would stand in the fixture. */
function literal({ case: id, of, ours, theirs }: Found): string {
  return JSON.stringify({ case: id, of, ours, theirs, why: '' })
}
