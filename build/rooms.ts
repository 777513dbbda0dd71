/** The rooms of the house and what each may import: the one list that the lint, its test and CONTRIBUTING.md go by. */

export interface Room {
  name: string
  /** Regular expression of the room's files. */
  files: string
  /** Rooms it may import. */
  may: string[]
  /** Rooms of which it may import only types. */
  mayTypes?: string[]
  /** Files of other rooms with nothing but names and pure functions, which it may import. */
  mayFiles?: string[]
}

/** src/lib/errors.ts and events.ts are for all, and import nothing (events.ts not even errors.ts). */
export const FOR_ALL = '^src/lib/(errors|events)\\.ts$'

export const ROOMS: Room[] = [
  { name: 'commands', files: '^src/commands/', may: ['command', 'output'], mayTypes: [] },
  {
    name: 'command',
    files:
      '^src/lib/(command|completion|flags|flush|install-flags|interruption|main|next-steps|run-output|usage)\\.ts$',
    may: ['output'],
    mayTypes: ['workflows', 'cluster'],
  },
  { name: 'for-all', files: FOR_ALL, may: [] },
  {
    name: 'workflows',
    files: '^src/lib/workflows/',
    may: ['cassandra', 'istio', 'routes', 'certificates', 'connection', 'checks', 'changes', 'cluster'],
  },
  { name: 'cassandra', files: '^src/lib/cassandra/', may: ['cluster'] },
  { name: 'istio', files: '^src/lib/istio/', may: ['cluster'] },
  {
    name: 'routes',
    files: '^src/lib/routes/',
    may: [],
    mayTypes: ['cassandra', 'istio', 'changes', 'cluster'],
    mayFiles: [
      '^src/lib/cassandra/names\\.ts$',
      '^src/lib/istio/gateways\\.ts$',
      '^src/lib/changes/ownership\\.ts$',
      '^src/lib/cluster/resources\\.ts$',
    ],
  },
  { name: 'certificates', files: '^src/lib/certificates/', may: [], mayTypes: ['cassandra'] },
  { name: 'connection', files: '^src/lib/connection/', may: ['cassandra', 'istio', 'cluster'] },
  {
    name: 'checks',
    files: '^src/lib/checks/',
    may: ['cassandra', 'istio', 'routes', 'certificates', 'connection', 'changes', 'cluster'],
  },
  { name: 'changes', files: '^src/lib/changes/', may: ['cluster'] },
  { name: 'cluster', files: '^src/lib/cluster/', may: [] },
  { name: 'output', files: '^src/lib/output/', may: [] },
]

/** Rooms that compute and do nothing else: no files, no network, no clock. */
export const PURE = ['routes', 'certificates']

/** Packages that only one room may import. */
export const PACKAGES: { packages: string[]; rooms: string[] }[] = [
  { packages: ['@kubernetes/client-node', 'ws'], rooms: ['cluster'] },
  { packages: ['listr2', 'chalk', '@inquirer/prompts'], rooms: ['output'] },
  { packages: ['cassandra-driver'], rooms: ['connection'] },
  { packages: ['@peculiar/x509', 'reflect-metadata'], rooms: ['certificates'] },
  { packages: ['@oclif/core'], rooms: ['commands', 'command'] },
]

/** The files of a room. */
export function filesOf(name: string): string {
  const room = ROOMS.find((candidate) => candidate.name === name)
  if (!room) throw new Error(`There is no room "${name}".`)
  return room.files
}
