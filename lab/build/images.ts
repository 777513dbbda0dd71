import { versions } from '../versions.ts'
import { baseLayer, cassandraLayer, loggerLayer, programLayer, proxyLayer, uid } from './layers.ts'
import type { Image } from './oci.ts'

const reference = (name: string, tag = 'lab') => `docker.io/lab/${name}:${tag}`

export const pauseImage = reference('pause')

/** Returns all images of the lab, and builds missing layers. */
export async function ensureImages(programs: Record<string, string>): Promise<Image[]> {
  const single = async (name: string, program: string, path: string, user: number): Promise<Image> => ({
    reference: reference(name),
    layers: [await programLayer(need(programs, program), path)],
    entrypoint: [path],
    user,
  })
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

function need(programs: Record<string, string>, name: string): string {
  const path = programs[name]
  if (!path) throw new Error(`${name} was not built`)
  return path
}
