import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { LabError, say, step } from '../progress.ts'
import { attempt, run } from '../run.ts'
import { hostPackages } from '../versions.ts'

const directories = () => [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']

/** Whether a program is on PATH, or exists if it is a path. */
export function installed(program: string): boolean {
  return program.startsWith('/')
    ? existsSync(program)
    : directories().some((directory) => existsSync(join(directory, program)))
}

/** Installs missing Debian packages without starting their services. */
export async function ensureHostPackages(purpose: 'build' | 'up'): Promise<void> {
  const missing = hostPackages.filter((each) => each.for === purpose && !installed(each.program))
  if (missing.length === 0) return
  const names = missing.map((each) => each.package)
  if (process.getuid?.() !== 0)
    throw new LabError(`missing Debian packages, which only root can install: ${names.join(' ')}`)
  if (!installed('apt-get'))
    throw new LabError(`apt-get not found; install the equivalents of ${names.join(', ')} manually`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', SYSTEMD_OFFLINE: '1', RUNLEVEL: '1' }
  const log = '/var/log/cass-sni-lab-apt.log'
  await step('apt-get update', async () => {
    const updated = await attempt('apt-get', ['update', '-q'], { env, log })
    if (updated.code !== 0) say('apt-get update failed; using existing package lists')
  })
  const options = ['install', '-y', '-q', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120']
  await step(`apt-get install ${names.join(' ')}`, () => run('apt-get', [...options, ...names], { env, log }))
}

/** Throws if Go is missing or too old, as Debian's package is. */
export async function requireGo(): Promise<void> {
  if (!installed('go')) throw new LabError('go is not on PATH; install Go 1.25 or newer to build the lab')
  const said = await run('go', ['env', 'GOVERSION'])
  const [, minor] = /^go1\.(\d+)/.exec(said.trim()) ?? []
  if (Number(minor) < 21) throw new LabError(`${said.trim()} is too old to build the lab; install Go 1.25 or newer`)
}
