/**
 * CQL for a role of an application. Names and permissions are parsed and quoted, never pasted: text of the command line
 * cannot add a statement.
 */
import { CassSniError, hint } from '../errors.ts'

/** apache/cassandra src/java/org/apache/cassandra/auth/Permission.java. */
const PERMISSIONS = [
  'ALL',
  'CREATE',
  'ALTER',
  'DROP',
  'SELECT',
  'MODIFY',
  'AUTHORIZE',
  'DESCRIBE',
  'EXECUTE',
  'UNMASK',
  'SELECT_MASKED',
]

/** One permission on one resource. */
export interface Grant {
  /** In upper case; ALL is every permission that applies to the resource. */
  permission: string
  /** In CQL, quoted. */
  resource: string
  /** As LIST PERMISSIONS shows the resource (apache/cassandra src/java/org/apache/cassandra/auth/DataResource.java). */
  listed: string
}

const NAME = String.raw`([A-Za-z][A-Za-z0-9_]*|"(?:[^"\p{Cc}]|"")+")`
/** Resources, with their names, and how they are written and listed. */
const RESOURCES: [RegExp, (...names: string[]) => Omit<Grant, 'permission'>][] = [
  [/^ALL\s+KEYSPACES$/iu, () => ({ resource: 'ALL KEYSPACES', listed: '<all keyspaces>' })],
  [/^ALL\s+FUNCTIONS$/iu, () => ({ resource: 'ALL FUNCTIONS', listed: '<all functions>' })],
  [
    new RegExp(`^ALL\\s+FUNCTIONS\\s+IN\\s+KEYSPACE\\s+${NAME}$`, 'iu'),
    (ks = '') => ({ resource: `ALL FUNCTIONS IN KEYSPACE ${quoted(ks)}`, listed: `<all functions in ${ks}>` }),
  ],
  [
    new RegExp(`^ALL\\s+TABLES\\s+IN\\s+KEYSPACE\\s+${NAME}$`, 'iu'),
    (ks = '') => ({ resource: `ALL TABLES IN KEYSPACE ${quoted(ks)}`, listed: `<all tables in ${ks}>` }),
  ],
  [
    new RegExp(`^KEYSPACE\\s+${NAME}$`, 'iu'),
    (ks = '') => ({ resource: `KEYSPACE ${quoted(ks)}`, listed: `<keyspace ${ks}>` }),
  ],
  [
    new RegExp(`^(?:TABLE\\s+)?${NAME}\\s*\\.\\s*${NAME}$`, 'iu'),
    (ks = '', table = '') => ({ resource: `TABLE ${quoted(ks)}.${quoted(table)}`, listed: `<table ${ks}.${table}>` }),
  ],
]

/**
 * Parses "SELECT ON shop.orders" or "SELECT, MODIFY ON KEYSPACE shop" into one grant per permission.
 * @throws CSNI101 if it is not valid
 */
export function parseGrants(text: string): Grant[] {
  const [, permissions, on] = /^\s*([A-Za-z_,\s]+?)\s+ON\s+(\S.*?)\s*;?\s*$/isu.exec(text) ?? []
  if (permissions === undefined || on === undefined) throw invalid(text, 'expected PERMISSION ON RESOURCE')
  const resource = parseResource(on)
  if (resource === undefined) {
    const reason = /^[\w"]+$/.test(on) ? `specify KEYSPACE ${on}, or ${on}.TABLE` : `unsupported resource ${on}`
    throw invalid(text, reason)
  }
  return permissions.split(',').map((each) => {
    const permission = each
      .trim()
      .toUpperCase()
      .replace(/\s+PERMISSIONS?$/, '')
    if (!PERMISSIONS.includes(permission)) throw invalid(text, `unknown permission ${permission}`)
    return { permission, ...resource }
  })
}

function parseResource(text: string): Omit<Grant, 'permission'> | undefined {
  for (const [pattern, make] of RESOURCES) {
    const match = pattern.exec(text)
    if (match !== null) return make(...match.slice(1).map(nameIn))
  }
  return undefined
}

/** The name that CQL text stands for: without quotes, it is in lower case. */
function nameIn(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text.toLowerCase()
}

function invalid(text: string, reason: string): CassSniError {
  return new CassSniError('CSNI101', `invalid value ${JSON.stringify(text)} for --grant: ${reason}`, {
    next: [hint("use for example --grant 'SELECT ON shop.orders' or --grant 'SELECT, MODIFY ON KEYSPACE shop'")],
  })
}

/**
 * Returns the name of a role, case-sensitive. Throws CSNI101 if it is empty, or has control characters or a single
 * quote: Cassandra itself pastes the name into a statement when it grants permissions (apache/cassandra
 * src/java/org/apache/cassandra/auth/CassandraAuthorizer.java, modifyRolePermissions).
 */
export function roleName(text: string): string {
  if (text !== '' && !/[\p{Cc}']/u.test(text)) return text
  throw new CassSniError('CSNI101', `invalid role name ${JSON.stringify(text)}`, {
    next: [hint('use letters, digits, "_", "-" and "."')],
  })
}

/** Returns the statement that creates a role with a login. It contains the password: never printed. */
export function createRoleStatement(role: string, password: string): string {
  return `CREATE ROLE ${quoted(role)} WITH PASSWORD = '${password.replaceAll("'", "''")}' AND LOGIN = true`
}

export function dropRoleStatement(role: string): string {
  return `DROP ROLE IF EXISTS ${quoted(role)}`
}

export function grantStatement({ permission, resource }: Grant, role: string): string {
  return `GRANT ${permission} ON ${resource} TO ${quoted(role)}`
}

export function listPermissionsStatement(role: string): string {
  return `LIST ALL PERMISSIONS OF ${quoted(role)} NORECURSIVE`
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
