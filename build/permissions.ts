/** docs/permissions.yaml, generated from the table of permissions. */
import { type Permission, permissionsOf, type PermissionScope } from '../src/lib/cluster/permissions.ts'

const HEAD = `\
# Permissions for all commands except install, which creates namespaces, CustomResourceDefinitions and ClusterRoles
# and needs cluster-admin. watch: for routes sync --watch only.
# Generated from src/lib/cluster/permissions.ts. The permissions of the routes controller: routes controller manifest.
# Three ClusterRoles, so that Secrets can be read in Cassandra's namespace only:
#
#   kubectl apply -f docs/permissions.yaml
#   kubectl create clusterrolebinding cass-sni-mesh --clusterrole=cass-sni-mesh --user=NAME
#   kubectl create rolebinding cass-sni-datacenter -n CASSANDRA_NAMESPACE --clusterrole=cass-sni-datacenter --user=NAME
#   kubectl create rolebinding cass-sni-gateway -n GATEWAY_NAMESPACE --clusterrole=cass-sni-gateway --user=NAME
`

const ROLES: { scope: PermissionScope; note: string }[] = [
  { scope: 'mesh', note: 'Bind cluster-wide: to find Istio and all routes. Read-only, no access to Secrets.' },
  { scope: 'datacenter', note: "Bind in Cassandra's namespace." },
  { scope: 'gateway', note: 'Bind in the namespace of the ingress gateway.' },
]

/** Returns the text of docs/permissions.yaml. */
export function permissionsYaml(): string {
  const roles = ROLES.map(
    ({ scope, note }) => `---
# ${note}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: cass-sni-${scope}}
rules:
${permissionsOf('commands', scope).map(rule).join('')}`,
  )
  return HEAD + roles.join('')
}

function rule({ group, resources, names, verbs, why }: Permission): string {
  const only = names === undefined ? '' : `, resourceNames: ${flow(names)}`
  return `# ${why}\n- {apiGroups: ${flow([group])}, resources: ${flow(resources)}${only}, verbs: ${flow(verbs)}}\n`
}

function flow(values: readonly string[]): string {
  return `[${values.map((value) => (value === '' ? '""' : value)).join(', ')}]`
}
