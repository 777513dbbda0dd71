/**
 * The blog switches mutual TLS off mesh-wide; with one Service per node nothing is needed, so `keep` is the default.
 */
import { applyChanges } from '../../changes/apply.ts'
import { planChanges } from '../../changes/change-plan.ts'
import { findDatacenter } from '../../cassandra/observe-datacenter.ts'
import { desiredPeerAuthentication } from '../../routes/peer-authentication.ts'
import { observeMesh } from '../../istio/observe-mesh.ts'
import type { InstallStep, StepPlan } from './step.ts'

const NOTES = {
  keep: 'kept as it is: routes to one Service per node work under STRICT mTLS too',
  port: "off for the CQL port of this datacenter's pods",
  namespace: 'off in the namespace',
  mesh: 'off in the whole mesh, as in the blog',
}

export const mtlsStep: InstallStep = {
  id: 'mtls',
  title: "Istio's mutual TLS",

  async look(install): Promise<StepPlan> {
    const { mtls } = install.options
    if (mtls === 'keep') return { state: 'present', note: NOTES.keep }
    const { kube } = install.context
    const [mesh, existing] = await Promise.all([
      observeMesh(kube),
      findDatacenter(kube, { namespace: install.namespace, name: install.datacenterName }),
    ])
    const desired = desiredPeerAuthentication(mtls, {
      namespace: install.namespace,
      datacenter: install.datacenterName,
      rootNamespace: mesh.istiods[0]?.namespace ?? 'istio-system',
      securityVersion: mesh.securityVersion ?? 'v1beta1',
      nativePort: existing?.nativePort,
    })
    const changes = await planChanges(kube, desired)
    const settled = changes.changes.every((change) => change.action === 'unchanged')
    return {
      state: settled ? 'present' : 'change',
      note: NOTES[mtls],
      changes,
    }
  },

  async change(install, plan): Promise<string> {
    if (plan.changes !== undefined) await applyChanges(install.context, plan.changes)
    return plan.note
  },
}
