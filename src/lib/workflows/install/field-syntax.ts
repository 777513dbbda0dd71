/** Syntax of values, the same for flags, answers at a prompt, and the datacenter file. Pure. */
import { CassSniError, command } from '../../errors.ts'
import type { InstallOptions } from './step.ts'

/** Returns what a valid value looks like; undefined if the text is valid. A phrase without a period. */
export type Syntax = (text: string) => string | undefined

const matching =
  (pattern: RegExp, expected: string): Syntax =>
  (text) =>
    pattern.test(text.trim()) ? undefined : `expected ${expected}`

/** kubernetes/apimachinery pkg/api/resource/quantity.go, without sign, sub-milli units and exponents. */
export const quantitySyntax = matching(
  /^(?=.*[1-9])\d+(\.\d+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/,
  'a quantity such as 500m, 2 or 4Gi',
)

/** The CRD's own pattern is (\d+\.\d+\.\d+), not anchored (k8ssandra/cass-operator cassandradatacenter_types.go). */
export const versionSyntax = matching(/^\d+\.\d+\.\d+([-+.][\w.+-]*)?$/, 'a full version such as 5.0.6')

/** RFC 1123 label, short enough for the names that cass-operator derives from it. */
export const datacenterNameSyntax = matching(
  /^[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?$/,
  'at most 42 lower-case letters, digits and hyphens, starting and ending with a letter or digit',
)

/** kubernetes/apimachinery pkg/util/validation/validation.go, IsDNS1123Label. */
export const namespaceSyntax = matching(
  /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
  'at most 63 lower-case letters, digits and hyphens',
)

/** IsDNS1123Subdomain: names of most objects. */
const objectNameSyntax = matching(
  /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
  'lower-case letters, digits, hyphens and dots',
)

/** Cassandra accepts word characters and spaces; cass-operator derives object names from the letters and digits. */
export const clusterNameSyntax = matching(
  /^(?=.*[A-Za-z0-9])[\w -]{1,63}$/,
  'at most 63 letters, digits, spaces, hyphens and underscores',
)

export const sizeSyntax = matching(/^[1-9]\d{0,4}$/, 'a whole number, 1 or more')

/** Of java -Xmx (and cass-config-definitions, jvm-server-options): digits with K, M or G. */
const heapSyntax = matching(/^[1-9]\d*[kKmMgG]$/, 'a size such as 512M or 8G')

/** Name of a CSI driver or in-tree provisioner. */
export const provisionerSyntax = matching(
  /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(\/[-\w.]+)?$/i,
  'a name such as pd.csi.storage.gke.io or kubernetes.io/no-provisioner',
)

/** IsValidLabelValue: values that the label istio.io/rev accepts. */
const revisionSyntax = matching(/^[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?$/, 'a revision or tag name')

const IMAGE_PATH = '[a-z0-9]+((\\.|__?|-+)[a-z0-9]+)*'
const IMAGE_HOST = '[a-zA-Z0-9][-.a-zA-Z0-9]*|\\[[0-9a-fA-F:]+\\]'

/** distribution/reference regexp.go: host, path, tag, digest. */
export const imageSyntax = matching(
  new RegExp(
    `^((${IMAGE_HOST})(:\\d+)?/)?${IMAGE_PATH}(/${IMAGE_PATH})*` +
      '(:\\w[\\w.-]{0,127})?(@[A-Za-z][\\w+.-]*:[0-9a-fA-F]{32,})?$',
  ),
  'an image such as registry.example.com/team/name:1.0',
)

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

/** Returns an error for each flag that requires --storage-provisioner. */
function storageErrors(options: Readonly<InstallOptions>): string[] {
  if (options.storageProvisioner !== undefined) return []
  return [
    ...(Object.keys(options.storageParameters).length > 0 ? ['--storage-parameter'] : []),
    ...(options.storageReclaimPolicy === undefined ? [] : ['--storage-reclaim-policy']),
    ...(options.allowVolumeExpansion === undefined ? [] : ['--allow-volume-expansion']),
  ].map((flag) => `${flag} requires --storage-provisioner`)
}

/** Returns an error for each invalid value of a flag. */
export function malformedValues(
  values: readonly (readonly [flag: string, text: string | undefined, syntax: Syntax])[],
): string[] {
  return values.flatMap(([flag, text, syntax]) => {
    const expected = text === undefined ? undefined : syntax(text)
    return expected === undefined ? [] : [`invalid value "${text}" for ${flag}: ${expected}`]
  })
}

/** Throws one CSNI101 that lists every flag with an invalid value, before any request to the cluster. */
export function checkOptions(options: Readonly<InstallOptions>): void {
  const malformed = malformedValues(FLAGS.map(([flag, value, syntax]) => [flag, value(options), syntax]))
  const revision =
    options.istioRevision !== undefined && options.injection === 'none'
      ? ['--istio-revision cannot be combined with --injection none']
      : []
  const errors = [...malformed, ...storageErrors(options), ...revision]
  if (errors.length > 0)
    throw new CassSniError('CSNI101', errors.join('; '), { next: [command`kubectl cass-sni install --help`] })
}
