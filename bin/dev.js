#!/usr/bin/env node
// Runs the commands straight from src/ (Node 24 strips the types): for work on the project.
import { start } from './start.js'

await start('../src/lib/cli', '.ts', { development: true })
