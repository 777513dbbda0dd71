import { say } from '../progress.ts'
import { prune, touch } from './cache.ts'
import { ensureFixtures } from './fixtures.ts'
import { ensureImages } from './images.ts'
import type { Image } from './oci.ts'
import { ensureHostPackages } from './packages.ts'
import { ensurePrograms, requireGoFor } from './programs.ts'
import { dirname } from 'node:path'
import { goPrograms } from '../versions.ts'

/** The inputs of `up`, all in the cache. */
export interface Built {
  /** paths of the Go programs by name */
  programs: Record<string, string>
  images: Image[]
  /** directory of manifests for users of the lab */
  fixtures: string
}

/** Builds missing artifacts; takes a second if none is missing. */
export async function build(): Promise<Built> {
  await requireGoFor(goPrograms.filter(({ optional }) => !optional).map(({ name }) => name))
  await ensureHostPackages('build')
  const programs = await ensurePrograms()
  const images = await ensureImages(programs)
  const fixtures = await ensureFixtures()
  const used = [...Object.values(programs), ...images.flatMap((image) => image.layers.map((layer) => layer.file))]
  for (const path of used) await touch(dirname(path))
  await touch(fixtures)
  return { programs, images, fixtures }
}

/** `npm run lab -- build`: builds, and removes artifacts that are no longer used. */
export async function buildAndPrune(): Promise<void> {
  await build()
  for (const kind of ['bin', 'layers', 'fixtures', 'jars', 'envoy']) await prune(kind)
  say('build is complete')
}
