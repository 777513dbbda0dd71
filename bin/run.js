#!/usr/bin/env node
// The program: kubectl-cass_sni runs it for everything but help. It must stay readable for old versions of Node, which
// get one sentence.
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

const [major, minor] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 13)) {
  process.stderr.write(
    `error: kubectl cass-sni needs Node.js 22.13 or later; this is ${process.version} (${process.execPath}).\n`,
  )
  process.exitCode = 1
} else {
  enableCompileCache()
  const { main } = await import('../dist/lib/cli/main.js')
  const { flush } = await import('../dist/lib/cli/flush.js')
  const exitCode = await main(process.argv.slice(2), { root: fileURLToPath(new URL('..', import.meta.url)) })
  await flush()
  process.exit(exitCode)
}
