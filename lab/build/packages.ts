import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { LabError, say, step } from '../progress.ts'
import { attempt, run } from '../run.ts'
import { hostPackages } from '../versions.ts'

const folders = () => [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']

/** Is this program on PATH (or, if it is a path, there)? */
export function installed(program: string): boolean {
  return program.startsWith('/') ? existsSync(program) : folders().some((folder) => existsSync(join(folder, program)))
}

/** Installs the Debian packages that are missing; a service that a package would start is not started. */
export async function ensureHostPackages(purpose: 'build' | 'up'): Promise<void> {
  const missing = hostPackages.filter((each) => each.for === purpose && !installed(each.program))
  if (missing.length === 0) return
  const names = missing.map((each) => each.package)
  if (process.getuid?.() !== 0)
    throw new LabError(`These Debian packages are missing and only root can install them: ${names.join(' ')}.`)
  if (!installed('apt-get')) throw new LabError(`Not a Debian: install what provides ${names.join(', ')} by hand.`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', SYSTEMD_OFFLINE: '1', RUNLEVEL: '1' }
  const log = '/var/log/cass-sni-lab-apt.log'
  await step('apt-get update', async () => {
    const updated = await attempt('apt-get', ['update', '-q'], { env, log })
    if (updated.code !== 0) say('apt-get update failed; trying with the package lists that are there')
  })
  const options = ['install', '-y', '-q', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120']
  await step(`apt-get install ${names.join(' ')}`, () => run('apt-get', [...options, ...names], { env, log }))
}

/** Go must be there: Debian's own is too old for these modules. */
export async function requireGo(): Promise<void> {
  if (!installed('go'))
    throw new LabError('Go is missing: install Go 1.25 or newer (its `go` on PATH) to build the lab.')
  const said = await run('go', ['env', 'GOVERSION'])
  const [, minor] = /^go1\.(\d+)/.exec(said.trim()) ?? []
  if (Number(minor) < 21) throw new LabError(`${said.trim()} is too old to build the lab: install Go 1.25 or newer.`)
}
