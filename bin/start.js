// Starts the program of the build. Loaded by run.js once the version of Node is known to be sufficient.
const { dirname, join } = require('node:path')
const { privateCacheDirectory } = require('./cache-directory.js')
const { loadCached } = require('./code-cache.js')

/** Exit codes of a run that called what such a run calls: success and failure, not a usage error or Ctrl-C. */
const COMPLETE = [0, 1]

async function start() {
  const root = dirname(__dirname)
  const argv = process.argv.slice(2)
  // As for Node's own cache.
  const cache = process.env.NODE_DISABLE_COMPILE_CACHE ? undefined : privateCacheDirectory()
  const name = /^[a-z_-]+$/.exec(argv[0] ?? '')?.[0] ?? 'program'
  const { exports: program, save } = loadCached(join(root, 'dist/lib/cli/program.cjs'), cache, name)
  const exitCode = await program.main(argv, root)
  if (COMPLETE.includes(exitCode)) save()
  await program.endProcess(exitCode)
}

module.exports = { start }
