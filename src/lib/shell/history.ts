/** The shell's history: a file that only the user can read, without passwords. */
import { appendFile, chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { redacted } from './password-redaction.ts'

const KEPT_LINES = 1_000

/** ~/.cache/kubectl-cass-sni/cqlsh_history, or under $XDG_CACHE_HOME. */
export function historyFile(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'kubectl-cass-sni', 'cqlsh_history')
}

/** The lines kept, oldest first. A history that cannot be read is an empty one: the shell works without. */
export async function loadHistory(file: string): Promise<string[]> {
  try {
    const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '')
    const kept = lines.slice(-KEPT_LINES)
    await chmod(file, 0o600)
    if (lines.length > 2 * KEPT_LINES) await writeFile(file, `${kept.join('\n')}\n`, { mode: 0o600 })
    return kept
  } catch {
    return []
  }
}

/** Adds lines. False when that is not possible (a full disk, a home that cannot be written). */
export async function keepHistory(file: string, lines: string[]): Promise<boolean> {
  if (lines.length === 0) return true
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await appendFile(file, `${lines.join('\n')}\n`, { mode: 0o600 })
    return true
  } catch {
    return false
  }
}

/**
 * The lines to remember of what was typed for one statement: one line, so that it comes back as a whole, unless a
 * comment or a line break inside a literal would change its meaning.
 */
export function remembered(typed: string[]): string[] {
  const text = redacted(typed.join('\n').trim())
  if (text === '') return []
  const lines = text.split('\n')
  if (lines.length === 1) return lines
  const joinable =
    !/--|\/\//.test(text) &&
    lines.every(
      (line) =>
        (line.match(/'/g)?.length ?? 0) % 2 === 0 && (line.match(/"/g)?.length ?? 0) % 2 === 0 && !line.includes('$$'),
    )
  return joinable ? [lines.map((line) => line.trim()).join(' ')] : lines.filter((line) => line.trim() !== '')
}
