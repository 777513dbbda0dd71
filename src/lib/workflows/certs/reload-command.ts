/** The command that makes a running Cassandra reload its keystore. */
import type { CassandraNode } from '../../cassandra/datacenter.ts'
import { asCassSniError, throwIfAborted } from '../../errors.ts'
import type { WorkflowContext } from '../context.ts'

/** Exit code of the script below while the mounted file is still the old one; sysexits' EX_TEMPFAIL. */
const FILE_NOT_UPDATED = 75

/**
 * Waits up to two seconds for the mounted file to be the new one, then makes Cassandra reload it. Without sha256sum it
 * reloads immediately (and is run again until the node serves the new certificate). nodetool is on the PATH of every
 * management API image.
 */
const RELOAD_SCRIPT = `
if command -v sha256sum >/dev/null; then
  tries=0
  until [ "$(sha256sum <"$1" | cut -c1-64)" = "$2" ]; do
    tries=$((tries + 1))
    [ "$tries" -gt 10 ] && exit ${FILE_NOT_UPDATED}
    sleep 0.2
  done
fi
exec nodetool reloadssl </dev/null`

/** Why the keystore could not be reloaded. */
export interface ReloadFailure {
  reason: string
  forbidden: boolean
}

/** Makes Cassandra reload its keystore. "old": the file in the container has not been updated yet. */
export async function reloadKeystore(
  context: WorkflowContext,
  node: CassandraNode,
  { namespace, path, sha256 }: { namespace: string; path: string; sha256: string },
): Promise<'reloaded' | 'old' | ReloadFailure> {
  try {
    const { exitCode, stdout, stderr } = await context.kube.exec(
      { name: node.pod, namespace },
      node.containers[0] ?? 'cassandra',
      ['sh', '-c', RELOAD_SCRIPT, 'sh', path, sha256],
    )
    if (exitCode === 0) return 'reloaded'
    if (exitCode === FILE_NOT_UPDATED) return 'old'
    const output = `${stderr}\n${stdout}`
      .split('\n')
      .map((line) => line.trim())
      .find((line) => line !== '')
    return {
      forbidden: false,
      reason: `nodetool reloadssl exited with ${exitCode}${output === undefined ? '' : `: ${output.slice(0, 200)}`}`,
    }
  } catch (error) {
    throwIfAborted(context.signal)
    const { code, message } = asCassSniError(error)
    return { forbidden: code === 'CSNI203', reason: message }
  }
}
