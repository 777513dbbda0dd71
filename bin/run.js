#!/usr/bin/env node
// The program: kubectl-cass_sni runs it for everything except help. This file must load in old versions of Node, which
// print one sentence: code that requires a newer version is behind the check. CommonJS, like the program: it starts faster.
const [major, minor] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 13)) {
  process.stderr.write(
    `error: kubectl cass-sni requires Node.js 22.13 or later; this is ${process.version} (${process.execPath})\n`,
  )
  process.exitCode = 1
} else {
  require('./start.js').start()
}
