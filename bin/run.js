#!/usr/bin/env node
// The plugin's entry: kubectl runs it as kubectl-cass_sni, through a link. Help and version are answered from texts
// that the build made; nothing else is imported then. It must stay readable for old versions of Node, which get one sentence.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const argv = process.argv.slice(2)
const [major, minor] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 13)) {
  process.stderr.write(`error: kubectl cass-sni needs Node.js 22.13 or later; this is ${process.version} (${process.execPath}).\n`)
  process.exitCode = 1
} else if (!answered()) {
  const { enableCompileCache } = await import('node:module')
  enableCompileCache()
  const { main } = await import('../dist/lib/main.js')
  const { flush } = await import('../dist/lib/flush.js')
  const exitCode = await main(argv, { root: fileURLToPath(new URL('..', import.meta.url)) })
  await flush()
  process.exit(exitCode)
}

/** Writes the help or the version that is asked for; false when something else is, or there is no such text. */
function answered() {
  const end = argv.indexOf('--')
  const words = end === -1 ? argv : argv.slice(0, end)
  if (words[0] === '__complete') return false
  if (words[0] === '--version') return say(`${version()}\n`)
  const help = words.length === 0 || words[0] === 'help' || words.includes('--help') || words.includes('-h')
  if (!help) return false
  const names = words[0] === 'help' ? words.slice(1) : words
  const flag = names.findIndex((word) => word.startsWith('-'))
  const name = (flag === -1 ? names : names.slice(0, flag)).join('.') || 'index'
  if (!/^[a-z.-]+$/.test(name) || name.startsWith('-')) return false
  const text = read(`../dist/help/${name}.txt`)
  return text !== undefined && say(text.replace('{{version}}', version))
}

/** As oclif says it: name/version platform-architecture node-version. */
function version() {
  const { name, version } = JSON.parse(read('../package.json') ?? '{}')
  return `${name}/${version} ${process.platform}-${process.arch} node-${process.version}`
}

function read(path) {
  try {
    return readFileSync(new URL(path, import.meta.url), 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

function say(text) {
  // A reader that has gone ("| head -1") is no error.
  process.stdout.on('error', () => {})
  process.stdout.write(text)
  return true
}
