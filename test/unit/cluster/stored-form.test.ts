import assert from 'node:assert/strict'
import { POD, SERVICE, STATEFUL_SET } from '../../../src/lib/cluster/resources.ts'
import { storedForm } from '../../../src/lib/cluster/stored-form.ts'

describe('the form in which objects are kept in memory', () => {
  const managed = { name: 'x', namespace: 'n', labels: { a: 'b' }, managedFields: [{ manager: 'm' }] }
  const { managedFields: _, ...metadata } = managed

  it('has the parts of a pod that are read, and no volumes, mounts, probes and resources', () => {
    const kept = {
      name: 'istio-proxy',
      image: 'i',
      args: ['proxy', 'router'],
      env: [{ name: 'ISTIO_META_REQUESTED_NETWORK_VIEW', value: 'net' }],
      ports: [{ name: 'http', containerPort: 80 }],
    }
    const container = {
      ...kept,
      volumeMounts: [{ name: 'v', mountPath: '/v' }],
      resources: { requests: { cpu: '1' } },
      livenessProbe: { httpGet: { port: 1 } },
    }
    const init = { name: 'istio-init', restartPolicy: 'Always' }
    const status = { podIP: '10.0.0.1', conditions: [{ type: 'Ready', status: 'True' }] }
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: managed,
      spec: {
        subdomain: 's',
        nodeName: 'w',
        volumes: [{ name: 'v', emptyDir: {} }],
        tolerations: [{ operator: 'Exists' }],
        affinity: {},
        containers: [container],
        initContainers: [{ ...init, command: ['c'] }],
      },
      status,
    }
    assert.deepEqual(storedForm(POD)?.(pod), {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata,
      spec: { subdomain: 's', nodeName: 'w', containers: [kept], initContainers: [init] },
      status,
    })
  })

  it('has no managedFields of kinds that are only read, and all of the others', () => {
    const object = { apiVersion: 'v1', kind: 'X', metadata: managed }
    assert.deepEqual(storedForm(STATEFUL_SET)?.(object), { ...object, metadata })
    assert.equal(storedForm(SERVICE), undefined)
  })
})
