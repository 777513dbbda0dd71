/** The blog's `istioctl install -y`: only where there is no Istio yet. */
import { again, CassSniError, command, hint } from '../../errors.ts'
import type { Mesh } from '../../istio/mesh.ts'
import { observeMesh } from '../../istio/observe-mesh.ts'
import { connectionFor, programOutput } from './run-program.ts'
import type { Install, InstallStep, StepPlan } from './step.ts'

/** The command line that installs Istio, as the user could type it. */
function istioctlCommand(install: Pick<Install, 'options'>): string[] {
  const { options } = install
  return [
    options.istioctl,
    'install',
    '--skip-confirmation',
    ...(options.istioProfile === undefined ? [] : ['--set', `profile=${options.istioProfile}`]),
    ...(options.istioValues === undefined ? [] : ['--filename', options.istioValues]),
    ...(options.istioRevision === undefined || options.istioRevision === 'default'
      ? []
      : ['--revision', options.istioRevision]),
    ...connectionFor(options.kubeOptions, 'istioctl', 'CSNI701'),
  ]
}

function describe(mesh: Mesh): string {
  const istiods = mesh.istiods.map(
    (istiod) => `${istiod.namespace}/${istiod.deployment}${istiod.version === undefined ? '' : ` ${istiod.version}`}`,
  )
  const gateways = mesh.gateways.map((gateway) => `${gateway.namespace}/${gateway.service}`)
  return `istiod ${istiods.join(', ')}; ingress gateway ${gateways.join(', ')}`
}

export const istioStep: InstallStep = {
  id: 'istio',
  title: 'Istio and its ingress gateway',

  async look(install): Promise<StepPlan> {
    const mesh = await observeMesh(install.context.kube)
    const wanted = install.options.istioRevision
    if (wanted !== undefined && mesh.istiods.length > 0 && !mesh.istiods.some((istiod) => istiod.revision === wanted)) {
      throw new CassSniError(
        'CSNI501',
        `there is no istiod of revision ${wanted}; there is ${mesh.istiods.map((istiod) => istiod.revision).join(', ')}`,
        {
          next: [
            command`kubectl get deployments -A -l app=istiod -L istio.io/rev`,
            hint('Name one of these with --istio-revision.'),
          ],
        },
      )
    }
    // what cannot be seen must not be installed a second time
    if (mesh.refused !== undefined && (mesh.istiods.length === 0 || mesh.gateways.length === 0)) throw mesh.refused
    if (mesh.istiods.length > 0 && mesh.gateways.length > 0) return { state: 'present', note: describe(mesh) }
    const istioctl = istioctlCommand(install)
    if (mesh.istiods.length === 0) {
      const note =
        mesh.gateways.length === 0
          ? 'not there'
          : `a gateway without an istiod: ${mesh.gateways.map((gateway) => `${gateway.namespace}/${gateway.service}`).join(', ')}`
      return { state: 'change', note, command: istioctl }
    }
    // An istiod alone is either another team's control plane, or what an interrupted `istioctl install` of ours left.
    if (install.options.istioProfile === undefined && install.options.istioValues === undefined) {
      throw new CassSniError(
        'CSNI502',
        `istiod runs in namespace ${mesh.istiods[0]?.namespace}, but there is no ingress gateway`,
        {
          next: [
            hint(
              'Install a gateway the way that Istio was installed, for instance: helm install istio-ingressgateway istio/gateway -n istio-system',
            ),
            hint('or let istioctl install one:'),
            again`--istio-profile default`,
          ],
        },
      )
    }
    return {
      state: 'change',
      note: 'istiod without an ingress gateway',
      command: istioctl,
    }
  },

  async change(install, plan): Promise<string> {
    const { context } = install
    await programOutput({
      command: plan.command ?? istioctlCommand(install),
      signal: context.signal,
      code: 'CSNI701',
      needed: 'Istio is not in the cluster',
      missing: [
        hint(
          'install istioctl (https://istio.io/latest/docs/ops/diagnostic-tools/istioctl/), or install Istio another way',
        ),
        again`--istioctl /path/to/istioctl`,
      ],
      failed: [command`kubectl get pods -A -l app=istiod`],
      onLine: (line) => {
        // its picture of a boat is not for a list of steps
        if (/\p{L}{3}/u.test(line)) context.emit({ type: 'waiting', id: 'istio', lines: [`istioctl: ${line}`] })
      },
    })
    const mesh = await observeMesh(context.kube)
    if (mesh.istiods.length === 0 || mesh.gateways.length === 0) {
      throw new CassSniError('CSNI502', 'istioctl install succeeded, but there is no ingress gateway', {
        next: [
          hint('choose a profile with an ingress gateway:'),
          again`--istio-profile default`,
          command`kubectl get services -n istio-system`,
        ],
      })
    }
    return describe(mesh)
  },
}
