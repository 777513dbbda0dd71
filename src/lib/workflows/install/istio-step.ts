/** The blog's `istioctl install -y`: only where there is no Istio yet. */
import { again, CassSniError, command, hint } from '../../errors.ts'
import type { Mesh } from '../../istio/mesh.ts'
import { observeMesh } from '../../istio/observe-mesh.ts'
import { checkRevision } from '../../istio/injection.ts'
import { connectionFor, programOutput } from './run-program.ts'
import type { InstallStep, Setup, StepPlan } from './step.ts'

/** The command line that installs Istio, as the user could type it. */
function istioctlCommand({ options }: Setup): string[] {
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

/** The step that runs istioctl install where there is no Istio. */
export function istioStep(setup: Setup): InstallStep {
  const { context, options } = setup
  return {
    id: 'istio',
    title: 'Istio and its ingress gateway',

    async look(): Promise<StepPlan> {
      const mesh = await observeMesh(context.kube, { injection: options.istioRevision !== undefined })
      const { istiods, gateways } = mesh
      if (options.istioRevision !== undefined) checkRevision(mesh, options.istioRevision)
      // what cannot be seen must not be installed a second time
      if (mesh.refused !== undefined && (istiods.length === 0 || gateways.length === 0)) throw mesh.refused
      if (istiods.length > 0 && gateways.length > 0) return { state: 'present', note: describe(mesh) }
      const istioctl = istioctlCommand(setup)
      if (istiods.length === 0) {
        const names = gateways.map((gateway) => `${gateway.namespace}/${gateway.service}`)
        const note = names.length === 0 ? 'not installed' : `a gateway without an istiod: ${names.join(', ')}`
        return { state: 'change', note, command: istioctl }
      }
      // An istiod alone is either another team's control plane, or what an interrupted `istioctl install` of ours left.
      if (options.istioProfile === undefined && options.istioValues === undefined) {
        throw new CassSniError(
          'CSNI502',
          `istiod runs in namespace ${istiods[0]?.namespace}, but there is no ingress gateway`,
          {
            next: [
              hint('install a gateway the way that Istio was installed, for instance:'),
              command`helm install istio-ingressgateway istio/gateway -n istio-system`,
              hint('or let istioctl install one:'),
              again`--istio-profile default`,
            ],
          },
        )
      }
      return { state: 'change', note: 'istiod without an ingress gateway', command: istioctl }
    },

    async change(plan): Promise<{ note: string }> {
      await programOutput({
        command: plan.command ?? istioctlCommand(setup),
        signal: context.signal,
        code: 'CSNI701',
        needed: 'Istio is not in the cluster',
        missing: [
          hint(
            'install istioctl (https://istio.io/latest/docs/ops/diagnostic-tools/istioctl/) ' +
              'or name it with --istioctl, or install Istio another way',
          ),
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
      return { note: describe(mesh) }
    },
  }
}
