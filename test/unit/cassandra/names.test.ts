import { deepEqual, equal } from 'node:assert/strict'
import { labelValueFor, objectNameFor, splitPodName } from '../../../src/lib/cassandra/resource-names.ts'

describe('the names of cass-operator', () => {
  it('makes names of objects as CleanupForKubernetes does', () => {
    const cases = {
      dse: 'dse',
      NotCool_Bob: 'notcool-bob',
      'My Cluster': 'mycluster',
      'My_Cluster 1': 'my-cluster',
      'Ring 1a': 'ringa',
      '1st.ring': 'string',
      'a-b': 'a-b',
      Über: 'ber',
      '': '',
    }
    for (const [name, expected] of Object.entries(cases)) equal(objectNameFor(name), expected, name)
  })

  it('makes values of labels as CleanLabelValue does: case and dots stay', () => {
    const cases = { dse: 'dse', 'My Cluster': 'MyCluster', 'a!b': 'ab', '-x-': 'x', 'r1.r2': 'r1.r2', Böse_1: 'Bse_1' }
    for (const [name, expected] of Object.entries(cases)) equal(labelValueFor(name), expected, name)
  })

  it('splits a pod name at its last number', () => {
    deepEqual(splitPodName('dse-dc1-r1.r2-sts-10'), { statefulSet: 'dse-dc1-r1.r2-sts', ordinal: 10 })
    equal(splitPodName('dse-dc1'), undefined)
  })
})
