/** The bundles: every command and the start, split where the code imports lazily. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

/** oclif finds commands and reads its own package.json by paths on disk, so it stays a package. */
const EXTERNAL = ['@oclif/core']

/** CommonJS packages inside an ES module need a `require`. */
const BANNER = "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);"

/** Bundles src/ of the project at `root` into the folder `out`. Rejects with esbuild's messages, which it prints itself. */
export async function bundle(root: string, out: string): Promise<void> {
  const commands = readdirSync(join(root, 'src/commands'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
  await build({
    absWorkingDir: root,
    entryPoints: ['src/lib/main.ts', 'src/lib/flush.ts', ...commands.map((name) => `src/commands/${name}`)],
    outbase: 'src',
    outdir: out,
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    format: 'esm',
    platform: 'node',
    target: 'node22.13',
    external: EXTERNAL,
    minify: true,
    keepNames: true,
    legalComments: 'linked',
    banner: { js: BANNER },
    logLevel: 'warning',
  })
}
