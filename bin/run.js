#!/usr/bin/env node
// The plugin's entry: kubectl runs it as kubectl-cass_sni. Nothing is imported before it is needed (CONTRIBUTING.md, "Start-up").
const { enableCompileCache } = await import('node:module')
enableCompileCache?.()
const { main } = await import('../dist/lib/main.js')
const { flush } = await import('../dist/lib/flush.js')
const exitCode = await main(process.argv.slice(2), { root: new URL('..', import.meta.url).pathname })
await flush()
process.exit(exitCode)
