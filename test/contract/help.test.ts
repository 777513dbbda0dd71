import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Config } from '@oclif/core'
import { spawn } from '@lydell/node-pty'
import { helpTexts } from '../../build/commands.ts'
import { describedBy, helpNames, helpText } from '../../src/lib/cli/help.ts'
import { commands, root } from './manifest.ts'

const folder = join(root, 'dist/help')
const built = new Map(
  readdirSync(folder).map((file) => [file.replace(/\.txt$/, ''), readFileSync(join(folder, file), 'utf8')]),
)
const text = (name: string) => built.get(name) ?? ''
/** Through the shell script that kubectl runs, and through the program behind it. */
const entry = (args: string[]) => spawnSync(join(root, 'bin/kubectl-cass_sni'), args, { encoding: 'utf8' })
const program = (args: string[]) =>
  spawnSync(process.execPath, [join(root, 'bin/run.js'), ...args], { encoding: 'utf8' })

describe('the help texts', () => {
  it('are those of the build', async () => assert.deepEqual(built, await helpTexts(root)))

  const spellings: [string, string][] = [
    ['', 'index'],
    ['--help', 'index'],
    ['-h', 'index'],
    ['help', 'index'],
    ['options', 'options'],
    ['-n x', 'index'],
    ['routes', 'routes'],
    ['routes --help', 'routes'],
    ['routes sync --help', 'routes.sync'],
    ['routes sync -n x -h', 'routes.sync'],
    ['help routes sync', 'routes.sync'],
    ['routes -n x sync --help', 'routes.sync'],
    ['certs --help', 'certs'],
    ['certs ca -h', 'certs.ca'],
    ['-n x verify --help', 'verify'],
    ['--namespace=x -v 6 verify --help', 'verify'],
    ['verify --node 1 --help', 'verify'],
    ['verify dc1 --help', 'verify'],
    ['cqlsh --help', 'cqlsh-sni'],
    ['help cqlsh', 'cqlsh-sni'],
  ]
  for (const [line, name] of spellings)
    it(`are the same from the shell entry and from Node: ${line}`, function () {
      this.timeout(20_000)
      const args = line === '' ? [] : line.split(' ')
      // A topic alone is not asked for help; the entry hands it to Node.
      assert.equal(entry(args).stdout, text(name))
      assert.equal(program(args).stdout, text(name))
    })

  it('are no answer to a command that does not exist, nor to a value that looks like a request for help', () => {
    for (const line of ['help nothing', '../x --help', 'nothing --help', 'cqlsh-sni -k --help -e x --no-such']) {
      const { status, stdout } = entry(line.split(' '))
      assert.equal(status, 2, line)
      assert.equal(stdout, '')
    }
  })

  it('list every command, how to get more and the version', () => {
    for (const { id, summary } of commands) {
      // those of a topic below a topic are in its help
      const page = id.split(':').length > 2 ? id.split(':').slice(0, 2).join('.') : 'index'
      assert.ok(
        text(page)
          .split('\n')
          .some(
            (line) => line.startsWith(`  ${id.replaceAll(':', ' ')} `) && line.includes(summary?.slice(0, -1) ?? '?'),
          ),
        id,
      )
    }
    assert.match(text('index'), / {2}routes controller +Keep routes in sync/)
    assert.match(text('index'), /Examples:\n {2}# .*\n {2}kubectl cass-sni verify/)
    assert.match(text('index'), /--help.*--version/)
    assert.match(text('index'), /Documentation: /)
  })

  for (const [name, help] of built) {
    it(`has what matters on a screen of 24 lines: ${name}`, () => {
      const screen = help.split('\n').slice(0, 24)
      const example = ['options', 'routes', 'routes.controller', 'clients', 'bundle'].includes(name) ? '' : 'Examples:'
      assert.ok(example === '' || screen.includes(example), help)
      if (example !== '') {
        const end = screen.indexOf('', screen.indexOf(example))
        assert.ok(end !== -1, 'the examples end on the first screen')
      }
      for (const line of help.split('\n')) assert.ok(line.length <= 80, line)
    })
  }

  it('have the arguments and programs of the command lines in their usage', () => {
    const usage = (name: string) => /Usage:\n((?: {2}.*\n)+)/.exec(text(name))?.[1]
    assert.equal(usage('verify'), '  kubectl cass-sni verify [flags]\n')
    assert.equal(usage('bundle.inspect'), '  kubectl cass-sni bundle inspect FILE|Secret/NAME [flags]\n')
    assert.equal(usage('port-forward'), '  kubectl cass-sni port-forward [flags] [-- PROGRAM [ARGUMENT...]]\n')
    assert.match(usage('cqlsh-sni') ?? '', / {2}kubectl cass-sni cqlsh-sni --exec \[flags\] \[-- ARGUMENT\.\.\.\]\n$/)
    for (const { id, args } of commands)
      for (const name of Object.keys(args))
        assert.ok(usage(id.replaceAll(':', '.'))?.includes(name.toUpperCase()), `${id}: ${name}`)
  })

  it('wrap at words on a narrower terminal, tables and commands included', async () => {
    const described = describedBy(await Config.load(root))
    const words = (page: string) =>
      page
        .replaceAll(/ \\\n|^ +# /gm, ' ')
        .split(/\s+/)
        .join(' ')
    for (const name of helpNames(described)) {
      const narrow = helpText(name, described, 40) ?? ''
      assert.equal(words(narrow), words(helpText(name, described) ?? ''), name)
      for (const line of narrow.split('\n'))
        assert.ok(line.length <= 40 || /^ *\S+( \\)?$|^ +--?\S+ (\S+|".*")( \\)?$/.test(line), line)
    }
  })

  it('fit the terminal, up to 80 columns', async function () {
    this.timeout(20_000)
    const shown = (cols: number) =>
      new Promise<string>((done) => {
        const pty = spawn(join(root, 'bin/kubectl-cass_sni'), ['verify', '--help'], { cols, rows: 24 })
        let page = ''
        pty.onData((data) => (page += data))
        pty.onExit(() => done(page.replaceAll('\r\n', '\n')))
      })
    assert.equal(await shown(120), text('verify'))
    assert.equal(await shown(40), helpText('verify', describedBy(await Config.load(root)), 40))
  })

  it('have the flags that all commands share in one place, and only there', () => {
    const shows = (help: string, name: string, char = '') =>
      help.split('\n').some((line) => new RegExp(`^ +(-${char}, )?--?(\\[no-\\])?${name}( |$)`).test(line))
    for (const { id, flags } of commands) {
      const own = text(id.replaceAll(':', '.'))
      assert.match(own, /Use "kubectl cass-sni options" for a list of global flags/)
      for (const { name, char, helpGroup, hidden } of Object.values(flags)) {
        assert.equal(shows(own, name, char), helpGroup !== 'GLOBAL' && !hidden, `${id} --${name}`)
        if (helpGroup === 'GLOBAL') assert.ok(shows(text('options'), name, char), name)
      }
    }
  })

  it('name a flag that takes a value in one command and none in another nowhere: words before the command are read without it', () => {
    const types = new Map<string, string>()
    for (const { id, flags } of commands)
      for (const { name, char = '', type } of Object.values(flags))
        for (const form of [name, char].filter((each) => each !== '')) {
          assert.equal(types.get(form) ?? type, type, `${id} ${form}`)
          types.set(form, type)
        }
  })
})
