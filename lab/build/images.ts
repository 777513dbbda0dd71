import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checkout } from '../layout.ts'
import { LabError } from '../progress.ts'
import { versions } from '../versions.ts'
import { lastStage } from './containerfile.ts'
import {
  baseLayer,
  cassandraLayer,
  filesLayer,
  loggerLayer,
  nodeLayer,
  programLayer,
  proxyLayer,
  uid,
} from './layers.ts'
import type { Image } from './oci.ts'
import { ensurePrograms } from './programs.ts'

const reference = (name: string, tag = 'lab') => `docker.io/lab/${name}:${tag}`

export const pauseImage = reference('pause')

/** Returns all images of the lab except optional ones, and builds missing layers. */
export async function ensureImages(programs: Record<string, string>): Promise<Image[]> {
  const single = (name: string, program: string, path: string, user: number) =>
    programImage(name, need(programs, program), path, user)
  const small = [
    await single('pause', 'pause', '/pause', uid.operator),
    // CoreDNS binds port 53
    await single('coredns', 'coredns', '/coredns', uid.root),
    await single('pilot', 'pilot-discovery', '/usr/local/bin/pilot-discovery', uid.istio),
    await single('cass-operator', 'cass-operator', '/manager', uid.operator),
    await single('cass-operator-1.22', 'cass-operator-1.22', '/manager', uid.operator),
  ]
  const base = await baseLayer()
  const agent = '/usr/local/bin/pilot-agent'
  return [
    ...small,
    {
      reference: reference('proxyv2'),
      layers: [base, await proxyLayer(), await programLayer(need(programs, 'pilot-agent'), agent)],
      entrypoint: [agent],
      user: uid.root,
    },
    {
      reference: reference('cassandra', versions.cassandra),
      layers: [base, await cassandraLayer()],
      entrypoint: ['/entrypoint.sh'],
      user: uid.cassandra,
    },
    {
      reference: reference('system-logger'),
      layers: [base, await loggerLayer()],
      entrypoint: ['/entrypoint.sh'],
      user: uid.cassandra,
    },
  ]
}

/**
 * Builds the image of the routes controller from the Containerfile of the checkout. Its build stage is `npm run build`,
 * which has run. The tag changes with the contents.
 */
export async function controllerImage(): Promise<Image> {
  const { from, copies, user, entrypoint, sources } = lastStage(await readFile(join(checkout, 'Containerfile'), 'utf8'))
  if (!from.startsWith('gcr.io/distroless/nodejs')) throw new LabError(`Containerfile: no base image for FROM ${from}`)
  const files = copies.map(({ source, target }) => ({ source: join(checkout, source.slice(sources.length)), target }))
  const layers = [await nodeLayer(), await filesLayer('controller', files)]
  const tag = layers.map(({ digest }) => digest.slice('sha256:'.length).slice(0, 8)).join('-')
  return { reference: reference('cass-sni-controller', tag), layers, entrypoint, user }
}

/** Builds the image of cert-manager, of which only the controllers that sign with a CA run. */
export async function certManagerImage(): Promise<Image> {
  const programs = await ensurePrograms(['cert-manager'])
  return programImage('cert-manager', need(programs, 'cert-manager'), '/cert-manager', uid.operator)
}

async function programImage(name: string, program: string, path: string, user: number): Promise<Image> {
  return { reference: reference(name), layers: [await programLayer(program, path)], entrypoint: [path], user }
}

function need(programs: Record<string, string>, name: string): string {
  const path = programs[name]
  if (!path) throw new Error(`${name} was not built`)
  return path
}
