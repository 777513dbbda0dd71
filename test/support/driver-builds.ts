/** Drivers in compiled languages for the tests, built once into the lab's cache: test/e2e/drivers. */
import { createHash } from 'node:crypto'
import { cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CHECKOUT, must, run } from './lab.ts'

/** Sources of the programs, and go.mod and go.sum with the Go driver. */
export const SOURCES = join(CHECKOUT, 'test/e2e/drivers')
const CACHE = '/var/cache/cass-sni-lab/drivers'

const builds = new Map<string, Promise<string>>()

/** Returns the directory of a build of these sources; `build` makes it in a copy of them if it is not in the cache. */
function built(name: string, files: string[], build: (directory: string) => Promise<void>): Promise<string> {
  const running = builds.get(name) ?? inCache(name, files, build)
  builds.set(name, running)
  return running
}

async function inCache(name: string, files: string[], build: (directory: string) => Promise<void>): Promise<string> {
  const hash = createHash('sha256')
  for (const file of files) hash.update(await readFile(join(SOURCES, file)))
  const directory = join(CACHE, `${name}-${hash.digest('hex').slice(0, 12)}`)
  const cached: string[] = await readdir(CACHE).catch(() => [])
  if (cached.includes(directory.slice(CACHE.length + 1))) return directory
  const fresh = `${directory}.new`
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { recursive: true })
  for (const file of files) await cp(join(SOURCES, file), join(fresh, file))
  await build(fresh)
  await rename(fresh, directory)
  return directory
}

/** Returns the program with the Go driver. */
export async function goDriver(): Promise<string> {
  const directory = await built('go', ['driver.go', 'go.mod', 'go.sum'], async (fresh) => {
    await must(run('go', ['-C', fresh, 'build', '-o', 'driver', '.'], { timeoutMs: 300_000 }))
  })
  return join(directory, 'driver')
}

/** Returns cql-proxy, which has the module proxy's releases only. */
export async function cqlProxy(): Promise<string> {
  const directory = await built('cql-proxy', ['cql-proxy/go.mod', 'cql-proxy/go.sum'], async (fresh) => {
    const build = ['-C', join(fresh, 'cql-proxy'), 'build', '-o', 'cql-proxy', 'github.com/datastax/cql-proxy']
    await must(run('go', build, { timeoutMs: 300_000 }))
  })
  return join(directory, 'cql-proxy', 'cql-proxy')
}

/** Returns java's arguments for the program with the Java driver. */
export async function javaDriver(): Promise<string[]> {
  const directory = await javaBuild()
  return ['-XX:TieredStopAtLevel=1', '-cp', `${directory}:${join(directory, 'lib/*')}`, 'Driver']
}

/** Returns a class path with the Java driver. */
export async function javaLibraries(): Promise<string> {
  return join(await javaBuild(), 'lib/*')
}

/** Returns a class path with what a pom.xml of the sources requires. */
export async function mavenLibraries(name: string, pom: string): Promise<string> {
  return join(await built(name, [pom], (fresh) => copyLibraries(fresh, pom)), 'lib/*')
}

async function copyLibraries(directory: string, pom: string): Promise<void> {
  const copy = ['dependency:copy-dependencies', `-DoutputDirectory=${join(directory, 'lib')}`]
  await must(run('mvn', ['--batch-mode', '--quiet', '--file', join(directory, pom), ...copy], { timeoutMs: 300_000 }))
}

function javaBuild(): Promise<string> {
  return built('java', ['Driver.java', 'pom.xml'], async (fresh) => {
    await copyLibraries(fresh, 'pom.xml')
    const sources = ['-cp', join(fresh, 'lib/*'), '-d', fresh, join(fresh, 'Driver.java')]
    await must(run('javac', sources, { timeoutMs: 120_000 }))
  })
}
