import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { root } from './manifest.ts'

const entry = join(root, 'bin/kubectl-cass_sni')
/** A user's PATH, with this Node first. */
const PATH = `${dirname(process.execPath)}:${process.env['PATH']}`

function run(args: string[], options: { entry?: string; env?: NodeJS.ProcessEnv } = {}) {
  const { stdout, stderr, status } = spawnSync(options.entry ?? entry, args, {
    encoding: 'utf8',
    env: { ...process.env, PATH, ...options.env },
  })
  return { stdout, stderr, status }
}

/** Milliseconds, the median of an odd number of runs that take turns, so that the machine's load hits all alike. */
function medians(times: number, ...commands: [string, ...string[]][]): number[] {
  const taken = commands.map((): number[] => [])
  for (let round = 0; round < times; round++) {
    commands.forEach(([program, ...args], index) => {
      const start = performance.now()
      spawnSync(program, args, { stdio: 'ignore' })
      taken[index]?.push(performance.now() - start)
    })
  }
  return taken.map((list) => list.sort((a, b) => a - b)[Math.floor(times / 2)] ?? Number.NaN)
}

describe('start-up', () => {
  it('answers --help in less than the time of an empty node: what is left of twice that is for kubectl', () => {
    // A busy machine disturbs: the best of three rounds counts, each a median of 11.
    const rounds: string[] = []
    for (let round = 0; round < 3; round++) {
      const [empty = Number.NaN, help = Number.NaN] = medians(11, [process.execPath, '-e', '0'], [entry, '--help'])
      rounds.push(`${help.toFixed(0)} ms against ${empty.toFixed(0)} ms`)
      if (help < empty) return
    }
    assert.fail(`--help took ${rounds.join(', then ')}`)
  })

  it('starts no Node to show help, and says so when there is none for the rest', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cass-sni-path-'))
    try {
      for (const program of ['cat', 'readlink', 'sh']) {
        const found = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).stdout.trim()
        symlinkSync(found, join(folder, program))
      }
      const env = { PATH: folder }
      assert.match(run(['verify', '--help'], { env }).stdout, /Usage:/)
      const without = run(['verify'], { env })
      assert.equal(without.status, 1)
      assert.match(without.stderr, /^error: kubectl cass-sni requires Node\.js 22\.13 or later/)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('loads no kube client, list or driver for a wrong flag', () => {
    const hook =
      'data:text/javascript,' +
      encodeURIComponent(
        "import{registerHooks}from'node:module';registerHooks({load(u,c,n){process.stderr.write(u+'\\n');return n(u,c)}})",
      )
    const { stderr, status } = run(['routes', 'sync', '--bogus'], { env: { NODE_OPTIONS: `--import=${hook}` } })
    assert.equal(status, 2)
    assert.doesNotMatch(stderr, /client-node|cassandra-driver|live-progress|x509|prompts/)
  })

  it('asks the API server without loading the fetch of Node', () => {
    const loaded = `process.on('exit', () => console.log(process.moduleLoadList.filter((name) => /http|undici/.test(name)).join()))`
    const folder = mkdtempSync(join(tmpdir(), 'cass-sni-loaded-'))
    try {
      const hook = join(folder, 'hook.mjs')
      writeFileSync(hook, loaded)
      const env = { KUBECONFIG: join(folder, 'none'), NODE_OPTIONS: `--import=${hook}` }
      const { stdout } = run(['routes', 'sync', '--server', 'https://127.0.0.1:1', '--token', 't'], { env })
      assert.match(stdout, /NativeModule https/)
      assert.doesNotMatch(stdout, /undici/)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('works through a link, as kubectl-cass_sni', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cass-sni-link-'))
    try {
      const link = join(folder, 'kubectl-cass_sni')
      symlinkSync(entry, link)
      assert.match(run(['--version'], { entry: link }).stdout, /^kubectl-cass-sni\/\d/)
      const wrong = run(['verify', '--bogus'], { entry: link })
      assert.equal(wrong.status, 2)
      assert.match(wrong.stderr, /unknown flag: --bogus/)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
