// Starts the program of the build. Loaded by run.js once the version of Node is known to be sufficient.
const { dirname, join } = require('node:path')
const { privateCacheDirectory } = require('./cache-directory.js')
const { loadCached } = require('./code-cache.js')

/** Success and failure: the run has called the functions that such a run calls. A usage error has not. */
const COMPLETE = [0, 1]
/** Ended by a signal, as port-forward always is: complete if it lasted for some time. */
const ENDED = [130, 143]
const COMPLETE_AFTER_S = 2

async function start() {
  const root = dirname(__dirname)
  const argv = process.argv.slice(2)
  // As for Node's own cache.
  const cache = process.env.NODE_DISABLE_COMPILE_CACHE ? undefined : privateCacheDirectory()
  const name = /^[a-z_][a-z_-]*$/.exec(argv[0] ?? '')?.[0] ?? 'program'
  const { exports: program, save } = loadCached(join(root, 'dist/lib/cli/program.cjs'), cache, name)
  const exitCode = await program.main(argv, root)
  if (COMPLETE.includes(exitCode) || (ENDED.includes(exitCode) && process.uptime() > COMPLETE_AFTER_S)) save()
  await program.endProcess(exitCode)
}

module.exports = { start }
