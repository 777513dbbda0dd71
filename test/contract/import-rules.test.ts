/** Each import rule fails on an import that breaks it: planted in a small project of its own, so that all are tried. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { root } from './manifest.ts'

/** The table of design: which layer may import which. Written out again here, so that a rule cannot be loosened by accident. */
const MAY: Record<string, { values: string[]; types?: string[] }> = {
  workflows: {
    values: [
      'cassandra',
      'istio',
      'gateway-api',
      'routes',
      'certificates',
      'connection',
      'shell',
      'clients',
      'checks',
      'reconcile',
      'changes',
      'cluster',
    ],
  },
  reconcile: { values: ['routes', 'gather', 'istio', 'gateway-api', 'changes', 'cluster'] },
  shell: { values: ['connection'] },
  clients: { values: [], types: ['cassandra', 'certificates'] },
  cassandra: { values: ['cluster'] },
  istio: { values: ['gateway-api', 'cluster'] },
  'gateway-api': { values: ['cluster'] },
  routes: { values: [], types: ['cassandra', 'istio', 'gateway-api', 'changes', 'cluster'] },
  certificates: { values: [], types: ['cassandra'] },
  connection: { values: ['cassandra', 'istio', 'cluster'] },
  checks: { values: ['cassandra', 'istio', 'routes', 'certificates', 'connection', 'changes', 'cluster'] },
  changes: { values: ['cluster'] },
  cluster: { values: [] },
  output: { values: [] },
}
const LAYERS = Object.keys(MAY)

interface Violation {
  type: string
  from: string
  to: string
  rule: { name: string }
}

function project(files: Record<string, string>, copied: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'cass-sni-project-'))
  for (const name of copied) cpSync(join(root, name), join(folder, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

/** Runs a tool of node_modules in a project and reads the JSON that it prints. */
function report<T>(files: Record<string, string>, copied: string[], script: string, args: string[]): T {
  const folder = project(files, copied)
  try {
    const { stdout, stderr } = spawnSync(process.execPath, [join(root, 'node_modules', script), ...args], {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    })
    assert.ok(stdout.startsWith('{'), stderr || stdout)
    return JSON.parse(stdout)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('import rules', () => {
  const here = 'export const here = 1\nexport interface Here {\n  a: number\n}\n'
  const plan: Record<string, string> = {
    'src/lib/errors.ts': here,
    'src/lib/events.ts': here,
    'src/lib/cli/base-command.ts': here,
    'src/lib/cluster/client.ts': here,
    'lab/here.ts': here,
    'test/here.ts': here,
    ...Object.fromEntries(LAYERS.map((layer) => [`src/lib/${layer}/here.ts`, here])),
  }
  const value = (path: string) => `export { here } from '${path}'\n`
  const type = (path: string) => `import type { Here } from '${path}'\nexport type There = Here\n`
  for (const from of LAYERS) {
    for (const to of LAYERS) {
      if (from === to) continue
      plan[`src/lib/${from}/value-of-${to}.ts`] = value(`../${to}/here.ts`)
      plan[`src/lib/${from}/type-of-${to}.ts`] = type(`../${to}/here.ts`)
    }
    plan[`src/lib/${from}/for-all.ts`] = value('../errors.ts') + type('../events.ts')
    plan[`src/lib/${from}/command.ts`] = value('../cli/base-command.ts')
    plan[`src/lib/${from}/command-of.ts`] = value('../../commands/here.ts')
    plan[`src/lib/${from}/lab.ts`] = value('../../../lab/here.ts')
  }
  const packages: [string, string, string[]][] = [
    ['@kubernetes/client-node', 'KubeConfig', []],
    ['listr2', 'Listr', ['output']],
    ['chalk', 'Chalk', ['output']],
    ['@inquirer/prompts', 'input', ['output']],
    ['cassandra-driver', 'Client', ['connection']],
    ['@peculiar/x509', 'X509Certificate', ['certificates']],
    ['@oclif/core', 'Command', []],
    ['@prometheus-io/client', 'Registry', []],
  ]
  for (const [name, what] of packages)
    for (const layer of LAYERS)
      plan[`src/lib/${layer}/package-${name.replace('/', '-')}.ts`] = `export { ${what} } from '${name}'\n`
  Object.assign(plan, {
    'src/controller/here.ts': `${value('../lib/reconcile/here.ts')}export { here as client } from '../lib/cluster/client.ts'\nexport { here as file } from '../lib/clients/here.ts'\nexport { Registry } from '@prometheus-io/client'\n`,
    'src/controller/workflow.ts': value('../lib/workflows/here.ts'),
    'src/controller/tunnel.ts': value('../lib/connection/here.ts'),
    'src/controller/terminal.ts': value('../lib/output/here.ts'),
    'src/lib/reconcile/controller.ts': value('../../controller/here.ts'),
    'src/commands/here.ts': here,
    'src/commands/good.ts':
      "import { here } from '../lib/cli/base-command.ts'\nimport type { Here } from '../lib/workflows/here.ts'\nimport { here as shown } from '../lib/output/here.ts'\nexport const run = async (_: Here) => [here, shown, (await import('../lib/workflows/here.ts')).here]\n",
    'src/commands/eager.ts': value('../lib/workflows/here.ts'),
    'src/commands/cluster.ts': type('../lib/cluster/here.ts'),
    'src/lib/cli/flags.ts': value('../cluster/client.ts'),
    'src/lib/cli/usage-error.ts': "export const late = () => import('../cluster/client.ts')\n",
    'src/lib/cluster/transport.ts': here,
    'src/lib/cassandra/resource-names.ts': value('../cluster/transport.ts'),
    'src/lib/routes/gather.ts': `${value('../cluster/here.ts')}export { here as datacenter } from '../cassandra/here.ts'\n`,
    'src/lib/routes/reaches.ts': value('../cassandra/resource-names.ts'),
    'src/lib/certificates/gather/gather.ts': `${value('../../cluster/here.ts')}export { here as datacenter } from '../../cassandra/here.ts'\n`,
    'src/lib/certificates/gathers.ts': value('./gather/gather.ts'),
    'src/lib/certificates/reads.ts': "export { readFile } from 'node:fs/promises'\n",
    'src/lib/istio/circle-a.ts': "export { b } from './circle-b.ts'\nexport const a = 1\n",
    'src/lib/istio/circle-b.ts': "export { a } from './circle-a.ts'\nexport const b = 1\n",
    'src/lib/istio/nowhere.ts': value('./is-not.ts'),
    'src/lib/istio/models.ts':
      "import type { V1Service } from '@kubernetes/client-node'\nexport type Own = V1Service\n",
    'lab/imports.ts': value('../src/lib/errors.ts'),
    'test/imports.ts': value('../src/lib/cluster/here.ts'),
  })

  let broken = new Map<string, Set<string>>()
  before(function () {
    this.timeout(120_000)
    const { summary } = report<{ summary: { violations: Violation[] } }>(
      plan,
      ['.dependency-cruiser.mjs', 'build', 'tsconfig.json', 'tsconfig.check.json', 'package.json'],
      'dependency-cruiser/bin/dependency-cruise.mjs',
      ['--config', '.dependency-cruiser.mjs', '--output-type', 'json', 'src', 'lab', 'test'],
    )
    broken = new Map()
    for (const { from, rule } of summary.violations) broken.set(from, (broken.get(from) ?? new Set()).add(rule.name))
  })
  const rulesOf = (path: string) => [...(broken.get(path) ?? [])]

  for (const from of LAYERS) {
    it(`${from} imports what the table allows, and nothing else`, () => {
      const { values, types = [] } = MAY[from] ?? { values: [] }
      for (const to of LAYERS) {
        if (from === to) continue
        assert.equal(rulesOf(`src/lib/${from}/value-of-${to}.ts`).length === 0, values.includes(to), `values of ${to}`)
        assert.equal(
          rulesOf(`src/lib/${from}/type-of-${to}.ts`).length === 0,
          values.includes(to) || types.includes(to),
          `types of ${to}`,
        )
      }
      assert.deepEqual(rulesOf(`src/lib/${from}/for-all.ts`), [])
      assert.deepEqual(rulesOf(`src/lib/${from}/command.ts`), [`layer-${from}`])
      assert.deepEqual(rulesOf(`src/lib/${from}/command-of.ts`), [`layer-${from}`])
      assert.deepEqual(rulesOf(`src/lib/${from}/lab.ts`), [`layer-${from}`, 'src-alone'])
    })
  }

  for (const [name, , owners] of packages) {
    const whom =
      name === '@oclif/core'
        ? 'commands and the base command alone'
        : name === '@prometheus-io/client'
          ? 'the controller alone'
          : `${owners.join(' and ')} alone`
    it(`${name} is for ${name === '@kubernetes/client-node' ? 'nobody, but for its types' : whom}`, () => {
      for (const layer of LAYERS)
        assert.equal(
          rulesOf(`src/lib/${layer}/package-${name.replace('/', '-')}.ts`).length === 0,
          owners.includes(layer),
          layer,
        )
    })
  }

  const planted: [string, string, string[]][] = [
    ['a command imports a workflow when it runs', 'src/commands/good.ts', []],
    ['no command imports a workflow at the start', 'src/commands/eager.ts', ['lazy-commands']],
    ['no command imports the cluster', 'src/commands/cluster.ts', ['layer-commands']],
    ['the base command does not load the cluster layer at the start', 'src/lib/cli/flags.ts', ['lazy-cli']],
    ['the base command connects when asked', 'src/lib/cli/usage-error.ts', []],
    ['the controller imports reconcile, clients, cluster and the metrics', 'src/controller/here.ts', []],
    ['the controller runs no workflow', 'src/controller/workflow.ts', ['layer-controller']],
    ['the controller opens no tunnels', 'src/controller/tunnel.ts', ['layer-controller']],
    ['the controller has no terminal', 'src/controller/terminal.ts', ['layer-controller']],
    ['nothing imports the controller', 'src/lib/reconcile/controller.ts', ['layer-reconcile']],
    ['the one file of routes that reads the cluster imports it', 'src/lib/routes/gather.ts', []],
    ['what gathers certificates imports the cluster', 'src/lib/certificates/gather/gather.ts', []],
    ['the policies for certificates gather nothing', 'src/lib/certificates/gathers.ts', ['layer-certificates']],
    ['a pure layer cannot reach the API server through another file', 'src/lib/routes/reaches.ts', ['pure-reach']],
    ['a pure layer reads no files', 'src/lib/certificates/reads.ts', ['pure']],
    ['model types of Kubernetes may be imported anywhere', 'src/lib/istio/models.ts', []],
    ['no file is part of a circle', 'src/lib/istio/circle-a.ts', ['no-circular']],
    ['every import leads somewhere', 'src/lib/istio/nowhere.ts', ['not-resolvable']],
    ['the lab imports nothing of the program', 'lab/imports.ts', ['lab-alone']],
    ['tests import what they like', 'test/imports.ts', []],
  ]
  for (const [what, file, rules] of planted) it(what, () => assert.deepEqual(rulesOf(file), rules))
})

describe('the dead-code check', () => {
  it('finds a file and an export that nothing uses', function () {
    this.timeout(60_000)
    const plan = {
      'src/commands/here.ts': "export { used } from '../lib/alive.ts'\n",
      'src/lib/cli/main.ts': 'export const main = 1\n',
      'src/lib/cli/process-end.ts': 'export const endProcess = 1\n',
      'src/lib/alive.ts': 'export const used = 1\nexport const unused = 2\n',
      'src/lib/dead.ts': 'export const dead = 1\n',
    }
    type Issues = { issues: { file: string; files?: unknown[]; exports?: { name: string }[] }[] }
    const { issues } = report<Issues>(
      plan,
      ['knip.json', 'package.json', 'tsconfig.json', 'tsconfig.check.json'],
      'knip/bin/knip.js',
      ['--reporter', 'json', '--no-config-hints'],
    )
    const text = JSON.stringify(issues)
    assert.match(text, /src\/lib\/dead\.ts/)
    assert.deepEqual(
      issues.flatMap(({ exports = [] }) => exports.map(({ name }) => name)),
      ['unused'],
    )
  })
})
