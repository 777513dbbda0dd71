#!/usr/bin/env node
// Runs the commands straight from src/ (Node 24 strips the types): for work on the project.
const { start } = require('./start.js')

const program = async () => ({
  ...(await import('../src/lib/cli/main.ts')),
  ...(await import('../src/lib/cli/process-end.ts')),
})

start(program, { development: true })
