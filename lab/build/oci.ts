import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { link, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDir } from '../layout.ts'
import { run } from '../run.ts'

/** An uncompressed image layer: one tar file and its digest (which is also its diff id). */
export interface Layer {
  file: string
  digest: string
  size: number
}

export interface Image {
  /** full reference, e.g. docker.io/lab/pause:lab */
  reference: string
  layers: Layer[]
  entrypoint: string[]
  /** numeric, so that runAsNonRoot can be checked */
  user: number
}

/** Packs a directory as a layer, reproducibly. */
export async function packLayer(root: string, file: string): Promise<void> {
  await run('tar', ['--sort=name', '--mtime=@0', '--numeric-owner', '-C', root, '-cf', file, '.'])
}

/** Writes the digest and the size of `<directory>/layer.tar` next to it. */
export async function sealLayer(directory: string): Promise<void> {
  const file = join(directory, 'layer.tar')
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    hash.update(chunk)
    size += chunk.length
  }
  await writeFile(join(directory, 'layer.json'), JSON.stringify({ digest: `sha256:${hash.digest('hex')}`, size }))
}

/** Reads a sealed layer. */
export async function readLayer(directory: string): Promise<Layer> {
  const { digest, size } = JSON.parse(await readFile(join(directory, 'layer.json'), 'utf8'))
  return { file: join(directory, 'layer.tar'), digest, size }
}

/** Writes images in the OCI image layout, calls `use` with that directory, and removes it. */
export async function withImageLayout<T>(images: readonly Image[], use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(cacheDir, '.layout-'))
  try {
    const blobs = join(directory, 'blobs', 'sha256')
    await mkdir(blobs, { recursive: true })
    const blobName = (digest: string) => join(blobs, digest.slice('sha256:'.length))
    const writeBlob = async (mediaType: string, value: unknown) => {
      const bytes = Buffer.from(JSON.stringify(value))
      const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
      await writeFile(blobName(digest), bytes)
      return { mediaType, digest, size: bytes.length }
    }
    const manifests = []
    for (const image of images) {
      for (const layer of image.layers) await link(layer.file, blobName(layer.digest)).catch(ignoreExisting)
      const config = await writeBlob('application/vnd.oci.image.config.v1+json', {
        architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
        os: 'linux',
        config: {
          User: String(image.user),
          Entrypoint: image.entrypoint,
          Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
          WorkingDir: '/',
        },
        rootfs: { type: 'layers', diff_ids: image.layers.map((layer) => layer.digest) },
      })
      const manifest = await writeBlob('application/vnd.oci.image.manifest.v1+json', {
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config,
        layers: image.layers.map(({ digest, size }) => ({
          mediaType: 'application/vnd.oci.image.layer.v1.tar',
          digest,
          size,
        })),
      })
      manifests.push({ ...manifest, annotations: { 'io.containerd.image.name': image.reference } })
    }
    await writeFile(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
    await writeFile(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }))
    return await use(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
