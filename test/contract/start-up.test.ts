import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { helpTexts, VERSION_PLACE } from '../../build/commands.ts'
import { root } from './manifest.ts'

const entry = join(root, 'bin/run.js')

function run(args: string[], options: { node?: string[]; entry?: string } = {}) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [...(options.node ?? []), options.entry ?? entry, ...args], { encoding: 'utf8' })
  return { stdout, stderr, status }
}

/** Milliseconds, the median of an odd number of runs that take turns, so that the machine's load hits all alike. */
function medians(times: number, ...commands: string[][]): number[] {
  const taken = commands.map((): number[] => [])
  for (let round = 0; round < times; round++) {
    commands.forEach((args, index) => {
      const start = performance.now()
      spawnSync(process.execPath, args, { stdio: 'ignore' })
      taken[index]?.push(performance.now() - start)
    })
  }
  return taken.map((list) => list.sort((a, b) => a - b)[Math.floor(times / 2)] ?? Number.NaN)
}

describe('start-up', () => {
  it('answers --help in less than twice the time of an empty node', () => {
    // A busy machine disturbs: the best of three rounds counts, each a median of 11.
    const rounds: string[] = []
    for (let round = 0; round < 3; round++) {
      const [empty = Number.NaN, help = Number.NaN] = medians(11, ['-e', '0'], [entry, '--help'])
      rounds.push(`${help.toFixed(0)} ms against ${empty.toFixed(0)} ms`)
      if (help < 2 * empty) return
    }
    assert.fail(`--help took ${rounds.join(', then ')}`)
  })

  it('imports no package to show help', () => {
    const hook =
      'data:text/javascript,' +
      encodeURIComponent("import{registerHooks}from'node:module';registerHooks({load(u,c,n){process.stderr.write(u+'\\n');return n(u,c)}})")
    const { stderr, status } = run(['--help'], { node: ['--import', hook] })
    assert.equal(status, 0)
    const loaded = stderr.split('\n').filter((line) => line.startsWith('file:'))
    assert.deepEqual(loaded, [`file://${entry}`])
  })

  it('loads no kube client, list or driver for a wrong flag', () => {
    const hook =
      'data:text/javascript,' +
      encodeURIComponent("import{registerHooks}from'node:module';registerHooks({load(u,c,n){process.stderr.write(u+'\\n');return n(u,c)}})")
    const { stderr, status } = run(['routes', 'sync', '--bogus'], { node: ['--import', hook] })
    assert.equal(status, 2)
    assert.doesNotMatch(stderr, /client-node|cassandra-driver|live-progress|x509|prompts/)
  })

  it('works through a link, as kubectl-cass_sni', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cass-sni-link-'))
    try {
      const link = join(folder, 'kubectl-cass_sni')
      symlinkSync(entry, link)
      assert.match(run(['--version'], { entry: link }).stdout, /^kubectl-cass-sni\/\d/)
      const wrong = run(['verify', '--bogus'], { entry: link })
      assert.equal(wrong.status, 2)
      assert.match(wrong.stderr, /There is no flag --bogus/)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('the help texts', () => {
  it("are oclif's own", async () => {
    const folder = join(root, 'dist/help')
    const built = new Map(readdirSync(folder).map((file) => [file.replace(/\.txt$/, ''), readFileSync(join(folder, file), 'utf8')]))
    assert.deepEqual(built, await helpTexts(root))
  })

  it('are shown in every spelling, with the version in place', () => {
    const text = readFileSync(join(root, 'dist/help/routes.sync.txt'), 'utf8')
    for (const args of [
      ['routes', 'sync', '--help'],
      ['routes', 'sync', '-n', 'x', '-h'],
      ['help', 'routes', 'sync'],
    ])
      assert.equal(run(args).stdout, text)
    const index = run([]).stdout
    assert.ok(!index.includes(VERSION_PLACE))
    assert.equal(run(['--help']).stdout, index)
    assert.match(index, new RegExp(`node-${process.version}`))
  })

  it("are the same as oclif's on the way through the program", () => {
    const start = "import{main}from'./dist/lib/main.js';process.exitCode=await main(['verify','--help'],{root:process.cwd()})"
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', start], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, COLUMNS: '80', OCLIF_COLUMNS: '80' },
    })
    assert.equal(run(['verify', '--help']).stdout, stdout)
  })
})
