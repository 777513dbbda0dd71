import { parseArgs } from 'node:util'
import { buildAndPrune } from './build/build.ts'
import { clear } from './clear.ts'
import { type Component, components } from './components.ts'
import { environment } from './env.ts'
import { health } from './health.ts'
import { withLock } from './lock.ts'
import { requireDiskForBuild, requireRootOnLinux } from './preflight.ts'
import { LabError, say, step } from './progress.ts'
import { up } from './up.ts'

const usage = `Kubernetes, Istio, cass-operator and Cassandra on this machine.

npm run lab -- build                         build all artifacts into the cache
npm run lab -- up [--with COMPONENT]...      start a node, with these components: ${components.join(', ')}
npm run lab -- down                          remove everything except the cache and the image store
npm run lab -- status [-o json]              print the state; exit code 1 if the lab is not running
npm run lab -- logs [NAME] [--lines N]       print the end of the log of a daemon or pod, or list logs
npm run lab -- logs --collect DIR            write all logs and objects to a directory
eval "$(npm run -s lab -- env)"              set KUBECONFIG, PATH (kubectl, istioctl, the plugin) and the lab's paths
`

const options = {
  with: { type: 'string', multiple: true },
  output: { type: 'string', short: 'o' },
  collect: { type: 'string' },
  lines: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

async function main(): Promise<number> {
  const { values, positionals } = parse()
  const [command, name] = positionals
  if (values.help || !command) {
    process.stdout.write(usage)
    return values.help ? 0 : 2
  }
  switch (command) {
    case 'build':
      requireRootOnLinux()
      await requireDiskForBuild()
      await withLock('build', buildAndPrune)
      return 0
    case 'up': {
      const targets = (values.with ?? []) as Component[]
      const unknown = targets.find((each) => !components.includes(each))
      if (unknown) throw new LabError(`invalid value "${unknown}" for --with: expected ${components.join(', ')}`)
      requireRootOnLinux()
      await withLock(['up', ...targets.map((each) => `--with ${each}`)].join(' '), () => up(targets))
      return 0
    }
    case 'down':
      requireRootOnLinux()
      await withLock('down', () => step('down', clear))
      return 0
    case 'env': {
      const { up: isUp, reason } = await health()
      if (!isUp) say(`the lab is not running: ${reason}`)
      process.stdout.write(await environment())
      return 0
    }
    case 'status': {
      const { printStatus } = await import('./status.ts')
      return printStatus(values.output === 'json')
    }
    case 'logs': {
      const { collect, printLog } = await import('./logs.ts')
      if (values.collect) await collect(values.collect)
      else await printLog(name, Number(values.lines ?? 100))
      return 0
    }
    default:
      process.stderr.write(usage)
      return 2
  }
}

function parse() {
  try {
    return parseArgs({ options, allowPositionals: true })
  } catch (error) {
    throw new LabError((error as Error).message)
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof LabError)) throw error
  process.stderr.write(`lab: ${error.message}\n`)
  process.exitCode = 1
}
