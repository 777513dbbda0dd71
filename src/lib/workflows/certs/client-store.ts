/** Where the files of clients are stored: a directory, or a Secret with the same names as keys. */
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Datacenter } from '../../cassandra/datacenter.ts'
import { STORE_FILES, type StoreFile } from '../../certificates/client-stores.ts'
import { applyChanges } from '../../changes/apply.ts'
import type { Desired } from '../../changes/changeset.ts'
import { planChanges } from '../../changes/change-plan.ts'
import { ownedLabels } from '../../changes/ownership.ts'
import type { KubeObject } from '../../cluster/kube.ts'
import { displayName, SECRET } from '../../cluster/resources.ts'
import type { Secret } from '../../cluster/workloads.ts'
import { again, CassSniError, hint, type NextStep } from '../../errors.ts'
import { writeOutputFiles } from '../../files/output-file.ts'
import { systemError } from '../../text/system-errors.ts'
import type { WorkflowContext } from '../context.ts'

/** apimachinery pkg/util/validation/validation.go, IsDNS1123Subdomain. */
const SECRET_NAME = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/
/** The shortest password that Java's keytool accepts. */
const SHORTEST_PASSWORD = 6

export interface StoreChoice {
  /** Directory to write the files to. */
  out?: string | undefined
  /** Secret to write them to, in the datacenter's namespace. */
  secret?: string | undefined
  /** Password of keystores and truststores. */
  password?: (() => Promise<string>) | undefined
  /** Overwrite files of a directory whose content differs. */
  overwrite?: boolean | undefined
}

export interface StoredFile {
  name: string
  action: 'written' | 'unchanged'
  /** Which clients read it, and what it is. */
  purpose: string
}

/** An existing store. Its content is secret: never printed. */
export interface ClientStore {
  files: ReadonlyMap<string, Buffer>
  /** The Secret that was read; undefined if it does not exist, or for a directory. */
  live?: KubeObject | undefined
}

/** Throws CSNI102 unless exactly one place is chosen, CSNI101 for a name that a Secret cannot have. */
export function requirePlace({ out, secret }: StoreChoice): void {
  if ((out === undefined) === (secret === undefined)) {
    throw new CassSniError('CSNI102', 'specify either a directory (--out) or a Secret (--secret)', {
      next: [again`--out ./client`],
    })
  }
  if (secret !== undefined) requireSecretName(secret)
}

/**
 * Throws CSNI101 for the Secrets of the nodes' own certificates: clients must not read them.
 * @param proposal the option for another Secret
 */
export function requireOtherSecret(
  { keystores }: Pick<Datacenter, 'keystores'>,
  secret: string | undefined,
  proposal: (secret: string) => NextStep = (name) => again`--secret ${name}`,
): void {
  if (secret === undefined || (secret !== keystores.caSecret && secret !== keystores.keystoreSecret)) return
  throw new CassSniError('CSNI101', `secret/${secret} has the keys of the nodes: choose another Secret`, {
    next: [proposal(`${secret}-clients`)],
  })
}

/** Throws CSNI101 for a name that a Secret cannot have. */
export function requireSecretName(name: string): void {
  if (SECRET_NAME.test(name) && name.length <= 253) return
  throw new CassSniError('CSNI101', `invalid Secret name ${JSON.stringify(name)}`, {
    next: [hint('use lower-case letters, digits and "-"')],
  })
}

/** Returns the chosen password; undefined if none. Throws CSNI101 for one that Java does not accept. */
export async function chosenPassword({ password }: StoreChoice): Promise<string | undefined> {
  const text = await password?.()
  if (text === undefined || isStorePassword(text)) return text
  throw new CassSniError(
    'CSNI101',
    `invalid keystore password: Java requires at least ${SHORTEST_PASSWORD} ASCII characters`,
  )
}

/** Returns whether Java accepts the password of a keystore. */
export function isStorePassword(text: string): boolean {
  return text.length >= SHORTEST_PASSWORD && /^[\x20-\x7e]+$/.test(text)
}

/** Reads the files at the chosen place. Throws CSNI104 if a file cannot be read, CSNI203 for the Secret. */
export async function readStore(
  { kube }: WorkflowContext,
  namespace: string,
  { out, secret }: StoreChoice,
): Promise<ClientStore> {
  if (secret !== undefined) {
    const live = await kube.get<Secret>(SECRET, secret, namespace)
    const data = Object.entries(live?.data ?? {})
    return { files: new Map(data.map(([name, value]) => [name, Buffer.from(value, 'base64')])), live }
  }
  return { files: await readDirectory(out ?? '') }
}

const NAMES = new Set<string>(
  Object.values(STORE_FILES).flatMap((name) => (typeof name === 'string' ? [name] : Object.values(name))),
)

async function readDirectory(directory: string): Promise<Map<string, Buffer>> {
  try {
    const entries = await readdir(directory)
    const names = entries.filter((name) => NAMES.has(name))
    return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name))] as const)))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw new CassSniError('CSNI104', `cannot read ${directory}: ${systemError(error)}`, {
      object: directory,
      cause: error,
    })
  }
}

/**
 * Writes the files: all of them, or none. Files with the same content are not written.
 * @throws CSNI104 for a directory, CSNI210 if the Secret is not managed by this program, CSNI211 if it was changed
 * since it was read
 */
export async function writeStore(
  context: WorkflowContext,
  datacenter: { namespace: string; name: string },
  choice: StoreChoice,
  { files, store, labels = {} }: { files: readonly StoreFile[]; store: ClientStore; labels?: Record<string, string> },
): Promise<StoredFile[]> {
  if (choice.out !== undefined && !context.dryRun) {
    const actions = await writeOutputFiles(
      choice.out,
      files.map(({ name, content }) => ({ path: name, text: content, mode: 0o600 })),
      { yes: choice.overwrite === true, ask: context.ask },
    )
    return files.map(({ name, purpose }, index) => ({ name, purpose, action: actions[index] ?? 'unchanged' }))
  }
  if (choice.secret !== undefined) {
    const desired = secretOf(datacenter, choice.secret, files, labels)
    await applyChanges(context, await planChanges(context.kube, [{ ...desired, basedOn: { live: store.live } }]))
  }
  return files.map(({ name, content, purpose }) => ({
    name,
    purpose,
    action: store.files.get(name)?.equals(content) === true ? 'unchanged' : 'written',
  }))
}

function secretOf(
  { namespace, name }: { namespace: string; name: string },
  secret: string,
  files: readonly StoreFile[],
  labels: Record<string, string>,
): Desired {
  const isClient = files.some((file) => file.name === STORE_FILES.key)
  return {
    type: SECRET,
    ownership: 'own',
    object: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: secret, namespace, labels: { ...ownedLabels(name), ...labels } },
      type: isClient ? 'kubernetes.io/tls' : 'Opaque',
      data: Object.fromEntries(files.map((file) => [file.name, file.content.toString('base64')])),
    } as KubeObject,
  }
}

/** Returns where the files are, for people: "directory ./client", "secret/x in namespace y". */
export function placeText({ out, secret }: StoreChoice, namespace: string): string {
  return secret === undefined ? `directory ${out ?? ''}` : `${displayName(SECRET, secret)} in namespace ${namespace}`
}
