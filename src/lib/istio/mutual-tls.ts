/** The mode of Istio's mutual TLS on a port of a pod (istio/api security/v1beta1/peer_authentication.proto). Pure. */
import type { KubeObject } from '../cluster/kube.ts'

export type MutualTlsMode = 'DISABLE' | 'PERMISSIVE' | 'STRICT'

interface PeerAuthenticationSpec {
  selector?: { matchLabels?: Record<string, string> }
  mtls?: { mode?: MutualTlsMode | 'UNSET' }
  portLevelMtls?: Record<string, { mode?: MutualTlsMode | 'UNSET' }>
}

export interface EffectiveMode {
  mode: MutualTlsMode
  /** The PeerAuthentication that sets it; undefined for Istio's default. */
  policy?: KubeObject | undefined
}

/**
 * Returns the effective mode: of the port, else of the pod, its namespace or the mesh, else PERMISSIVE. Of several
 * policies with the same scope, Istio uses the oldest.
 */
export function effectiveMode(
  policies: readonly KubeObject[],
  pod: { namespace: string; labels: Readonly<Record<string, string>> },
  port: number,
  roots: readonly string[],
): EffectiveMode {
  const byAge = [...policies].sort((one, other) => ageOf(one).localeCompare(ageOf(other)))
  const selecting = byAge.find((each) => {
    const wanted = selectorOf(each)
    return (
      each.metadata.namespace === pod.namespace && wanted.length > 0 && wanted.every(([k, v]) => pod.labels[k] === v)
    )
  })
  const general = (namespaces: readonly string[]) =>
    byAge.find((each) => namespaces.includes(each.metadata.namespace ?? '') && selectorOf(each).length === 0)
  const modes: [KubeObject | undefined, MutualTlsMode | 'UNSET' | undefined][] = [
    [selecting, specOf(selecting).portLevelMtls?.[String(port)]?.mode],
    ...[selecting, general([pod.namespace]), general(roots)].map(
      (policy): [KubeObject | undefined, MutualTlsMode | 'UNSET' | undefined] => [policy, specOf(policy).mtls?.mode],
    ),
  ]
  for (const [policy, mode] of modes) if (mode !== undefined && mode !== 'UNSET') return { mode, policy }
  return { mode: 'PERMISSIVE' }
}

function specOf(policy: KubeObject | undefined): PeerAuthenticationSpec {
  return (policy?.spec ?? {}) as PeerAuthenticationSpec
}

function selectorOf(policy: KubeObject): [string, string][] {
  return Object.entries(specOf(policy).selector?.matchLabels ?? {})
}

function ageOf({ metadata }: KubeObject): string {
  return String(metadata.creationTimestamp ?? '')
}
