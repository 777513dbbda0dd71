#!/usr/bin/env node
// Runs the commands from src/ without a build (Node 24 strips the types): for development.
const { start } = require('./start.js')

const program = async () => ({
  ...(await import('../src/lib/cli/main.ts')),
  ...(await import('../src/lib/cli/process-end.ts')),
})

start(program, { development: true })
