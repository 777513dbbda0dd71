/** Runs the programs of `clients show`. */
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cqlshCredentials } from '../../src/lib/clients/client-files.ts'
import type { Driver } from '../../src/lib/clients/driver-programs.ts'
import { withPythonDriver } from './churn.ts'
import { CQLSH_COMMAND, CQLSH_ENVIRONMENT, installCqlsh } from './apache-cqlsh.ts'
import { javaLibraries, mavenLibraries, SOURCES } from './driver-builds.ts'
import { CHECKOUT, must, type Outcome, run } from './lab.ts'

/** Makes the JVM of a short program start faster. */
const QUICK = '-XX:TieredStopAtLevel=1'

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
    case 'spring': {
      await copyFile(join(SOURCES, 'SpringApp.java'), join(folder, 'SpringApp.java'))
      const libraries = await mavenLibraries('spring', 'pom-spring.xml')
      await must(start('javac', ['-cp', libraries, 'CassandraSni.java', 'SpringApp.java']))
      const login = {
        SPRING_CASSANDRA_USERNAME: env['CQL_USER'] ?? '',
        SPRING_CASSANDRA_PASSWORD: env['CQL_PASSWORD'] ?? '',
      }
      return start('java', [QUICK, '-cp', `.:${libraries}`, 'SpringApp'], login)
    }
    case 'jdbc': {
      const url = `jdbc:cassandra://127.0.0.1/system?configfile=${join(folder, 'cassandra-jdbc.conf')}`
      const libraries = await mavenLibraries('jdbc', 'pom-jdbc.xml')
      return start('java', [QUICK, '-cp', libraries, join(SOURCES, 'Jdbc.java'), url])
    }
    case 'quarkus':
      // the file alone: a Quarkus application is too large for a test
      return start('java', [QUICK, '-cp', `.:${await javaLibraries()}`, join(SOURCES, 'ApplicationConf.java')])
    case 'cqlsh': {
      await installCqlsh()
      const [program = '', ...args] = CQLSH_COMMAND
      const { CQL_USER: user = '', CQL_PASSWORD: password = '' } = env
      await writeFile(join(folder, 'credentials'), cqlshCredentials({ username: user, password }), { mode: 0o600 })
      const files = ['--cqlshrc', join(folder, 'cqlshrc'), '--credentials', join(folder, 'credentials')]
      const query = 'SELECT host_id, release_version FROM system.local'
      return start(program, [...args, ...files, '-e', query], CQLSH_ENVIRONMENT)
    }
  }
}
