/** Reads the YAML that the user hands over: a file, a directory that is a kustomization, or a URL. */
import { readFile, stat } from 'node:fs/promises'
import type { KubeObject } from '../../cluster/kube.ts'
import { parseYaml, YamlError } from '../../cluster/kubernetes-yaml.ts'
import { CassSniError, command, hint } from '../../errors.ts'
import { systemError } from '../../text/system-errors.ts'
import { programOutput } from './run-program.ts'

const FETCH_TIMEOUT_MS = 30_000
/** cass-operator's manifest with its CRDs has 1 MiB. Bytes. */
const LARGEST_MANIFEST = 32 * 1024 * 1024

/**
 * The Kubernetes objects in YAML or JSON text; Lists are unfolded, empty documents left out.
 * `source` names the text in errors (CSNI107).
 */
export function parseObjects(text: string, source: string): KubeObject[] {
  const objects: KubeObject[] = []
  for (const [index, value] of documentsOf(text, source).entries()) {
    if (value === null || value === undefined) continue
    for (const item of isList(value) ? value.items : [value]) {
      if (!isKubeObject(item)) {
        throw new CassSniError(
          'CSNI107',
          `document ${index + 1} of ${source} is not a Kubernetes object: it lacks apiVersion, kind or metadata.name`,
          {
            next: [command`kubectl apply --dry-run=client -f ${source}`],
          },
        )
      }
      objects.push(item)
    }
  }
  if (objects.length === 0)
    throw new CassSniError('CSNI107', `${source} holds no Kubernetes object`, {
      next: [hint('Name a file that holds the objects as YAML or JSON.')],
    })
  return objects
}

function documentsOf(text: string, source: string): unknown[] {
  try {
    return parseYaml(text)
  } catch (error) {
    if (!(error instanceof YamlError)) throw error
    throw new CassSniError('CSNI107', `${source} is not YAML: ${error.message}`, {
      next: [command`kubectl apply --dry-run=client -f ${source}`],
      cause: error,
    })
  }
}

function isList(value: unknown): value is { items: unknown[] } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    String(value.kind).endsWith('List') &&
    'items' in value &&
    Array.isArray(value.items)
  )
}

function isKubeObject(value: unknown): value is KubeObject {
  if (typeof value !== 'object' || value === null) return false
  const { apiVersion, kind, metadata } = value as Record<string, unknown>
  return (
    typeof apiVersion === 'string' &&
    typeof kind === 'string' &&
    typeof metadata === 'object' &&
    metadata !== null &&
    typeof (metadata as { name?: unknown }).name === 'string'
  )
}

/**
 * A kustomization in a Git repository, as kustomize takes it (kubernetes-sigs/kustomize
 * examples/remoteBuild.md): without a scheme, or with a revision or a path inside the repository.
 */
function isRemoteKustomization(source: string): boolean {
  return (
    /^(github\.com\/|git@|git::|ssh:\/\/)/.test(source) ||
    /^https?:\/\/[^?]*(\.git|[^:]\/\/)|^https?:.*[?&]ref=/.test(source)
  )
}

/**
 * The objects of a source: a directory or a Git URL is rendered by the user's `kubectl kustomize`, another URL is
 * fetched, all else is a file.
 * Errors: CSNI104 (no such file), CSNI107 (not YAML), CSNI702 (kubectl kustomize failed).
 */
export async function readObjects(source: string, kubectl: string, signal: AbortSignal): Promise<KubeObject[]> {
  if (isRemoteKustomization(source)) return parseObjects(await kustomize(source, kubectl, signal), source)
  if (/^https?:\/\//i.test(source)) return parseObjects(await fetchText(source, signal), source)
  const found = await stat(source).catch((error: NodeJS.ErrnoException) => {
    throw new CassSniError('CSNI104', `${source} cannot be read: ${systemError(error)}`, {
      next: [command`ls -l ${source}`],
      cause: error,
    })
  })
  if (found.isDirectory()) return parseObjects(await kustomize(source, kubectl, signal), source)
  const text = await readFile(source, 'utf8').catch((error: Error) => {
    throw new CassSniError('CSNI104', `${source} cannot be read: ${systemError(error)}`, {
      next: [command`ls -l ${source}`],
      cause: error,
    })
  })
  return parseObjects(text, source)
}

async function fetchText(url: string, signal: AbortSignal): Promise<string> {
  const next = [command`curl -fsSLO ${url}`, hint('and name the downloaded file instead.')]
  const refused = (why: string, cause?: unknown) =>
    new CassSniError('CSNI104', `${url} cannot be fetched: ${why}`, { next, cause })
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)]) })
    if (!response.ok) throw refused(`HTTP ${response.status}`)
    // a redirect must not lead from a verified server to one that nobody has verified
    if (/^https:/i.test(url) && !response.url.startsWith('https:'))
      throw refused(`it redirects to ${response.url}, which is not encrypted`)
    const parts: Uint8Array[] = []
    let size = 0
    for await (const part of response.body ?? []) {
      size += part.length
      if (size > LARGEST_MANIFEST)
        throw refused(`it is larger than ${LARGEST_MANIFEST / 1024 / 1024} MiB, so it is no manifest`)
      parts.push(part)
    }
    return Buffer.concat(parts).toString('utf8')
  } catch (error) {
    if (error instanceof CassSniError) throw error
    if (signal.aborted) throw signal.reason
    const { cause, message } = error as Error
    throw refused(cause instanceof Error ? cause.message : message, error)
  }
}

function kustomize(source: string, kubectl: string, signal: AbortSignal): Promise<string> {
  return programOutput({
    command: [kubectl, 'kustomize', source],
    signal,
    code: 'CSNI702',
    needed: `${source} is a kustomization, which kubectl renders`,
    missing: [hint('install kubectl, or name it with --kubectl')],
  })
}
