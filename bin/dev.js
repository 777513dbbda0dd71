#!/usr/bin/env node
// Runs the commands straight from src/ (Node 24 strips the types): for work on the project.
import { fileURLToPath } from 'node:url'
import { enableCompileCache } from 'node:module'

enableCompileCache()
const { main } = await import('../src/lib/cli/main.ts')
const { flush } = await import('../src/lib/cli/flush.ts')
const exitCode = await main(process.argv.slice(2), {
  root: fileURLToPath(new URL('..', import.meta.url)),
  development: true,
})
await flush()
process.exit(exitCode)
