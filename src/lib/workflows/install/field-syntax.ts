/** How values must be written: the same for flags, answers at a prompt, and the datacenter's file. Pure. */
import { CassSniError, command } from '../../errors.ts'
import type { InstallOptions } from './step.ts'

/** Why the text is not such a value; undefined when it is. A sentence. */
export type Syntax = (text: string) => string | undefined

const matching =
  (pattern: RegExp, advice: string): Syntax =>
  (text) =>
    pattern.test(text.trim()) ? undefined : advice

/** kubernetes/apimachinery pkg/api/resource/quantity.go, without sign, sub-milli units and exponents. */
export const quantitySyntax = matching(
  /^(?=.*[1-9])\d+(\.\d+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/,
  'Use a quantity such as 500m, 2 or 4Gi.',
)

/** The CRD's own pattern is (\d+\.\d+\.\d+), not anchored (k8ssandra/cass-operator cassandradatacenter_types.go). */
export const versionSyntax = matching(/^\d+\.\d+\.\d+([-+.][\w.+-]*)?$/, 'Use a full version such as 5.0.6.')

/** RFC 1123 label, short enough for the names that cass-operator makes of it. */
export const datacenterNameSyntax = matching(
  /^[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?$/,
  'Use lower-case letters, digits and hyphens, at most 42, beginning and ending with a letter or digit.',
)

/** kubernetes/apimachinery pkg/util/validation/validation.go, IsDNS1123Label. */
export const namespaceSyntax = matching(
  /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
  'Use lower-case letters, digits and hyphens, at most 63.',
)

/** IsDNS1123Subdomain: names of most objects. */
const objectNameSyntax = matching(
  /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
  'Use lower-case letters, digits, hyphens and dots.',
)

/** Cassandra takes word characters and blanks; cass-operator makes names of objects out of the letters and digits. */
export const clusterNameSyntax = matching(
  /^(?=.*[A-Za-z0-9])[\w -]{1,63}$/,
  'Use letters, digits, blanks, hyphens and underscores, at most 63.',
)

export const sizeSyntax = matching(/^[1-9]\d{0,4}$/, 'Use a whole number, 1 or more.')

/** Of java -Xmx (and cass-config-definitions, jvm-server-options): digits with K, M or G. */
const heapSyntax = matching(/^[1-9]\d*[kKmMgG]$/, 'Use a size such as 512M or 8G.')

/** A CSI driver's name, or that of an in-tree provisioner. */
export const provisionerSyntax = matching(
  /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(\/[-\w.]+)?$/i,
  'Use a name such as pd.csi.storage.gke.io or kubernetes.io/no-provisioner.',
)

/** IsValidLabelValue: what istio.io/rev can hold. */
const revisionSyntax = matching(/^[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?$/, 'Use the name of a revision or tag.')

const imageSyntax = matching(/^[\w][\w./:@-]*$/, 'Use an image such as k8ssandra/cass-management-api:5.0.6.')

const FLAGS: readonly [flag: string, value: (options: Readonly<InstallOptions>) => string | undefined, Syntax][] = [
  ['--datacenter', (options) => options.datacenterName, datacenterNameSyntax],
  ['--cluster-name', (options) => options.clusterName, clusterNameSyntax],
  ['--server-version', (options) => options.serverVersion, versionSyntax],
  ['--server-image', (options) => options.serverImage, imageSyntax],
  ['--service-account', (options) => options.serviceAccount, objectNameSyntax],
  ['--cpu', (options) => options.cpu, quantitySyntax],
  ['--memory', (options) => options.memory, quantitySyntax],
  ['--cpu-limit', (options) => options.cpuLimit, quantitySyntax],
  ['--memory-limit', (options) => options.memoryLimit, quantitySyntax],
  ['--heap', (options) => options.heap, heapSyntax],
  ['--storage-size', (options) => options.storageSize, quantitySyntax],
  ['--storage-class', (options) => options.storageClass, objectNameSyntax],
  ['--storage-provisioner', (options) => options.storageProvisioner, provisionerSyntax],
  ['--istio-revision', (options) => options.istioRevision, revisionSyntax],
]

/** Flags that mean something only beside --storage-provisioner. */
function storageTrouble(options: Readonly<InstallOptions>): string[] {
  if (options.storageProvisioner !== undefined) return []
  return [
    ...(Object.keys(options.storageParameters).length > 0 ? ['--storage-parameter'] : []),
    ...(options.storageReclaimPolicy === undefined ? [] : ['--storage-reclaim-policy']),
    ...(options.allowVolumeExpansion === undefined ? [] : ['--allow-volume-expansion']),
  ].map((flag) => `${flag} requires --storage-provisioner.`)
}

/** Throws one CSNI101 that names every flag whose value is not well-formed. Before anything is asked of the cluster. */
export function checkOptions(options: Readonly<InstallOptions>): void {
  const malformed = FLAGS.flatMap(([flag, value, syntax]) => {
    const text = value(options)
    const advice = text === undefined ? undefined : syntax(text)
    return advice === undefined ? [] : [`${flag} "${text}": invalid value. ${advice}`]
  })
  const revision =
    options.istioRevision !== undefined && options.injection === 'none'
      ? ['--istio-revision cannot be combined with --injection none.']
      : []
  const trouble = [...malformed, ...storageTrouble(options), ...revision]
  if (trouble.length > 0)
    throw new CassSniError('CSNI101', trouble.join(' '), { next: [command`kubectl cass-sni install --help`] })
}
