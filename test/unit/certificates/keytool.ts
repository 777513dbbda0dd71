/** Java's own keytool, the judge of what a Java keystore is. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** Runs keytool in a folder of its own that holds these files; what it prints, in English. */
export function keytool(
  args: string[],
  files: Record<string, Buffer | string> = {},
): { output: string; read: (name: string) => string } {
  const folder = mkdtempSync(path.join(tmpdir(), 'cass-sni-keytool-'))
  const resolve = (name: string) => path.join(folder, name)
  for (const [name, content] of Object.entries(files)) writeFileSync(resolve(name), content)
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  try {
    const output = execFileSync('keytool', ['-J-Duser.language=en', '-J-Duser.timezone=UTC', ...args], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return { output, read: resolve }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new Error(
        "keytool is not on PATH: these tests need a JDK, as the lab does (Debian's package openjdk-17-jre-headless)",
      )
    throw error
  }
}
