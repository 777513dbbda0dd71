import { deepEqual, equal, match } from 'node:assert/strict'
import { runCommand } from '../../support/command.ts'

describe('a command line without a command', () => {
  it("is not silent with oclif's own name of one", async () => {
    for (const line of ['routes:sync -n x', 'routes:sync --help', 'help routes:sync']) {
      const { exitCode, stdout, stderr } = await runCommand(line.split(' '))
      deepEqual([exitCode, stdout], [2, ''], line)
      match(stderr, /^error: unknown command "routes:sync" .*\[CSNI101\]\n {2}Hint: did you mean "routes sync"\?\n/)
    }
  })

  it('has its error in an envelope too', async () => {
    for (const line of ['bogus -o json', 'routes synk -o json', '--bogus -ojson']) {
      const { exitCode, stderr, json } = await runCommand(line.split(' '))
      const { kind, warnings, error } = json()
      deepEqual([exitCode, kind, warnings, error.code], [2, 'Error', [], 'CSNI101'], line)
      equal(error.next.at(-1), 'kubectl cass-sni --help')
      match(stderr, /\n {2}Try: kubectl cass-sni --help\n$/)
    }
    match((await runCommand(['bogus', '-o', 'yaml'])).stdout, /^apiVersion: cass-sni\/v1\nkind: Error\n/)
  })
})

describe('an empty value', () => {
  it('is refused where the flag narrows what is done, or limits the time', async () => {
    for (const words of [
      ['verify', '--node', ''],
      ['port-forward', '--node='],
      ['cqlsh', '--username', '', '-e', ''],
      ['cqlsh', '--connect-timeout', ''],
      ['certs', '--timeout', ''],
      ['certs', 'rotate-ca', '--ca-file', '', '--ca-key-file', ''],
      ['install', '--ca-secret='],
      ['certs', 'rotate-ca', '--issuer', ''],
    ]) {
      const { exitCode, stderr } = await runCommand(words)
      equal(exitCode, 2, words.join(' '))
      match(
        stderr,
        /^error: --(node|username|timeout|connect-timeout|ca-file|ca-secret|issuer) is empty; specify a value or omit the flag \[CSNI101\]\n/,
      )
    }
  })
})

describe('port-forward', () => {
  it('has its error in an envelope of one line', async () => {
    const { exitCode, stdout, stderr } = await runCommand(['port-forward', '-o', 'json', '--port', '99999'])
    equal(exitCode, 2)
    match(stdout, /^\{"apiVersion":"cass-sni\/v1","kind":"PortForward",.*"code":"CSNI101".*\}\n$/)
    match(stderr, /^error: /)
  })
})
