/**
 * The bundles. The program is one CommonJS file: the number of files slows the start far more than their size, and in
 * CommonJS lazy imports are evaluated lazily within one file. Large packages that few commands need are separate files.
 * The routes controller is one file with everything.
 */
// @peculiar/x509, which is loaded for the names of its exports, requires this.
import 'reflect-metadata'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'

/**
 * Optional dependencies that are not installed: typescript of oclif (to run commands from source), kerberos of
 * https-proxy-agent.
 */
const EXTERNAL = ['typescript', 'kerberos']

/** Packages in separate files, which are read when a command needs them. */
const SEPARATE = [
  '@inquirer/prompts',
  '@peculiar/x509',
  'cassandra-driver',
  'cli-truncate',
  'fflate',
  'http-proxy-agent',
  'https-proxy-agent',
  'listr2',
  'log-update',
  'pkijs',
  'socks-proxy-agent',
  'yaml',
  'yauzl',
]

/** Path of the controller in dist/, at the same depth. */
const CONTROLLER = 'lib/controller/controller.cjs'

/** Imports that must precede a package. */
const BEFORE: Record<string, string> = { '@peculiar/x509': "import 'reflect-metadata'\n" }

/** Path of the program in dist/, at the depth of src/lib/<layer>/: files are read relative to import.meta.url. */
const PROGRAM = 'lib/cli/program.cjs'

/** import.meta.url in CommonJS. */
const BANNER = "const __importMetaUrl=require('node:url').pathToFileURL(__filename).href;"

const OPTIONS = {
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node22.13',
  minify: true,
  // a script with a code cache has no dynamic imports, and built-in modules need none
  supported: { 'dynamic-import': false },
  keepNames: true,
  legalComments: 'linked',
  banner: { js: BANNER },
  define: { 'import.meta.url': '__importMetaUrl' },
  logLevel: 'warning',
  metafile: true,
} satisfies BuildOptions

/** The parts of oclif that commands use, without its generators, help and the rest of its index. */
const partsOfOclif: Plugin = {
  name: 'parts-of-oclif',
  setup({ onResolve, onLoad, initialOptions }) {
    onResolve({ filter: /^@oclif\/core$/ }, ({ path }) => ({ path, namespace: 'oclif' }))
    onLoad({ filter: /./, namespace: 'oclif' }, () => ({
      contents:
        "export { Command } from '@oclif/core/command'\n" +
        "export { Config } from '@oclif/core/config'\n" +
        "export * as Args from '@oclif/core/args'\n" +
        "export * as Flags from '@oclif/core/flags'\n",
      resolveDir: initialOptions.absWorkingDir ?? process.cwd(),
    }))
  },
}

/**
 * oclif loads all of its modules at the start: plugins, themes, help and more, of which a command uses few. Here a module
 * is loaded where it is used, which saves 10 ms of each start.
 */
const lazyOclif: Plugin = {
  name: 'lazy-oclif',
  setup({ onLoad }) {
    onLoad({ filter: /@oclif\/core\/lib\/.*\.js$/ }, ({ path }) => ({
      contents: lazyRequires(readFileSync(path, 'utf8')),
    }))
  },
}

/** Loads `x` of `const x = require(…)` in a CommonJS module at its first use, if the module uses it only as `x.name`. */
function lazyRequires(code: string): string {
  const getters: string[] = []
  let body = code
  for (const [statement, name, value] of code.matchAll(
    /^(?:const|var) (\w+) = ((?:\w+\()?require\("[^"]+"\)\)?);$/gm,
  )) {
    const others = body.replace(statement, '')
    const uses = others.match(new RegExp(`(?<![\\w.])${name}\\b`, 'g'))?.length
    const members = new RegExp(`(?<![\\w.])${name}\\.`, 'g')
    if (uses !== others.match(members)?.length) continue
    body = others.replace(members, `lazy.${name}.`)
    getters.push(`get ${name}() { return this._${name} ??= ${value} }`)
  }
  return `const lazy = { ${getters.join(', ')} }\n${body}`
}

/**
 * Excludes separate packages from a bundle and adds them to `found`. Imports have the names and the default export
 * that they have in Node, also for CommonJS packages.
 */
function separatePackages(separate: readonly string[], found: Set<string>): Plugin {
  return {
    name: 'separate-packages',
    setup({ onResolve, onLoad, initialOptions }) {
      onResolve({ filter: /^[^./]/ }, ({ path, namespace }) => {
        if (!separate.includes(path)) return namespace === 'separate' ? { path, external: true } : undefined
        return { path, namespace: 'separate' }
      })
      onResolve({ filter: /^\.\/packages\//, namespace: 'separate' }, ({ path }) => ({ path, external: true }))
      onLoad({ filter: /./, namespace: 'separate' }, async ({ path }) => {
        found.add(path)
        const all = Object.keys((await import(path)) as object)
        // Node gives a CommonJS module's namespace the name "module.exports".
        const fromCommonJs = all.includes('module.exports')
        const names = all.filter((name) => /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name) && name !== 'default')
        const standard = fromCommonJs ? 'all' : all.includes('default') ? 'all.default' : 'undefined'
        return {
          contents:
            `const all = require('./${fileOfPackage(path)}')\n` +
            `export default ${standard}\nexport const { ${names.join(', ')} } = all`,
          resolveDir: initialOptions.absWorkingDir ?? process.cwd(),
        }
      })
    },
  }
}

/** The path of a package's file, relative to the program. */
function fileOfPackage(name: string): string {
  return `packages/${name.replace('@', '').replace('/', '-')}.cjs`
}

/**
 * Bundles src/ of the project at `root` into the directory `out`. Rejects if esbuild fails, which prints the errors.
 */
export async function bundle(root: string, out: string): Promise<void> {
  const commands = readdirSync(join(root, 'src/commands'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => name.slice(0, -'.ts'.length))
    .sort()
  const program = [
    "import { main as run } from './src/lib/cli/main.ts'",
    "export { endProcess } from './src/lib/cli/process-end.ts'",
    // `require` evaluates only the command that runs
    `const commands = {${commands.map((name) => `'${idOf(name)}': () => require('./src/commands/${name}.ts').default`).join()}}`,
    'export const main = (argv, root) => run(argv, { root, command })',
    `export const command = (id) => {
      const ctor = commands[id]()
      // oclif sets it when it loads a command
      ctor.id = id
      return ctor
    }`,
  ].join('\n')
  const files = await bundleProgram(root, join(out, PROGRAM), program)
  for (const name of commands) {
    const file = join(out, 'commands', `${name}.js`)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, commandFile(name))
  }
  // one file, because it is all of the image besides Node
  const controller = await bundleProgram(
    root,
    join(out, CONTROLLER),
    "import './src/controller/controller-main.ts'",
    [],
  )
  writeFileSync(join(out, 'THIRD-PARTY-LICENSES.txt'), licenses(root, [...files, ...controller]))
}

/** oclif's ID of the command in a file: "routes:sync" of "routes/sync", "certs" of "certs/index". */
function idOf(name: string): string {
  return name.replace(/\/index$/, '').replaceAll('/', ':')
}

/** oclif reads the commands from these files for the manifest. */
function commandFile(name: string): string {
  const program = `${'../'.repeat(name.split('/').length)}${PROGRAM}`
  return (
    "import { createRequire } from 'node:module'\n" +
    `export default createRequire(import.meta.url)('${program}').command('${idOf(name)}')\n`
  )
}

/** Returns the license texts of all bundled packages, as those licenses require. */
function licenses(root: string, files: string[]): string {
  const directories = new Set(files.flatMap((file) => /^(?:.*node_modules\/)(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []))
  return [...directories]
    .sort()
    .map((directory) => {
      const { name, version, license } = JSON.parse(readFileSync(join(root, directory, 'package.json'), 'utf8'))
      const file = readdirSync(join(root, directory)).find((entry) => /^(licen[cs]e|copying)/i.test(entry))
      return `${name} ${version} (${license})\n\n${file ? readFileSync(join(root, directory, file), 'utf8').trim() : 'The package contains no license file.'}\n`
    })
    .join(`\n${'-'.repeat(80)}\n\n`)
}

/**
 * Bundles another program with the same options, for benchmarks. `contents` is TypeScript in the directory `root`;
 * `outfile` ends in .cjs; the `separate` packages are files next to it. Returns the bundled files, relative to `root`.
 */
export async function bundleProgram(
  root: string,
  outfile: string,
  contents: string,
  separate: readonly string[] = SEPARATE,
): Promise<string[]> {
  const found = new Set<string>()
  const program = await build({
    ...OPTIONS,
    absWorkingDir: root,
    stdin: { contents, resolveDir: root, loader: 'ts' },
    outfile,
    external: EXTERNAL,
    plugins: [partsOfOclif, lazyOclif, separatePackages(separate, found)],
  })
  escapeNonAscii(outfile)
  const inputs = Object.keys(program.metafile.inputs)
  for (const name of found) {
    const file = join(dirname(outfile), fileOfPackage(name))
    const { metafile } = await build({
      ...OPTIONS,
      absWorkingDir: root,
      stdin: { contents: await reexport(name), resolveDir: root },
      outfile: file,
      external: EXTERNAL,
    })
    escapeNonAscii(file)
    inputs.push(...Object.keys(metafile.inputs))
  }
  return inputs
}

/** Escapes what esbuild leaves in regular expressions: bin/code-cache.js reads ASCII, which is faster than UTF-8. */
function escapeNonAscii(file: string): void {
  const escaped = readFileSync(file, 'utf8').replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  writeFileSync(file, escaped)
}

/** A module with all exports of a package in Node. */
async function reexport(name: string): Promise<string> {
  const names = Object.keys((await import(name)) as object)
  if (names.includes('module.exports')) return `${BEFORE[name] ?? ''}module.exports = require('${name}')`
  // `export *` does not include the default export.
  return `${BEFORE[name] ?? ''}export * from '${name}'\n${names.includes('default') ? `export { default } from '${name}'\n` : ''}`
}
