/** The login in a bundle: none, that of an existing role, or that of a role made for it. */
import type { Credentials } from '../../cassandra/datacenter.ts'
import { runsCassandra } from '../../certificates/gather/served-certificates.ts'
import type { Probes } from '../../checks/probes.ts'
import type { Bundle } from '../../clients/read-bundle.ts'
import { type Grant, parseGrants, roleName } from '../../clients/role-grants.ts'
import { again, CassSniError, hint } from '../../errors.ts'
import type { LoginChoice } from '../client-login.ts'

export interface BundleLoginChoice extends LoginChoice {
  /** Include user and password. */
  withPassword: boolean
  /** Create this role for the bundle and include its login. */
  createRole?: string | undefined
  /** Permissions of that role: "SELECT ON shop.orders". */
  grants?: readonly string[] | undefined
}

/** Returns the role to create; undefined if none. Throws CSNI101 for flags that contradict each other. */
export function requestedRole({
  createRole,
  grants = [],
  withPassword,
  username,
}: BundleLoginChoice): { name: string; grants: Grant[] } | undefined {
  if (createRole === undefined) {
    if (grants.length > 0)
      throw new CassSniError('CSNI101', '--grant requires --create-role', { next: [again`--create-role app`] })
    if (!withPassword && username !== undefined) {
      throw new CassSniError('CSNI101', '--username requires --with-password or --create-role', {
        next: [again`--with-password`],
      })
    }
    return undefined
  }
  if (withPassword)
    throw new CassSniError('CSNI101', '--create-role includes the login of the new role: omit --with-password', {
      next: [hint('--username is the role that creates it')],
    })
  return { name: roleName(createRole), grants: grants.flatMap(parseGrants) }
}

/** Returns the login in a bundle. */
export function loginIn(bundle: Bundle | undefined): Credentials | undefined {
  const { username, password } = bundle?.config ?? {}
  return username === undefined || password === undefined ? undefined : { username, password }
}

/** Throws CSNI104 if the login of another role would be lost: a created role's password is stored nowhere else. */
export function refuseLostLogin(login: Credentials | undefined, before: Credentials | undefined, out: string): void {
  if (before === undefined || before.username === login?.username) return
  throw new CassSniError('CSNI104', `${out} has the login of role ${before.username}, which would be lost`, {
    object: out,
    next: [hint('write to another file or Secret with --out'), again`--yes`],
  })
}

/** Logs in to a node. Throws CSNI604 if the login is rejected, and what else prevents it. */
export async function requireLogin(probes: Probes): Promise<void> {
  const { nodes } = probes.datacenter
  const running = nodes.filter((node) => runsCassandra(node) && node.hostId !== undefined)
  const node = running.find(({ ready }) => ready) ?? running[0]
  if (node !== undefined) await probes.hostIdBehind(node)
}
