/**
 * kubectl's connection flags (`kubectl options`), in one list. The flags of every command, KubeOptions, the flags of
 * suggested commands, and those passed to istioctl and helm are derived from it. Pure data: read at start-up.
 */

/** The values of kubectl's connection flags. An empty string counts as not given. */
export interface Connection {
  kubeconfig?: string | undefined
  context?: string | undefined
  cluster?: string | undefined
  user?: string | undefined
  namespace?: string | undefined
  server?: string | undefined
  token?: string | undefined
  username?: string | undefined
  password?: string | undefined
  clientCertificate?: string | undefined
  clientKey?: string | undefined
  certificateAuthority?: string | undefined
  tlsServerName?: string | undefined
  insecureSkipTlsVerify?: boolean | undefined
  as?: string | undefined
  asGroups?: string[] | undefined
  asUid?: string | undefined
  /** Time limit for one request in ms; 0: no limit. Default: slightly more than the server's own. */
  requestTimeoutMs?: number | undefined
  disableCompression?: boolean | undefined
  cacheDir?: string | undefined
}

export interface ConnectionFlag {
  /** kubectl's name, without dashes. */
  name: string
  field: keyof Connection
  /** Type of the value; a `switch` has none, `texts` may be repeated. */
  kind: 'text' | 'texts' | 'file' | 'switch' | 'duration'
  char?: 'n' | 's'
  /** Placeholder of the value in help. */
  value?: string
  summary: string
  /** The value is a secret: never part of a suggested command. */
  secret?: true
  /** Suggested commands repeat it, so that they address the same cluster. */
  carried?: true
  /** The flag's name in istioctl (`istioctl install --help`) and helm (`helm --help`), if they have it. */
  istioctl?: string
  helm?: string
}

export const CONNECTION_FLAGS: readonly ConnectionFlag[] = [
  {
    name: 'namespace',
    field: 'namespace',
    kind: 'text',
    char: 'n',
    value: 'NAMESPACE',
    summary: "Namespace of the CassandraDatacenter (default: the context's).",
  },
  {
    name: 'context',
    field: 'context',
    kind: 'text',
    value: 'NAME',
    summary: 'Kubeconfig context.',
    carried: true,
    istioctl: 'context',
    helm: 'kube-context',
  },
  {
    name: 'kubeconfig',
    field: 'kubeconfig',
    kind: 'file',
    value: 'FILE',
    summary: 'Kubeconfig file (default: $KUBECONFIG, then ~/.kube/config).',
    carried: true,
    istioctl: 'kubeconfig',
    helm: 'kubeconfig',
  },
  {
    name: 'cluster',
    field: 'cluster',
    kind: 'text',
    value: 'NAME',
    summary: 'Kubeconfig cluster.',
    carried: true,
  },
  {
    name: 'user',
    field: 'user',
    kind: 'text',
    value: 'NAME',
    summary: 'Kubeconfig user.',
    carried: true,
  },
  {
    name: 'as',
    field: 'as',
    kind: 'text',
    value: 'USER',
    summary: 'User to impersonate.',
    carried: true,
    istioctl: 'as',
    helm: 'kube-as-user',
  },
  {
    name: 'as-group',
    field: 'asGroups',
    kind: 'texts',
    value: 'GROUP',
    summary: 'Group to impersonate (repeatable).',
    carried: true,
    istioctl: 'as-group',
    helm: 'kube-as-group',
  },
  {
    name: 'as-uid',
    field: 'asUid',
    kind: 'text',
    value: 'UID',
    summary: 'UID to impersonate.',
    carried: true,
    istioctl: 'as-uid',
  },
  {
    name: 'server',
    field: 'server',
    kind: 'text',
    char: 's',
    value: 'URL',
    summary: "API server address (default: the cluster's).",
    carried: true,
    helm: 'kube-apiserver',
  },
  {
    name: 'certificate-authority',
    field: 'certificateAuthority',
    kind: 'file',
    value: 'FILE',
    summary: 'CA certificate file in PEM for the API server.',
    carried: true,
    helm: 'kube-ca-file',
  },
  {
    name: 'tls-server-name',
    field: 'tlsServerName',
    kind: 'text',
    value: 'NAME',
    summary: "Server name to verify in the API server's certificate.",
    carried: true,
    helm: 'kube-tls-server-name',
  },
  {
    name: 'insecure-skip-tls-verify',
    field: 'insecureSkipTlsVerify',
    kind: 'switch',
    summary: "Do not verify the API server's certificate (insecure).",
    carried: true,
    helm: 'kube-insecure-skip-tls-verify',
  },
  {
    name: 'token',
    field: 'token',
    kind: 'text',
    value: 'TOKEN',
    summary: 'Bearer token for the API server (visible in the process list).',
    secret: true,
  },
  {
    name: 'client-certificate',
    field: 'clientCertificate',
    kind: 'file',
    value: 'FILE',
    summary: 'Client certificate file in PEM for the API server.',
    carried: true,
  },
  {
    name: 'client-key',
    field: 'clientKey',
    kind: 'file',
    value: 'FILE',
    summary: 'Client key file in PEM for the API server.',
    carried: true,
  },
  {
    name: 'username',
    field: 'username',
    kind: 'text',
    value: 'NAME',
    summary: 'User name for basic authentication to the API server.',
    carried: true,
  },
  {
    name: 'password',
    field: 'password',
    kind: 'text',
    value: 'PASSWORD',
    summary: 'Password for basic authentication (visible in the process list).',
    secret: true,
  },
  {
    name: 'request-timeout',
    field: 'requestTimeoutMs',
    kind: 'duration',
    value: 'DURATION',
    summary: 'Time limit for one request to the API server (0: no limit).',
  },
  {
    name: 'disable-compression',
    field: 'disableCompression',
    kind: 'switch',
    summary: 'Do not request compressed responses.',
  },
  {
    name: 'cache-dir',
    field: 'cacheDir',
    kind: 'file',
    value: 'DIR',
    summary: 'Accepted for compatibility; nothing is cached.',
  },
]

/** Names of the flags that suggested commands repeat. */
export const CARRIED_FLAGS: readonly string[] = CONNECTION_FLAGS.flatMap(({ name, carried }) => (carried ? [name] : []))

/** The connection flags given on a command line. */
export function connectionOf(flags: Readonly<Record<string, unknown>>): Connection {
  return Object.fromEntries(
    CONNECTION_FLAGS.flatMap(({ name, field }) => (isGiven(flags[name]) ? [[field, flags[name]]] : [])),
  )
}

/**
 * Returns the arguments that point istioctl or helm to the same cluster as the same user, and in `unknown` the flags
 * that have no equivalent there: without them the program would use another cluster or user. The namespace is not
 * included because its meaning differs between commands. Tokens are never passed on: the process list would show them.
 */
export function programConnection(
  connection: Connection,
  program: 'istioctl' | 'helm',
): { args: string[]; unknown: string[] } {
  const args: string[] = []
  const unknown: string[] = []
  for (const flag of CONNECTION_FLAGS) {
    const value = connection[flag.field]
    if (!isGiven(value) || !(flag.carried || flag.secret)) continue
    const name = flag[program]
    if (name === undefined || flag.secret) unknown.push(`--${flag.name}`)
    else if (flag.kind === 'switch') args.push(`--${name}`)
    else args.push(...[value].flat().map((each) => `--${name}=${each}`))
  }
  return { args, unknown }
}

/** An empty value counts as not given, as in kubectl: `-n "$NS"` with NS unset. */
function isGiven(value: unknown): boolean {
  return value !== undefined && value !== '' && value !== false && !(Array.isArray(value) && value.length === 0)
}
