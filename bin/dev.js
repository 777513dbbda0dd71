#!/usr/bin/env node
// Runs the commands from src/ without a build (Node 24 strips the types): for development.
const { dirname } = require('node:path')

async function start() {
  const { main } = await import('../src/lib/cli/main.ts')
  const { endProcess } = await import('../src/lib/cli/process-end.ts')
  await endProcess(await main(process.argv.slice(2), { root: dirname(__dirname) }))
}

start()
