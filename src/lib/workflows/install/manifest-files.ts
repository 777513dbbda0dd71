/** Reads Kubernetes objects from a file, a kustomization directory, or a URL. */
import { readFile, stat } from 'node:fs/promises'
import type { KubeObject } from '../../cluster/kube.ts'
import { parseYaml, YamlError } from '../../cluster/kubernetes-yaml.ts'
import { CassSniError, command, hint } from '../../errors.ts'
import { systemError } from '../../text/system-errors.ts'
import { programOutput } from './run-program.ts'

const FETCH_TIMEOUT_MS = 30_000
/** Bytes. cass-operator's manifest with its CRDs is 1 MiB. */
const LARGEST_MANIFEST = 32 * 1024 * 1024

/**
 * Returns the Kubernetes objects in YAML or JSON text; Lists are expanded, empty documents skipped.
 * `source` is how errors (CSNI107) refer to the text.
 */
export function parseObjects(text: string, source: string): KubeObject[] {
  const objects: KubeObject[] = []
  for (const [index, value] of documentsOf(text, source).entries()) {
    if (value === null || value === undefined) continue
    for (const item of isList(value) ? value.items : [value]) {
      if (!isKubeObject(item)) {
        throw new CassSniError(
          'CSNI107',
          `${source}: document ${index + 1} is not a Kubernetes object: apiVersion, kind or metadata.name is missing`,
          {
            next: [command`kubectl apply --dry-run=client -f ${source}`],
          },
        )
      }
      objects.push(item)
    }
  }
  if (objects.length === 0)
    throw new CassSniError('CSNI107', `${source}: no Kubernetes objects found`, {
      next: [hint('specify a file that contains the objects as YAML or JSON')],
    })
  return objects
}

function documentsOf(text: string, source: string): unknown[] {
  try {
    return parseYaml(text)
  } catch (error) {
    if (!(error instanceof YamlError)) throw error
    throw new CassSniError('CSNI107', `${source}: invalid YAML: ${error.message}`, {
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
 * Returns whether the source is a kustomization in a Git repository, in a form that kustomize accepts
 * (kubernetes-sigs/kustomize examples/remoteBuild.md): without a scheme, or with a revision or a path.
 */
function isRemoteKustomization(source: string): boolean {
  return (
    /^(github\.com\/|git@|git::|ssh:\/\/)/.test(source) ||
    /^https?:\/\/[^?]*(\.git|[^:]\/\/)|^https?:.*[?&]ref=/.test(source)
  )
}

/**
 * Returns the objects of a source: a directory or a Git URL is rendered with `kubectl kustomize`, any other URL is
 * fetched, everything else is a file.
 * Errors: CSNI104 (cannot be read), CSNI107 (invalid YAML), CSNI702 (kubectl kustomize failed).
 */
export async function readObjects(source: string, kubectl: string, signal: AbortSignal): Promise<KubeObject[]> {
  if (isRemoteKustomization(source)) return parseObjects(await kustomize(source, kubectl, signal), source)
  if (/^https?:\/\//i.test(source)) return parseObjects(await fetchText(source, signal), source)
  const found = await stat(source).catch((error: NodeJS.ErrnoException) => {
    throw new CassSniError('CSNI104', `cannot read ${source}: ${systemError(error)}`, {
      next: [command`ls -l ${source}`],
      cause: error,
    })
  })
  if (found.isDirectory()) return parseObjects(await kustomize(source, kubectl, signal), source)
  const text = await readFile(source, 'utf8').catch((error: Error) => {
    throw new CassSniError('CSNI104', `cannot read ${source}: ${systemError(error)}`, {
      next: [command`ls -l ${source}`],
      cause: error,
    })
  })
  return parseObjects(text, source)
}

async function fetchText(url: string, signal: AbortSignal): Promise<string> {
  const next = [command`curl -fsSLO ${url}`, hint('then specify the downloaded file instead of the URL')]
  const refused = (reason: string, cause?: unknown) =>
    new CassSniError('CSNI104', `cannot fetch ${url}: ${reason}`, { next, cause })
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)]) })
    if (!response.ok) throw refused(`HTTP ${response.status}`)
    // a redirect must not downgrade from a verified server to an unverified one
    if (/^https:/i.test(url) && !response.url.startsWith('https:'))
      throw refused(`redirected to ${response.url}, which is not encrypted`)
    const parts: Uint8Array[] = []
    let size = 0
    for await (const part of response.body ?? []) {
      size += part.length
      if (size > LARGEST_MANIFEST) throw refused(`larger than ${LARGEST_MANIFEST / 1024 / 1024} MiB, not a manifest`)
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
    purpose: `render kustomization ${source}`,
    missing: [hint('install kubectl, or specify its path with --kubectl')],
  })
}
