/** The command that makes a running Cassandra read its keystore again. */
import type { CassandraNode } from '../../cassandra/datacenter.ts'
import { asCassSniError, throwIfAborted } from '../../errors.ts'
import type { WorkflowContext } from '../context.ts'

/** Exit code of the script below while the file is still the old one; sysexits' EX_TEMPFAIL. */
const FILE_IS_OLD = 75

/**
 * Waits up to two seconds until the mounted file is the new one, then tells Cassandra. Where there is no sha256sum,
 * it is told at once
 * (and again, until the node serves the new certificate). nodetool is on the PATH of every image of the management API.
 */
const RELOAD_SCRIPT = `
if command -v sha256sum >/dev/null; then
  tries=0
  until [ "$(sha256sum <"$1" | cut -c1-64)" = "$2" ]; do
    tries=$((tries + 1))
    [ "$tries" -gt 10 ] && exit ${FILE_IS_OLD}
    sleep 0.2
  done
fi
exec nodetool reloadssl </dev/null`

/** Why Cassandra could not be told to read its keystore. */
export interface ReloadRefusal {
  why: string
  forbidden: boolean
}

/** Tells Cassandra to read its keystore. "old": the file in the container is not the new one yet. */
export async function reloadKeystore(
  context: WorkflowContext,
  node: CassandraNode,
  { namespace, path, sha256 }: { namespace: string; path: string; sha256: string },
): Promise<'reloaded' | 'old' | ReloadRefusal> {
  try {
    const { exitCode, stdout, stderr } = await context.kube.exec(
      { name: node.pod, namespace },
      node.containers[0] ?? 'cassandra',
      ['sh', '-c', RELOAD_SCRIPT, 'sh', path, sha256],
    )
    if (exitCode === 0) return 'reloaded'
    if (exitCode === FILE_IS_OLD) return 'old'
    const said = `${stderr}\n${stdout}`
      .split('\n')
      .map((line) => line.trim())
      .find((line) => line !== '')
    return {
      forbidden: false,
      why: `nodetool reloadssl ended with ${exitCode}${said === undefined ? '' : `: ${said.slice(0, 200)}`}`,
    }
  } catch (error) {
    throwIfAborted(context.signal)
    const { code, message } = asCassSniError(error)
    return { forbidden: code === 'CSNI203', why: message }
  }
}
