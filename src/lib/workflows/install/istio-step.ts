/** Runs `istioctl install` if Istio is not installed. */
import { again, CassSniError, command, hint } from '../../errors.ts'
import type { Mesh } from '../../istio/mesh.ts'
import { observeMesh } from '../../istio/observe-mesh.ts'
import { checkRevision } from '../../istio/injection.ts'
import { connectionFor, programOutput } from './run-program.ts'
import type { InstallStep, Setup, StepPlan } from './step.ts'

/** Returns the command line that installs Istio, as the user could type it. */
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
  return `istiod ${istiods.join(', ')}, ingress gateway ${gateways.join(', ')}`
}

/** Returns the step that runs `istioctl install` if Istio is not installed. */
export function istioStep(setup: Setup): InstallStep {
  const { context, options } = setup
  return {
    id: 'istio',
    title: 'Istio and its ingress gateway',

    async plan(): Promise<StepPlan> {
      const mesh = await observeMesh(context.kube, { injection: options.istioRevision !== undefined })
      const { istiods, gateways } = mesh
      if (options.istioRevision !== undefined) checkRevision(mesh, options.istioRevision)
      // an Istio that this user cannot see must not be installed a second time
      if (mesh.refused !== undefined && (istiods.length === 0 || gateways.length === 0)) throw mesh.refused
      if (istiods.length > 0 && gateways.length > 0) return { state: 'present', note: describe(mesh) }
      const istioctl = istioctlCommand(setup)
      if (istiods.length === 0) {
        const names = gateways.map((gateway) => `${gateway.namespace}/${gateway.service}`)
        const note = names.length === 0 ? 'not installed' : `ingress gateway without istiod (${names.join(', ')})`
        return { state: 'change', note, command: istioctl }
      }
      // A lone istiod is either another team's control plane or the rest of an interrupted `istioctl install`.
      if (options.istioProfile === undefined && options.istioValues === undefined) {
        throw new CassSniError(
          'CSNI502',
          `istiod is running in namespace ${istiods[0]?.namespace}, but no Istio ingress gateway was found`,
          {
            next: [
              hint('install a gateway the same way as Istio, for example:'),
              command`helm install istio-ingressgateway istio/gateway -n istio-system`,
              hint('alternatively, have istioctl install one'),
              again`--istio-profile default`,
            ],
          },
        )
      }
      return { state: 'change', note: 'istiod without an ingress gateway', command: istioctl }
    },

    async apply(plan): Promise<{ note: string }> {
      await programOutput({
        command: plan.command ?? istioctlCommand(setup),
        signal: context.signal,
        code: 'CSNI701',
        purpose: 'install Istio',
        missing: [
          hint(
            'install istioctl (https://istio.io/latest/docs/ops/diagnostic-tools/istioctl/), ' +
              'specify its path with --istioctl, or install Istio another way',
          ),
        ],
        failed: [command`kubectl get pods -A -l app=istiod`],
        onLine: (line) => {
          // skip the ASCII art that istioctl prints
          if (/\p{L}{3}/u.test(line)) context.emit({ type: 'waiting', id: 'istio', lines: [`istioctl: ${line}`] })
        },
      })
      const mesh = await observeMesh(context.kube)
      if (mesh.istiods.length === 0 || mesh.gateways.length === 0) {
        throw new CassSniError('CSNI502', 'istioctl install succeeded, but no Istio ingress gateway was found', {
          next: [
            hint('use a profile with an ingress gateway:'),
            again`--istio-profile default`,
            command`kubectl get services -n istio-system`,
          ],
        })
      }
      return { note: describe(mesh) }
    },
  }
}
