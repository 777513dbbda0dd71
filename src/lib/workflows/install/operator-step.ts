/** The blog's operator without a sidecar: one that is there is kept, else the user's manifest or chart is applied. */
import { shell } from '../../text/shell-words.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { observeOperator, type Operator, operatorFrom } from '../../cassandra/operator.ts'
import { applyChanges } from '../../changes/apply.ts'
import type { Desired } from '../../changes/changeset.ts'
import { FIELD_MANAGER } from '../../changes/ownership.ts'
import { planChanges } from '../../changes/change-plan.ts'
import type { KubeObject } from '../../cluster/kube.ts'
import { DEPLOYMENT, NAMESPACE } from '../../cluster/resources.ts'
import type { Deployment } from '../../cluster/workloads.ts'
import { CassSniError, command, hint, throwIfAborted } from '../../errors.ts'
import { readObjects } from './manifest-files.ts'
import { connectionFor, programOutput } from './run-program.ts'
import type { Install, InstallStep, StepPlan } from './step.ts'

/** Deployments come last: an operator whose Deployment is there is complete, also after an interruption. */
const ORDER = [
  'Namespace',
  'CustomResourceDefinition',
  'ServiceAccount',
  'ClusterRole',
  'Role',
  'ClusterRoleBinding',
  'RoleBinding',
  'ConfigMap',
  'Secret',
  'Service',
]
const OPERATOR_POLL_MS = 1000

/**
 * Istio's webhook looks at the label since 1.10 and at the annotation before; both belong on the pod template
 * (istio/istio pkg/kube/inject/webhook.go, injectRequired).
 */
export const NOT_INJECTED = {
  labels: { 'sidecar.istio.io/inject': 'false' },
  annotations: { 'sidecar.istio.io/inject': 'false' },
}

interface PodTemplate {
  metadata?: {
    labels?: Record<string, string>
    annotations?: Record<string, string>
  }
}

/** The objects of an operator's manifest as they are applied: in order, and the operator's pods without a sidecar. */
export function operatorDesired(objects: KubeObject[], namespace: string): Omit<Desired, 'type'>[] {
  const rank = (object: KubeObject): number => {
    const index = ORDER.indexOf(object.kind)
    if (object.kind === 'Deployment') return ORDER.length + 1
    return index === -1 ? ORDER.length : index
  }
  return [...objects]
    .sort((a, b) => rank(a) - rank(b))
    .map((object) => {
      if (object.kind !== 'Deployment') return { ownership: 'share' as const, object }
      const spec = object['spec'] as { template?: PodTemplate } | undefined
      const template: PodTemplate = spec?.template ?? {}
      const metadata = {
        ...template.metadata,
        labels: { ...template.metadata?.labels, ...NOT_INJECTED.labels },
        annotations: {
          ...template.metadata?.annotations,
          ...NOT_INJECTED.annotations,
        },
      }
      return {
        ownership: 'share' as const,
        object: {
          ...object,
          metadata: { namespace, ...object.metadata },
          spec: { ...spec, template: { ...template, metadata } },
        },
      }
    })
}

function watches(operator: Operator, namespace: string): boolean {
  return operator.watches === 'all' || operator.watches.includes(namespace)
}

function describe(operator: Operator): string {
  return `${operator.namespace}/${operator.deployment}${operator.version === undefined ? '' : ` ${operator.version}`}`
}

async function desiredFromManifest(install: Install): Promise<Desired[]> {
  const { kube } = install.context
  const desired: Desired[] = []
  for (const item of operatorDesired(install.operatorObjects ?? [], install.namespace)) {
    const type = await kube.resourceType(item.object.apiVersion, item.object.kind, install.operatorObjects)
    const metadata = type.namespaced ? { namespace: install.namespace, ...item.object.metadata } : item.object.metadata
    desired.push({ ...item, type, object: { ...item.object, metadata } })
  }
  return [...missingNamespaces(desired, install.namespace), ...desired]
}

/**
 * The namespaces that a manifest puts objects into and does not bring itself, as those rendered from a kustomization.
 */
function missingNamespaces(desired: Desired[], installed: string): Desired[] {
  const brought = new Set([
    installed,
    ...desired.filter(({ type }) => type.kind === NAMESPACE.kind).map(({ object }) => object.metadata.name),
  ])
  const used = new Set(desired.flatMap(({ object }) => object.metadata.namespace ?? []))
  return [...used]
    .filter((name) => !brought.has(name))
    .map((name) => ({
      type: NAMESPACE,
      ownership: 'share',
      taker: 'operator',
      object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    }))
}

/** Refuses a manifest whose operator would look after other namespaces only: the datacenter would wait for ever. */
export function refuseElsewhere(objects: KubeObject[], source: string, namespace: string): void {
  const operators = objects
    .filter((object) => object.kind === 'Deployment')
    .map((object) => operatorFrom({ ...object, metadata: { namespace, ...object.metadata } } as Deployment, false))
  const [first] = operators
  if (first === undefined) {
    throw new CassSniError('CSNI107', `${source} holds no Deployment: it is not an operator's manifest`, {
      next: [hint('See https://docs.k8ssandra.io/components/cass-operator/')],
    })
  }
  if (operators.some((operator) => watches(operator, namespace))) return
  const watched = first.watches === 'all' ? [] : first.watches
  throw new CassSniError(
    'CSNI107',
    `the operator of ${source} looks after namespace ${watched.join(', ')} only, and the install is for ${namespace}`,
    {
      object: `deployment/${first.deployment}`,
      next: [
        ...watched
          .slice(0, 1)
          .map((name) => command`kubectl cass-sni install -n ${name} --operator-manifest ${source}`),
        hint('or use a manifest with a cluster-wide operator.'),
      ],
    },
  )
}

async function found(install: Install): Promise<Operator | undefined> {
  const operators = await observeOperator(install.context.kube)
  return operators.find((operator) => watches(operator, install.namespace))
}

async function ours(install: Install, operator: Operator): Promise<boolean> {
  const deployment = await install.context.kube.get(DEPLOYMENT, operator.deployment, operator.namespace)
  return deployment?.metadata.managedFields?.some((entry) => entry.manager === FIELD_MANAGER) ?? false
}

/** Keeps Istio's sidecar away from an operator that a chart has installed: a patch of these two keys only. */
function withoutSidecar(operator: Operator): Desired {
  return {
    type: DEPLOYMENT,
    ownership: 'share',
    taker: 'no-sidecar',
    mustExist: true,
    object: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: operator.deployment, namespace: operator.namespace },
      spec: { template: { metadata: NOT_INJECTED } },
    },
  }
}

/** An operator that is kept is not ours to patch. */
function exposed({ deployment, namespace }: Operator): string {
  const patch = JSON.stringify({ spec: { template: { metadata: NOT_INJECTED } } })
  return `Istio injects a sidecar into deployment/${deployment} in namespace ${namespace}; to keep it out: ${shell`kubectl patch deployment ${deployment} -n ${namespace} -p ${patch}`}`
}

function helmCommand(install: Install): string[] {
  const { helm, operatorChart, kubeOptions } = install.options
  return [
    helm,
    'upgrade',
    '--install',
    'cass-operator',
    operatorChart ?? '',
    '--namespace',
    install.namespace,
    '--wait',
    ...connectionFor(kubeOptions, 'helm', 'CSNI702'),
  ]
}

async function waitUntilReady(install: Install): Promise<Operator> {
  const { context } = install
  for (;;) {
    throwIfAborted(context.signal)
    const operator = await found(install)
    if (operator?.ready) return operator
    const line =
      operator === undefined
        ? 'the operator has no Deployment that watches the namespace yet'
        : `deployment/${operator.deployment} is not ready yet`
    context.emit({ type: 'waiting', id: 'operator', lines: [line] })
    await sleep(OPERATOR_POLL_MS, undefined, { signal: context.signal }).catch(() => throwIfAborted(context.signal))
  }
}

export const operatorStep: InstallStep = {
  id: 'operator',
  title: 'cass-operator, without a sidecar',

  async prepare(install): Promise<void> {
    const { options, context } = install
    const operator = await found(install)
    if (operator === undefined && options.operatorManifest === undefined && options.operatorChart === undefined) {
      const others = (await observeOperator(context.kube)).map(describe)
      const why =
        others.length === 0
          ? 'cass-operator is not in the cluster'
          : `cass-operator ${others.join(', ')} does not watch namespace ${install.namespace}`
      if (context.ask === undefined) {
        throw new CassSniError('CSNI102', `${why}, and nothing says where to install it from`, {
          next: [
            command`kubectl cass-sni install --operator-manifest FILE, DIR or URL`,
            command`kubectl cass-sni install --operator-chart k8ssandra/cass-operator`,
          ],
        })
      }
      const source = await context.ask({
        kind: 'text',
        name: 'operator',
        flag: '--operator-manifest',
        message: `${why}. Manifest to install it from (file, folder with a kustomization, or URL)`,
        validate: (text) => (text.trim() === '' ? 'Name a file, a folder or a URL.' : undefined),
      })
      options.operatorManifest = source.trim()
    }
    if (options.operatorManifest !== undefined) {
      install.operatorObjects = await readObjects(options.operatorManifest, options.kubectl, context.signal)
      // an operator that is kept looks after the namespace already
      if (operator === undefined) refuseElsewhere(install.operatorObjects, options.operatorManifest, install.namespace)
    }
  },

  async look(install): Promise<StepPlan> {
    const operator = await found(install)
    if (operator !== undefined && !(install.operatorObjects !== undefined && (await ours(install, operator)))) {
      return {
        state: operator.ready ? 'present' : 'change',
        note: `kept: ${describe(operator)}${operator.ready ? '' : ', not ready yet'}`,
        ...(operator.injected ? { warning: exposed(operator) } : {}),
      }
    }
    if (install.operatorObjects !== undefined) {
      const changes = await planChanges(install.context.kube, await desiredFromManifest(install))
      const settled = changes.changes.every((change) => change.action === 'unchanged') && operator?.ready === true
      return {
        state: settled ? 'present' : 'change',
        note: operator === undefined ? `from ${install.options.operatorManifest}` : describe(operator),
        changes,
      }
    }
    return {
      state: 'change',
      note: `from chart ${install.options.operatorChart}`,
      command: helmCommand(install),
    }
  },

  async change(install, plan): Promise<string> {
    const { context } = install
    if (plan.command !== undefined) {
      await programOutput({
        command: plan.command,
        signal: context.signal,
        code: 'CSNI702',
        needed: 'cass-operator is to be installed from a chart',
        missing: [hint('install helm, name it with --helm, or use --operator-manifest')],
        onLine: (line) => context.emit({ type: 'waiting', id: 'operator', lines: [`helm: ${line}`] }),
      })
      const installed = await found(install)
      if (installed !== undefined)
        await applyChanges(context, await planChanges(context.kube, [withoutSidecar(installed)]))
    } else if (plan.changes !== undefined) {
      await applyChanges(context, plan.changes)
    }
    const operator = await waitUntilReady(install)
    return describe(operator)
  },
}
