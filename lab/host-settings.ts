import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { state } from './layout.ts'

/** Kernel settings of the whole machine that a kubelet changes. */
const settings = [
  'vm/overcommit_memory',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
].map((name) => `/proc/sys/${name}`)

/** Saves the host's settings before the kubelet starts. */
export async function saveHostSettings(): Promise<void> {
  const saved: Record<string, string> = {}
  for (const path of settings) if (existsSync(path)) saved[path] = (await readFile(path, 'utf8')).trim()
  await writeFile(state.hostSettings, JSON.stringify(saved))
}

/** Restores the host's settings. */
export async function restoreHostSettings(): Promise<void> {
  if (!existsSync(state.hostSettings)) return
  const saved = JSON.parse(await readFile(state.hostSettings, 'utf8').catch(() => '{}')) as Record<string, string>
  // the kubelet cannot have changed a setting that is not writable
  for (const [path, value] of Object.entries(saved))
    if ((await readFile(path, 'utf8')).trim() !== value) await writeFile(path, value).catch(() => {})
  await rm(state.hostSettings, { force: true })
}
