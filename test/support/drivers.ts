/** Drivers that were not written here, installed once per machine into the lab's cache. */
import { access, copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Driver } from '../../src/lib/clients/driver-programs.ts'
import { withPythonDriver } from './churn.ts'
import { CHECKOUT, must, type Outcome, run } from './lab.ts'

const CACHE = '/var/cache/cass-sni-lab/drivers'
const JAVA = 'java-driver-core'
const JAVA_VERSION = '4.19.0'
const GO_DRIVER = 'github.com/apache/cassandra-gocql-driver/v2@v2.1.0'

/** Runs programs of `clients show` in `folder`, which has the files that they open. */
export type Programs = Record<
  Exclude<Driver, 'dotenv'>,
  (folder: string, env: Record<string, string>) => Promise<Outcome>
>

/** Installs what is missing. Rejects with what pip, mvn or go print. */
export async function installDrivers(): Promise<Programs> {
  const [python, jars, goModule] = await Promise.all([withPythonDriver(), javaDriver(), goDriver()])
  const start = (command: string, args: string[], cwd: string, env: Record<string, string>) =>
    run(command, args, { cwd, env, timeoutMs: 120_000 })
  return {
    python: (folder, env) => start('python3', ['connect.py'], folder, { ...python, ...env }),
    java: (folder, env) => start('java', ['-cp', join(jars, '*'), 'Connect.java'], folder, env),
    node: (folder, env) =>
      start(process.execPath, ['connect.cjs'], folder, { NODE_PATH: join(CHECKOUT, 'node_modules'), ...env }),
    go: async (folder, env) => {
      for (const file of ['go.mod', 'go.sum']) await copyFile(join(goModule, file), join(folder, file))
      return start('go', ['run', '.'], folder, env)
    },
  }
}

/** Fills a folder of the cache unless that was done: whole or not at all. */
async function once(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(CACHE, name)
  const found = await access(folder).then(
    () => true,
    () => false,
  )
  if (found) return folder
  const staged = `${folder}.${process.pid}`
  await rm(staged, { recursive: true, force: true })
  await mkdir(staged, { recursive: true })
  await fill(staged)
  await rename(staged, folder)
  return folder
}

function javaDriver(): Promise<string> {
  return once(`${JAVA}-${JAVA_VERSION}`, async (folder) => {
    const driver = `<groupId>org.apache.cassandra</groupId><artifactId>${JAVA}</artifactId><version>${JAVA_VERSION}</version>`
    const pom =
      '<project><modelVersion>4.0.0</modelVersion><groupId>t</groupId><artifactId>t</artifactId><version>1</version>' +
      `<dependencies><dependency>${driver}</dependency></dependencies></project>`
    await writeFile(join(folder, 'pom.xml'), pom)
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies'
    const args = ['-q', '-B', goal, `-DoutputDirectory=${folder}`, '-DincludeScope=runtime']
    await must(run('mvn', args, { cwd: folder, timeoutMs: 600_000 }))
  })
}

function goDriver(): Promise<string> {
  return once(GO_DRIVER.replace(/.*\//, '').replace('v2@', 'gocql-'), async (folder) => {
    await must(run('go', ['mod', 'init', 'connect'], { cwd: folder, timeoutMs: 60_000 }))
    await must(run('go', ['get', GO_DRIVER], { cwd: folder, timeoutMs: 600_000 }))
  })
}
