// What run.js and dev.js share: the compile cache, one command, the end of the process.
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'
import { privateCacheDirectory } from './cache-directory.js'

/** Runs the command line with the program's files in `directory` (relative to this file), which end in `extension`. */
export async function start(directory, extension, options = {}) {
  // Compiled code in this directory is executed as it is: without a directory that only this user can write, there is
  // no cache. Node itself obeys NODE_COMPILE_CACHE and NODE_DISABLE_COMPILE_CACHE.
  const cache = privateCacheDirectory()
  if (cache !== undefined) enableCompileCache(cache)
  const { main } = await import(`${directory}/main${extension}`)
  const { endProcess } = await import(`${directory}/process-end${extension}`)
  const exitCode = await main(process.argv.slice(2), {
    root: fileURLToPath(new URL('..', import.meta.url)),
    ...options,
  })
  await endProcess(exitCode)
}
