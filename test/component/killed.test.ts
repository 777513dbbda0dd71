/** `routes sync` and `certs`, killed at each of their writes, and `routes sync` twice at once: the next run brings it right. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { apiServer, type TestServer } from '../support/api-server.ts'
import { OUR_AGENT, writesBy } from '../support/audit.ts'
import { createDatacenter, type TestDatacenter } from '../support/cluster-state.ts'
import { runCommand } from '../support/command.ts'
import type { SeenRequest } from '../support/fault-requests.ts'
import { requestsBefore } from '../support/fault-server.ts'
import { createMesh, removeRoutes, type TestMesh } from '../support/mesh-state.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/dev.js', import.meta.url))

/** How a run ends, by turns: the signal, and whether the write that it is killed at has been made by then. */
const KILLS = [
  { signal: 'SIGKILL', made: false },
  { signal: 'SIGKILL', made: true },
  { signal: 'SIGTERM', made: false },
  { signal: 'SIGINT', made: true },
] as const

function isWrite({ method, url }: SeenRequest): boolean {
  return method !== 'GET' && !url.includes('dryRun=') && !url.includes('/authorization.k8s.io/')
}

describe('a run that is killed, or not alone', function () {
  this.timeout(180_000)
  let server: TestServer
  let mesh: TestMesh
  let dc: TestDatacenter

  before(async () => {
    server = await apiServer()
  })
  const fresh = async () => {
    mesh = await createMesh(server, { namespace: await server.namespace('istio') })
    dc = await createDatacenter(server, { namespace: await server.namespace('killed') })
  }
  const clear = async () => {
    await Promise.all([mesh.remove(), dc.remove()])
    await removeRoutes(server)
  }

  const start = (words: string[], kubeconfig: string) =>
    spawn(process.execPath, [PROGRAM, ...words, '-n', dc.namespace, '--kubeconfig', kubeconfig], { stdio: 'ignore' })
  const run = (words: string[]) => runCommand([...words, '-n', dc.namespace, '--kubeconfig', server.kubeconfig])
  const completes = async (words: string[]) => {
    const outcome = await run(words)
    equal(outcome.exitCode, 0, outcome.stdout + outcome.stderr)
  }
  /** True when the run came to so many writes, and was killed there. */
  const killedAt = async (words: string[], nth: number, { signal, made }: (typeof KILLS)[number]): Promise<boolean> => {
    let writes = 0
    let reached = false
    const proxy = await requestsBefore(server)
    try {
      const child = start(words, proxy.kubeconfig)
      proxy.fault = (seen) => {
        if (!isWrite(seen) || ++writes !== nth) return undefined
        reached = true
        setTimeout(() => child.kill(signal), made ? 150 : 0)
        return made ? { cut: { afterBytes: 0, how: 'stall' } } : { hang: true }
      }
      await once(child, 'exit')
      return reached
    } finally {
      await proxy.stop()
    }
  }

  const writesNothing = async (words: string[]) => {
    const since = Date.now()
    await completes(words)
    deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
  }

  const commands = [
    { words: ['routes', 'sync'], writes: 6, killsEach: 1 },
    { words: ['certs'], writes: 1, killsEach: 2 },
  ]
  for (const { words, writes, killsEach } of commands)
    it(`${words.join(' ')}, at any of its writes: the next one completes it, the one after writes nothing`, async () => {
      let kills = 0
      for (let killed = true; killed; kills += killed ? 1 : 0) {
        await fresh()
        try {
          killed = await killedAt(words, Math.floor(kills / killsEach) + 1, KILLS[kills % KILLS.length] ?? KILLS[0])
          await completes(words)
          await writesNothing(words)
        } finally {
          await clear()
        }
      }
      ok(kills >= writes * killsEach, `it was killed ${kills} times only`)
    })

  it('routes sync twice at once: both end well or are told of the other, and all is there', async () => {
    await fresh()
    try {
      const words = ['routes', 'sync']
      const both = [start(words, server.kubeconfig), start(words, server.kubeconfig)]
      const codes = await Promise.all(both.map(async (child) => (await once(child, 'exit'))[0] as number | null))
      ok(codes.includes(0), `both failed: ${codes.join(', ')}`)
      await writesNothing(words)
    } finally {
      await clear()
    }
  })
})
