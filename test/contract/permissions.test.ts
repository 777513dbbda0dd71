/** The table of permissions, and what is generated from it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { permissionsYaml } from '../../build/permissions.ts'
import { PERMISSIONS, permissionsOf, rulesOf } from '../../src/lib/cluster/permissions.ts'
import { root } from './manifest.ts'

describe('the table of permissions', () => {
  it('is what docs/permissions.yaml grants', () => {
    const text = readFileSync(join(root, 'docs/permissions.yaml'), 'utf8')
    assert.equal(text, permissionsYaml(), 'npm run build writes it')
    const granted = parseAllDocuments(text).map((document) => document.toJS() as { metadata: object; rules: object[] })
    assert.deepEqual(
      granted.map(({ metadata, rules }) => ({ metadata, rules })),
      (['mesh', 'datacenter', 'gateway'] as const).map((scope) => ({
        metadata: { name: `cass-sni-${scope}` },
        rules: rulesOf('commands', scope),
      })),
    )
  })

  it('gives the controller no Secret, no exec, and writes in the cluster-wide role to nobody', () => {
    const resources = (['mesh', 'datacenter', 'gateway', 'controller'] as const)
      .flatMap((scope) => permissionsOf('controller', scope))
      .flatMap((permission) => permission.resources)
    assert.ok(resources.includes('cassandradatacenters'))
    for (const forbidden of ['secrets', 'pods/exec', '*']) assert.equal(resources.includes(forbidden), false, forbidden)
    for (const { scope, verbs, resources: of } of PERMISSIONS) {
      if (scope === 'mesh') assert.deepEqual(verbs, ['get', 'list', 'watch'], of.join())
    }
  })
})
