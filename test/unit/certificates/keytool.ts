/** Java's own keytool and openssl, the judges of what a Java keystore and a certificate chain are. */
import { execFileSync, spawnSync } from 'node:child_process'
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

/** Runs openssl in a directory of its own that holds these files; what it prints to stdout and stderr. */
export function openssl(args: string[], files: Record<string, Buffer | string>): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'cass-sni-openssl-'))
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(path.join(directory, name), content)
    const { error, stdout, stderr } = spawnSync('openssl', args, { cwd: directory, encoding: 'utf8' })
    if (error) throw error
    return `${stdout}${stderr}`
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
