/** The roles of docs/permissions.yaml, bound as it says. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { TestServer } from './api-server.ts'

const RBAC = '/apis/rbac.authorization.k8s.io/v1'

interface Role {
  metadata: { name: string }
  rules: { resources: string[]; verbs: string[] }[]
}

/**
 * Binds the roles, those whose names end so, with the verbs that are allowed, to a new user. Returns the path of its
 * kubeconfig, and what takes them back.
 */
export async function bindDocumentedRoles(
  server: TestServer,
  user: string,
  namespaces: { datacenter: string; gateway: string },
  allowed: (verb: string, resources: string[]) => boolean = () => true,
  bound: readonly string[] = ['-mesh', '-datacenter', '-gateway'],
): Promise<{ kubeconfig: string; remove: () => Promise<void> }> {
  const made: string[] = []
  const create = async (path: string, object: { metadata: { name: string } }): Promise<void> => {
    await server.client.send('POST', `${RBAC}/${path}`, object)
    made.push(`${RBAC}/${path}/${object.metadata.name}`)
  }
  const file = await readFile(join(import.meta.dirname, '../../docs/permissions.yaml'), 'utf8')
  for (const document of parseAllDocuments(file)) {
    const role = document.toJS() as Role
    const name = `${user}-${role.metadata.name}`
    if (!bound.some((end) => name.endsWith(end))) continue
    const rules = role.rules.flatMap((rule) => {
      const verbs = rule.verbs.filter((verb) => allowed(verb, rule.resources))
      return verbs.length === 0 ? [] : [{ ...rule, verbs }]
    })
    const whole: Role = { ...role, metadata: { name }, rules }
    await create('clusterroles', whole)
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name }
    const binding = { metadata: { name }, roleRef, subjects: [{ kind: 'User', name: user }] }
    if (name.endsWith('-mesh')) await create('clusterrolebindings', binding)
    else {
      const namespace = name.endsWith('-gateway') ? namespaces.gateway : namespaces.datacenter
      await create(`namespaces/${namespace}/rolebindings`, binding)
    }
  }
  const remove = async (): Promise<void> => {
    for (const path of made.splice(0)) await server.client.send('DELETE', path, {})
  }
  return { kubeconfig: await server.kubeconfigFor({ user }), remove }
}
