/** Where cass-operator is installed from, if at all: decided once, before anything is written. */
import { observeOperator, type Operator } from '../../cassandra/operator.ts'
import type { KubeObject } from '../../cluster/kube.ts'
import { CassSniError } from '../../errors.ts'
import { readObjects } from './manifest-files.ts'
import { operatorKustomization, operatorSources, refuseElsewhere, watches } from './operator-manifest.ts'
import type { Missing, Setup } from './step.ts'

export type OperatorSource =
  | { kind: 'manifest'; source: string; objects: KubeObject[] }
  | { kind: 'chart'; chart: string }
  /** One that watches the namespace is there, and nothing was said. */
  | { kind: 'cluster' }
  | { kind: 'nowhere'; missing: Missing }

/** "cass-operator/cass-operator-controller-manager 1.30.0". */
export function operatorText({ namespace, deployment, version }: Operator): string {
  return `${namespace}/${deployment}${version === undefined ? '' : ` ${version}`}`
}

/** The operator that watches the namespace. */
export async function findOperator({ context, namespace }: Setup): Promise<Operator | undefined> {
  return (await observeOperator(context.kube)).find((operator) => watches(operator, namespace))
}

/**
 * Errors: those of readObjects for --operator-manifest, CSNI107 when its operator watches other namespaces only. A
 * wrong answer at the prompt is asked for again.
 */
export async function chooseOperatorSource(setup: Setup): Promise<OperatorSource> {
  const { options, context, namespace } = setup
  const operator = await findOperator(setup)
  if (options.operatorManifest !== undefined) return fromManifest(setup, options.operatorManifest, operator)
  if (options.operatorChart !== undefined) return { kind: 'chart', chart: options.operatorChart }
  if (operator !== undefined) return { kind: 'cluster' }
  const others = (await observeOperator(context.kube)).map(operatorText)
  const why =
    others.length === 0
      ? 'cass-operator is not installed'
      : `cass-operator ${others.join(', ')} does not watch namespace ${namespace}`
  if (context.ask === undefined) return { kind: 'nowhere', missing: { why, next: operatorSources(namespace) } }
  for (let trouble = ''; ; ) {
    const source = await context.ask({
      kind: 'text',
      name: 'operator',
      flag: '--operator-manifest',
      message: `${trouble}${why}. Manifest to install it from (file, directory with a kustomization, or URL)`,
      initial: operatorKustomization(namespace),
      validate: (text) => (text.trim() === '' ? 'Name a file, a directory or a URL.' : undefined),
    })
    try {
      return await fromManifest(setup, source.trim(), operator)
    } catch (error) {
      if (!(error instanceof CassSniError) || !['CSNI104', 'CSNI107', 'CSNI702'].includes(error.code)) throw error
      trouble = `${error.message}. `
    }
  }
}

async function fromManifest(setup: Setup, source: string, operator: Operator | undefined): Promise<OperatorSource> {
  const objects = await readObjects(source, setup.options.kubectl, setup.context.signal)
  // an operator that is kept watches the namespace already
  if (operator === undefined) refuseElsewhere(objects, source, setup.namespace)
  return { kind: 'manifest', source, objects }
}
