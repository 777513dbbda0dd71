/** The bundles: every command and the start, split where the code imports lazily. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { build, type Plugin } from 'esbuild'

/** oclif finds commands and reads its own package.json by paths on disk, so it stays a package. */
const EXTERNAL = ['@oclif/core']

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
      if (kind !== 'dynamic-import' || path.startsWith('node:') || initialOptions.external?.includes(path)) return undefined
      return { path, namespace: 'lazy' }
    })
    onLoad({ filter: /./, namespace: 'lazy' }, async ({ path }) => {
      const names = Object.keys((await import(path)) as object)
      const resolveDir = initialOptions.absWorkingDir ?? process.cwd()
      // Node gives a CommonJS module's namespace the name "module.exports".
      if (!names.includes('module.exports')) return { contents: `export * from '${path}'`, resolveDir }
      const plain = names.filter((name) => /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name) && name !== 'default')
      return { contents: `import all from '${path}'\nexport default all\nexport const { ${plain.join(', ')} } = all`, resolveDir }
    })
  },
}

/** Bundles src/ of the project at `root` into the folder `out`. Rejects with esbuild's messages, which it prints itself. */
export async function bundle(root: string, out: string): Promise<void> {
  const commands = readdirSync(join(root, 'src/commands'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
  const entryPoints = ['src/lib/main.ts', 'src/lib/flush.ts', ...commands.map((name) => `src/commands/${name}`)]
  await bundleEntries(root, out, { entryPoints, outbase: 'src' })
}

/** Bundles any programs the same way: a benchmark measures what users run. */
export async function bundleEntries(root: string, out: string, entries: { entryPoints: string[]; outbase: string }): Promise<void> {
  await build({
    absWorkingDir: root,
    ...entries,
    outdir: out,
    bundle: true,
    splitting: true,
    // As deep below package.json as src/lib/<room>/, for what is read relative to import.meta.url.
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
  })
}
