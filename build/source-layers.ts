/**
 * The layers of the source and their allowed imports: the single source for the lint, its test and CONTRIBUTING.md.
 */

export interface Layer {
  name: string
  /** Regular expression of the layer's files. */
  files: string
  /** Layers it can import. */
  may: string[]
  /** Layers from which it can import types only. */
  mayTypes?: string[]
  /** Files of other layers that it can import: only names and pure functions. */
  mayFiles?: string[]
}

/**
 * The ground, which every layer can import: errors.ts and events.ts (the only files directly in src/lib), text/,
 * waiting/ and files/.
 */
export const FOR_ALL = '^src/lib/((errors|events)\\.ts$|text/|waiting/|files/)'

export const LAYERS: Layer[] = [
  { name: 'commands', files: '^src/commands/', may: ['cli', 'output'], mayTypes: [] },
  {
    name: 'controller',
    files: '^src/controller/',
    may: ['reconcile', 'cassandra', 'clients', 'cluster'],
    mayFiles: [
      '^src/lib/workflows/certs-workflow\\.ts$',
      '^src/lib/connection/metadata-server\\.ts$',
      '^src/lib/routes/confirmed-host-ids\\.ts$',
    ],
  },
  {
    name: 'cli',
    files: '^src/lib/cli/',
    may: ['output'],
    mayTypes: ['workflows', 'cluster'],
    mayFiles: ['^src/lib/cluster/connection-flags\\.ts$'],
  },
  { name: 'ground', files: FOR_ALL, may: [] },
  {
    name: 'workflows',
    files: '^src/lib/workflows/',
    may: [
      'cassandra',
      'istio',
      'gateway-api',
      'routes',
      'gather',
      'certificates',
      'gather-certificates',
      'connection',
      'shell',
      'clients',
      'checks',
      'reconcile',
      'changes',
      'cluster',
    ],
  },
  {
    name: 'reconcile',
    files: '^src/lib/reconcile/',
    may: ['routes', 'gather', 'istio', 'gateway-api', 'changes', 'cluster'],
    mayFiles: ['^src/lib/cassandra/resource-names\\.ts$'],
  },
  { name: 'shell', files: '^src/lib/shell/', may: ['connection'] },
  {
    name: 'checks',
    files: '^src/lib/checks/',
    may: [
      'cassandra',
      'istio',
      'routes',
      'gather',
      'certificates',
      'gather-certificates',
      'connection',
      'changes',
      'cluster',
    ],
  },
  { name: 'clients', files: '^src/lib/clients/', may: [], mayTypes: ['cassandra', 'certificates'] },
  {
    name: 'gather',
    files: '^src/lib/routes/(gather|choose-gateway)\\.ts$',
    may: ['routes', 'cassandra', 'istio', 'gateway-api', 'changes', 'cluster'],
  },
  {
    name: 'routes',
    files: '^src/lib/routes/(?!(gather|choose-gateway)\\.ts$)',
    may: [],
    mayTypes: ['cassandra', 'istio', 'gateway-api', 'changes', 'cluster'],
    mayFiles: [
      '^src/lib/cassandra/resource-names\\.ts$',
      '^src/lib/istio/(gateways|authorization)\\.ts$',
      '^src/lib/gateway-api/(gateway-objects|listener-choice|gateway-target|acceptance)\\.ts$',
      '^src/lib/changes/(ownership|change-plan)\\.ts$',
      '^src/lib/cluster/resources\\.ts$',
    ],
  },
  {
    name: 'gather-certificates',
    files: '^src/lib/certificates/gather/',
    may: ['certificates', 'cassandra', 'istio', 'connection', 'cluster'],
  },
  { name: 'certificates', files: '^src/lib/certificates/(?!gather/)', may: [], mayTypes: ['cassandra'] },
  { name: 'connection', files: '^src/lib/connection/', may: ['cassandra', 'istio', 'cluster'] },
  { name: 'cassandra', files: '^src/lib/cassandra/', may: ['cluster'] },
  { name: 'istio', files: '^src/lib/istio/', may: ['gateway-api', 'cluster'] },
  { name: 'gateway-api', files: '^src/lib/gateway-api/', may: ['cluster'] },
  { name: 'changes', files: '^src/lib/changes/', may: ['cluster'] },
  { name: 'cluster', files: '^src/lib/cluster/', may: [] },
  { name: 'output', files: '^src/lib/output/', may: [] },
]

/** Layers without side effects: no files, no network, no clock. */
export const PURE = ['routes', 'certificates', 'clients']

/** Packages that only some layers can import, or none. */
export const PACKAGES: { packages: string[]; layers: string[]; typesAnywhere?: true }[] = [
  // only its model types are used, which cost nothing at run time
  { packages: ['@kubernetes/client-node'], layers: [], typesAnywhere: true },
  { packages: ['listr2', 'chalk', '@inquirer/prompts'], layers: ['output'] },
  { packages: ['cassandra-driver'], layers: ['connection'] },
  { packages: ['@peculiar/x509', 'reflect-metadata', 'pkijs'], layers: ['certificates'] },
  { packages: ['@oclif/core'], layers: ['commands', 'cli'] },
  { packages: ['@prometheus-io/client'], layers: ['controller'] },
]

/** Returns the pattern of a layer's files. */
export function filesOf(name: string): string {
  const layer = LAYERS.find((candidate) => candidate.name === name)
  if (!layer) throw new Error(`unknown layer "${name}"`)
  return layer.files
}
