// Shared by run.js and dev.js: the compile cache, one command, the end of the process.
const { enableCompileCache } = require('node:module')
const { dirname } = require('node:path')
const { privateCacheDirectory } = require('./cache-directory.js')

/** Runs the command line with the program that `load` returns: `main` and `endProcess`. */
async function start(load, options = {}) {
  // Compiled code in this directory is executed unchecked: no cache without a directory that only this user can write.
  // Node itself honors NODE_COMPILE_CACHE and NODE_DISABLE_COMPILE_CACHE.
  const cache = privateCacheDirectory()
  if (cache !== undefined) enableCompileCache(cache)
  const { main, endProcess } = await load()
  await endProcess(await main(process.argv.slice(2), { root: dirname(__dirname), ...options }))
}

module.exports = { start }
