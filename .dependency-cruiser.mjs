// The import rules, one for each row of the table of layers (build/source-layers.ts, CONTRIBUTING.md).
import { FOR_ALL, filesOf, LAYERS, PACKAGES, PURE } from './build/source-layers.ts'

const layers = LAYERS.flatMap(({ name, files, may, mayTypes = [], mayFiles = [] }) => {
  const own = [files]
  const forAll = name === 'ground' ? [] : [FOR_ALL]
  const allowed = [...own, ...forAll, ...may.map(filesOf), ...mayFiles]
  const values = {
    name: `layer-${name}`,
    comment: `${name} may import only: ${[...may, ...mayTypes.map((layer) => `types of ${layer}`)].join(', ') || 'nothing'}.`,
    severity: 'error',
    from: { path: files },
    to: { path: '^(src|lab|test|bench|build|bin)/', pathNot: [...allowed, ...mayTypes.map(filesOf), ...lazily(name)] },
  }
  if (mayTypes.length === 0) return [values]
  const types = {
    ...values,
    name: `layer-${name}-types`,
    to: { path: mayTypes.map(filesOf), pathNot: [...allowed, ...lazily(name)], dependencyTypesNot: ['type-only'] },
  }
  return [values, types]
})

// A command calls one workflow, imported when it runs; the base command connects, likewise.
function lazily(name) {
  if (name === 'commands') return [filesOf('workflows'), filesOf('shell')]
  if (name === 'cli') return ['^src/lib/cluster/client\\.ts$', filesOf('shell')]
  return []
}

const lazy = [
  { from: filesOf('commands'), to: filesOf('workflows'), what: 'commands import a workflow when they run' },
  {
    from: filesOf('cli'),
    to: filesOf('cluster'),
    what: 'the base command imports the cluster layer when a command connects',
  },
  { from: filesOf('commands'), to: filesOf('shell'), what: 'commands import the shell when they run' },
  { from: filesOf('cli'), to: filesOf('shell'), what: 'the terminal of the shell is imported when a command runs it' },
].map(({ from, to, what }) => ({
  name: `lazy-${from.includes('commands') ? 'commands' : 'cli'}${to.includes('shell') ? '-shell' : ''}`,
  comment: `Start-up: ${what} (await import), or only its types.`,
  severity: 'error',
  from: { path: from },
  to: {
    path: to,
    pathNot: LAYERS.find(({ files }) => files === from).mayFiles,
    dependencyTypesNot: ['type-only', 'dynamic-import'],
  },
}))

const packages = PACKAGES.map(({ packages, layers: only, typesAnywhere }) => ({
  name: `package-${packages[0]}`,
  comment: `${only.length === 0 ? 'Nobody' : `Only ${only.join(' and ')}`} may import ${packages.join(', ')}${typesAnywhere ? ', but for its types' : ''}.`,
  severity: 'error',
  // an empty list of exceptions would except all
  from: { path: '^src/', ...(only.length === 0 ? {} : { pathNot: only.map(filesOf) }) },
  to: {
    path: packages.map((name) => `node_modules/${name}/`),
    ...(typesAnywhere ? { dependencyTypesNot: ['type-only'] } : {}),
  },
}))

const pure = [
  {
    name: 'pure',
    comment: `${PURE.join(' and ')} only compute: what they need is passed in.`,
    severity: 'error',
    from: { path: PURE.map(filesOf) },
    to: {
      dependencyTypes: ['core'],
      path: '^(node:)?(child_process|dgram|dns|fs|http|http2|https|process|readline|timers|tls|worker_threads)(/|$)',
    },
  },
  {
    name: 'pure-reach',
    comment: `${PURE.join(' and ')} cannot reach the API server, not even through another file.`,
    severity: 'error',
    from: { path: PURE.map(filesOf) },
    to: {
      path: '^src/lib/cluster/(client|transport|exchange|websocket|exec|pod-tunnel|program)\\.ts$',
      reachable: true,
    },
  },
]

export default {
  forbidden: [
    ...layers,
    ...pure,
    ...lazy,
    ...packages,
    {
      name: 'no-circular',
      comment: 'Two files that import one another cannot be understood, or loaded, one after the other.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'not-resolvable',
      comment: 'The import leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'lab-alone',
      comment: 'The lab is what the program runs against: it imports nothing of it.',
      severity: 'error',
      from: { path: '^lab/' },
      to: { path: '^(src|build)/' },
    },
    {
      name: 'src-alone',
      comment: 'The program needs nothing of what tests and builds it.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(lab|test|bench|build|bin)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|node_modules/\\.cache)' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.check.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
