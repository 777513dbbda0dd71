/**
 * `npm run pictures`: runs commands on the lab in a pseudo-terminal and draws what the terminal shows at the end as SVG,
 * for the README. The lab must be up with its datacenter, certificates and routes (`npm run demo`).
 */
import { spawnSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { spawn } from '@lydell/node-pty'
import { terminalSvg } from './terminal-svg.ts'

const checkout = dirname(dirname(fileURLToPath(import.meta.url)))
const COLUMNS = 100
/** Higher than any picture, so that nothing scrolls away. */
const ROWS = 200
const NAMESPACE = 'cass-operator'

interface Picture {
  file: string
  command: string
  /** Runs first, not shown. */
  before?: string
}

const PICTURES: Picture[] = [
  { file: 'verify.svg', command: `kubectl cass-sni verify -n ${NAMESPACE}` },
  {
    file: 'routes-sync.svg',
    command: `kubectl cass-sni routes sync -n ${NAMESPACE}`,
    // something to repair
    before: `kubectl delete service -n ${NAMESPACE} dse-dc1-default-sts-2-cql --ignore-not-found`,
  },
]

/** Runs a command line with the lab's environment and returns everything that it writes to the terminal. */
async function output(command: string): Promise<string> {
  const { CI: _ci, ...env } = process.env
  const pty = spawn('sh', ['-c', `${labEnvironment()}\n${command}`], {
    cols: COLUMNS,
    rows: ROWS,
    cwd: checkout,
    env: { ...env, TERM: 'xterm-256color', LANG: 'C.UTF-8' },
  })
  let text = ''
  pty.onData((data) => {
    text += data
  })
  const exitCode = await new Promise<number>((resolve) => pty.onExit((exit) => resolve(exit.exitCode)))
  if (exitCode !== 0) throw new Error(`${command}: exit code ${exitCode}\n${text}`)
  return text
}

function labEnvironment(): string {
  const { stdout, status } = spawnSync('node', ['lab/main.ts', 'env'], { cwd: checkout, encoding: 'utf8' })
  if (status !== 0) throw new Error('the lab is not up: npm run demo')
  return stdout
}

const directory = join(checkout, 'docs/pictures')
await mkdir(directory, { recursive: true })
for (const { file, command, before } of PICTURES) {
  if (before !== undefined) await output(before)
  const shown = await output(command)
  await writeFile(join(directory, file), await terminalSvg(`$ ${command}\r\n${shown}`, COLUMNS, ROWS, command))
  console.log(`docs/pictures/${file}`)
}
