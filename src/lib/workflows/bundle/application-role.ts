/** A role for the application that gets the bundle: created once, with a generated password. */
import { randomBytes } from 'node:crypto'
import type { Credentials } from '../../cassandra/datacenter.ts'
import {
  createRoleStatement,
  dropRoleStatement,
  type Grant,
  grantStatement,
  listPermissionsStatement,
} from '../../clients/role-grants.ts'
import type { ClientIdentity } from '../../connection/client-identity.ts'
import { cqlHostId } from '../../connection/cql-login.ts'
import type { CqlSession } from '../../connection/cql-session.ts'
import { again, CassSniError } from '../../errors.ts'
import type { WorkflowContext } from '../context.ts'
import { observeAccess, openSession, type SessionChoice } from '../cqlsh-session.ts'

const PASSWORD_BYTES = 24

export interface RoleRequest {
  name: string
  grants: readonly Grant[]
  /** The login in the existing bundle. */
  known: { username?: string | undefined; password?: string | undefined } | undefined
  /** The certificate of the bundle, if nodes accept it; default: that of this program. */
  client: ClientIdentity | undefined
  /** For messages: where the existing bundle is. */
  place: string
}

export interface RoleChange {
  action: 'created' | 'unchanged'
  /** Permissions that it did not have: "SELECT on <table shop.orders>". */
  granted: string[]
}

/** A role as requested. Close it. */
export interface ApplicationRole {
  credentials: Credentials
  /** Creates the role and grants what is missing; in a dry run, returns what it would do. */
  apply(): Promise<RoleChange>
  /** Drops the role if `apply` has created it; warns if that fails. */
  revert(): Promise<void>
  close(): Promise<void>
}

/**
 * Connects and looks up the role. An existing role must be the one whose password the existing bundle has: a new
 * password would lock out applications that use it.
 * @throws CSNI605 for an existing role with another password, and what `observeAccess` and `openSession` throw
 */
export async function applicationRole(
  context: WorkflowContext,
  choice: SessionChoice,
  request: RoleRequest,
): Promise<ApplicationRole> {
  const { name, known, client } = request
  const observed = await observeAccess(context, choice)
  const access = { ...observed, identity: client ?? observed.identity }
  const session = await openSession(context, access, choice)
  try {
    const exists = (await column(session, 'LIST ROLES', 'role')).includes(name)
    const password = known?.username === name ? known.password : undefined
    const credentials = { username: name, password: password ?? randomBytes(PASSWORD_BYTES).toString('base64url') }
    const { dialer, ca, identity, nodes } = access
    const [node] = nodes
    if (exists) {
      if (password === undefined || node === undefined) throw alreadyExists(request, 'is not in')
      await cqlHostId({
        dial: dialer.dial,
        serverName: node.hostId,
        dnsName: node.dnsName,
        credentials,
        ca,
        identity,
        signal: context.signal,
      }).catch((error: unknown) => {
        throw error instanceof CassSniError && error.code === 'CSNI604' ? alreadyExists(request, 'differs in') : error
      })
    }
    return roleOf(session, context, { ...request, credentials, exists })
  } catch (error) {
    await session.close()
    throw error
  }
}

interface Role extends RoleRequest {
  credentials: Credentials
  exists: boolean
}

function roleOf(
  session: CqlSession,
  { dryRun, emit }: Pick<WorkflowContext, 'dryRun' | 'emit'>,
  { name, grants, credentials, exists }: Role,
): ApplicationRole {
  let created = false
  return {
    credentials,
    async apply() {
      const before = exists ? await permissions(session, name) : new Set<string>()
      const missing = grants.filter((grant) => grant.permission === 'ALL' || !before.has(permissionText(grant)))
      const action = exists ? 'unchanged' : 'created'
      if (dryRun) return { action, granted: missing.map(permissionText) }
      if (!exists) {
        await session.execute(createRoleStatement(name, credentials.password))
        created = true
      }
      for (const grant of missing) await execute(session, grant, name)
      const after = missing.length === 0 ? before : await permissions(session, name)
      return { action, granted: [...after].filter((each) => !before.has(each)) }
    },
    async revert() {
      if (!created) return
      await session.execute(dropRoleStatement(name)).catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error)
        emit({ type: 'warning', message: `role ${name} was created and cannot be dropped again: ${reason}` })
      })
    },
    close: () => session.close(),
  }
}

async function execute(session: CqlSession, grant: Grant, role: string): Promise<void> {
  try {
    await session.execute(grantStatement(grant, role))
  } catch (error) {
    if (!(error instanceof CassSniError) || error.code !== 'CSNI605') throw error
    throw new CassSniError('CSNI605', `GRANT ${permissionText(grant)}: ${error.message}`, { cause: error })
  }
}

const permissionText = ({ permission, listed }: Grant): string => `${permission} on ${listed}`

async function permissions(session: CqlSession, role: string): Promise<Set<string>> {
  const { columns = [], rows } = await session.execute(listPermissionsStatement(role))
  const at = (name: string) => columns.findIndex((each) => each.name === name)
  const [resource, permission] = [at('resource'), at('permission')]
  return new Set(rows.map((row) => `${String(row[permission])} on ${String(row[resource])}`))
}

async function column(session: CqlSession, statement: string, name: string): Promise<string[]> {
  const { columns = [], rows } = await session.execute(statement)
  const index = columns.findIndex((each) => each.name === name)
  return rows.map((row) => String(row[index]))
}

function alreadyExists({ name, place }: RoleRequest, where: 'is not in' | 'differs in'): CassSniError {
  return new CassSniError('CSNI605', `role ${name} already exists, and its password ${where} ${place}`, {
    next: [
      again`--create-role ${`${name}-2`}`,
      // with the password that it has
      { again: ['--with-password', '--username', name], without: ['create-role', 'grant'] },
    ],
  })
}
