/** Where to install cass-operator from, if at all: decided once, before anything is written. */
import { observeOperator, type Operator } from '../../cassandra/operator.ts'
import type { KubeObject } from '../../cluster/kube.ts'
import { CassSniError } from '../../errors.ts'
import { readObjects } from './manifest-files.ts'
import { operatorKustomization, operatorSources, refuseElsewhere, watches } from './operator-manifest.ts'
import type { Missing, Setup } from './step.ts'

export type OperatorSource =
  | { kind: 'manifest'; source: string; objects: KubeObject[] }
  | { kind: 'chart'; chart: string }
  /** An operator that watches the namespace is already installed. */
  | { kind: 'cluster' }
  | { kind: 'unknown'; note: string; missing: Missing }

/** "cass-operator/cass-operator-controller-manager 1.30.0". */
export function operatorText({ namespace, deployment, version }: Operator): string {
  return `${namespace}/${deployment}${version === undefined ? '' : ` ${version}`}`
}

/** Finds the operator that watches the namespace. */
export async function findOperator({ context, namespace }: Setup): Promise<Operator | undefined> {
  return (await observeOperator(context.kube)).find((operator) => watches(operator, namespace))
}

/**
 * Returns the source from the flags, the cluster, or a prompt, which repeats after an invalid answer.
 * Errors: those of readObjects for --operator-manifest, CSNI107 if its operator does not watch the namespace.
 */
export async function chooseOperatorSource(setup: Setup): Promise<OperatorSource> {
  const { options, context, namespace } = setup
  const operator = await findOperator(setup)
  if (options.operatorManifest !== undefined) return fromManifest(setup, options.operatorManifest, operator)
  if (options.operatorChart !== undefined) return { kind: 'chart', chart: options.operatorChart }
  if (operator !== undefined) return { kind: 'cluster' }
  const others = (await observeOperator(context.kube)).map(operatorText)
  const note = others.length === 0 ? 'not installed' : `${others.join(', ')} does not watch namespace ${namespace}`
  const reason = others.length === 0 ? 'cass-operator is not installed' : `operator ${note}`
  if (context.ask === undefined) return { kind: 'unknown', note, missing: { reason, next: operatorSources(namespace) } }
  for (let problem = reason; ; ) {
    const source = await context.ask({
      kind: 'text',
      name: 'operator',
      flag: '--operator-manifest',
      message: `${problem}; manifest to install it from (file, kustomization directory, or URL)`,
      initial: operatorKustomization(namespace),
      validate: (text) => (text.trim() === '' ? 'expected a file, directory or URL' : undefined),
    })
    try {
      return await fromManifest(setup, source.trim(), operator)
    } catch (error) {
      if (!(error instanceof CassSniError) || !['CSNI104', 'CSNI107', 'CSNI702'].includes(error.code)) throw error
      problem = error.message
    }
  }
}

async function fromManifest(setup: Setup, source: string, operator: Operator | undefined): Promise<OperatorSource> {
  const objects = await readObjects(source, setup.options.kubectl, setup.context.signal)
  // an existing operator is known to watch the namespace
  if (operator === undefined) refuseElsewhere(objects, source, setup.namespace)
  return { kind: 'manifest', source, objects }
}
