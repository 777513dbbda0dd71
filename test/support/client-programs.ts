/** Runs the programs of `clients show`. */
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Driver } from '../../src/lib/clients/driver-programs.ts'
import { withPythonDriver } from './churn.ts'
import { javaLibraries, SOURCES } from './driver-builds.ts'
import { CHECKOUT, type Outcome, run } from './lab.ts'

/** Runs the program in `folder`, which contains the files that it opens. Installs the driver unless it is installed. */
export async function runProgram(
  driver: Exclude<Driver, 'dotenv'>,
  folder: string,
  env: Record<string, string>,
): Promise<Outcome> {
  const start = (command: string, args: string[], more: Record<string, string> = {}) =>
    run(command, args, { cwd: folder, env: { ...more, ...env }, timeoutMs: 200_000 })
  switch (driver) {
    case 'python':
      return start('python3', ['connect.py'], await withPythonDriver())
    case 'java':
      return start('java', ['-cp', await javaLibraries(), 'Connect.java'])
    case 'node':
      return start(process.execPath, ['connect.cjs'], { NODE_PATH: join(CHECKOUT, 'node_modules') })
    case 'go':
      for (const file of ['go.mod', 'go.sum']) await copyFile(join(SOURCES, file), join(folder, file))
      return start('go', ['run', '.'])
  }
}
