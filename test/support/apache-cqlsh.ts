/** Apache's cqlsh in Python, to compare with: installed once per machine, in a directory of the lab's cache. */
import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { promisify } from 'node:util'

export const CQLSH = 'cqlsh==6.2.2'
/** pip alone is enough for it: a virtual environment needs one more package of the host. */
const PACKAGES = `/var/cache/cass-sni-lab/python/${CQLSH}`
/** cqlsh, to be started with `CQLSH_ENVIRONMENT`. */
export const CQLSH_COMMAND = ['python3', '-m', 'cqlshlib']
/** The same as an executable file, which needs the environment too. */
export const CQLSH_PROGRAM = `${PACKAGES}/bin/cqlsh`
export const CQLSH_ENVIRONMENT = { PYTHONPATH: PACKAGES, LC_ALL: 'C.UTF-8', TZ: 'UTC' }

const execute = promisify(execFile)

/** Installs cqlsh unless it is installed. Rejects with what pip prints. */
export async function installCqlsh(): Promise<void> {
  const env = { ...process.env, ...CQLSH_ENVIRONMENT }
  try {
    await execute('python3', ['-c', 'import cqlshlib.cqlshmain'], { env })
  } catch {
    await rm(PACKAGES, { recursive: true, force: true })
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', PACKAGES, CQLSH]
    await execute('python3', pip, { env: { ...process.env, CASS_DRIVER_NO_CYTHON: '1' }, timeout: 600_000 })
  }
}
