/**
 * kubectl's flags that say which cluster is meant and who asks (`kubectl options`): the one list of them. From it come
 * the flags of every command, KubeOptions, the flags of proposed commands, and what istioctl and helm are given.
 * Pure data: the command line reads it at start-up.
 */

/** How a client finds its cluster and who it is there, by kubectl's flags. An empty text is one that was not given. */
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
  /** Time for one request in ms; 0: no limit. Without it, the server's own and a little more. */
  requestTimeoutMs?: number | undefined
  disableCompression?: boolean | undefined
  cacheDir?: string | undefined
}

export interface ConnectionFlag {
  /** As kubectl calls it, without dashes. */
  name: string
  field: keyof Connection
  /** What its value is; a `switch` has none, `texts` may be repeated. */
  kind: 'text' | 'texts' | 'file' | 'switch' | 'duration'
  char?: 'n' | 's'
  /** How help calls the value. */
  value?: string
  summary: string
  /** Its value is a secret: never in a proposed command. */
  secret?: true
  /** Proposed commands have it, so that they lead where the user was. */
  carried?: true
  /** What istioctl (`istioctl install --help`) and helm (`helm --help`) call it, if they know it. */
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
    summary: 'Time limit for one request to the API server; 0 is no limit.',
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

/** The flags that every command takes along when it proposes another, by name. */
export const CARRIED_FLAGS: readonly string[] = CONNECTION_FLAGS.flatMap(({ name, carried }) => (carried ? [name] : []))

/** The values of these flags, as a command line gave them. */
export function connectionOf(flags: Readonly<Record<string, unknown>>): Connection {
  return Object.fromEntries(
    CONNECTION_FLAGS.flatMap(({ name, field }) => (isGiven(flags[name]) ? [[field, flags[name]]] : [])),
  )
}

/**
 * The words that bring istioctl or helm to the same cluster as the same user, and kubectl's names of the flags that
 * cannot be handed on: without them the program would go elsewhere, or as somebody else. The namespace is not among
 * them, as commands differ in what it means. A token is never handed on: it would show in the list of processes.
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

/** An empty value is one that was not given, as for kubectl: `-n "$NS"` without NS. */
function isGiven(value: unknown): boolean {
  return value !== undefined && value !== '' && value !== false && !(Array.isArray(value) && value.length === 0)
}
