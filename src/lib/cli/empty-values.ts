/** The meaning of an empty flag value: usually an unset variable in a script (`-n "$NS"` without NS). */

/**
 * Flags with a meaningful empty value: `-e ""` executes nothing and does not read statements from the terminal; those
 * whose help has `''` clear what is saved (test/contract/usage.test.ts).
 * Any flag in neither list is treated as absent if empty, as kubectl does.
 */
export const ALLOWED_EMPTY: readonly string[] = [
  'execute',
  'public-name',
  'san',
  'renew-before',
  'any-node',
  'sni-template',
  'metadata-name',
]

/**
 * Flags that narrow the scope of a command: if absent, it would apply to all nodes or datacenters instead of one, log
 * in as the superuser, include no login, or forward unencrypted traffic unchanged.
 */
const SCOPE: readonly string[] = ['datacenter', 'delete-data', 'node', 'username', 'create-role', 'sni']
/** Time limits: without one a script could wait forever. kubectl rejects an empty duration too. */
const TIME_LIMITS: readonly string[] = ['timeout', 'connect-timeout', 'statement-timeout', 'wait']

/** The user's own CA or issuer: without them, a new CA would be created. */
const AUTHORITIES: readonly string[] = ['ca-file', 'ca-key-file', 'ca-secret', 'issuer']

/** Flags that must not be empty. */
export const REJECTED_EMPTY: readonly string[] = [...SCOPE, ...TIME_LIMITS, ...AUTHORITIES]
