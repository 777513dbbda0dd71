/** The bundles: every command and the start, split where the code imports lazily. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, type Plugin } from 'esbuild'

/**
 * oclif finds commands and reads its own package.json by paths on disk, so it stays a package. kerberos is for a login at
 * proxies that https-proxy-agent offers and nobody asks for: it is not installed.
 */
const EXTERNAL = ['@oclif/core', 'kerberos']

/** CommonJS packages inside an ES module need a `require`. */
const BANNER = "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);"

/**
 * `await import('yaml')` of a CommonJS package has named exports in Node; in a split bundle of esbuild it has only
 * `default`. This puts an ES module with the names in between.
 */
const namesOfCommonJs: Plugin = {
  name: 'names-of-commonjs',
  setup({ onResolve, onLoad, initialOptions }) {
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
      if (kind !== 'dynamic-import' || path.startsWith('node:') || initialOptions.external?.includes(path))
        return undefined
      return { path, namespace: 'lazy' }
    })
    onLoad({ filter: /./, namespace: 'lazy' }, async ({ path }) => {
      const names = Object.keys((await import(path)) as object)
      const resolveDir = initialOptions.absWorkingDir ?? process.cwd()
      // Node gives a CommonJS module's namespace the name "module.exports".
      if (!names.includes('module.exports')) {
        // `export *` leaves the default export out.
        const all = names.includes('default')
          ? `export * from '${path}'\nexport { default } from '${path}'`
          : `export * from '${path}'`
        return { contents: all, resolveDir }
      }
      const plain = names.filter((name) => /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name) && name !== 'default')
      return {
        contents: `import all from '${path}'\nexport default all\nexport const { ${plain.join(', ')} } = all`,
        resolveDir,
      }
    })
  },
}

/** Bundles src/ of the project at `root` into the folder `out`. Rejects with esbuild's messages, which it prints itself. */
export async function bundle(root: string, out: string): Promise<void> {
  const commands = readdirSync(join(root, 'src/commands'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  const entryPoints = [
    'src/lib/cli/main.ts',
    'src/lib/cli/process-end.ts',
    ...commands.map((name) => `src/commands/${name}`),
  ]
  const files = await bundleEntries(root, out, { entryPoints, outbase: 'src' })
  writeFileSync(join(out, 'THIRD-PARTY-LICENSES.txt'), licenses(root, files))
}

/** The license texts of the packages whose files went into the bundles, as those licenses ask for. */
function licenses(root: string, files: string[]): string {
  const folders = new Set(files.flatMap((file) => /^(?:.*node_modules\/)(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []))
  return [...folders]
    .sort()
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
      const file = readdirSync(join(root, folder)).find((entry) => /^(licen[cs]e|copying)/i.test(entry))
      return `${name} ${version} (${license})\n\n${file ? readFileSync(join(root, folder, file), 'utf8').trim() : 'The package has no file with its license.'}\n`
    })
    .join(`\n${'-'.repeat(80)}\n\n`)
}

/** Bundles any programs the same way: a benchmark measures what users run. Returns the files that went in, relative to `root`. */
export async function bundleEntries(
  root: string,
  out: string,
  entries: { entryPoints: string[]; outbase: string },
): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    ...entries,
    outdir: out,
    bundle: true,
    splitting: true,
    // As deep below package.json as src/lib/<layer>/, for what is read relative to import.meta.url.
    chunkNames: 'lib/chunks/[name]-[hash]',
    format: 'esm',
    platform: 'node',
    target: 'node22.13',
    external: EXTERNAL,
    plugins: [namesOfCommonJs],
    minify: true,
    keepNames: true,
    legalComments: 'linked',
    banner: { js: BANNER },
    logLevel: 'warning',
    metafile: true,
  })
  return Object.keys(metafile.inputs)
}
