/** The API server that all component tests of a mocha run share. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTestServer, type TestServer } from './fixture-server.ts'

export { type Manifest, pathOf, type Stored, type TestServer } from './fixture-server.ts'

let started: Promise<TestServer> | undefined
let folder: string | undefined

/** The API server of this mocha run, started by the first who asks. */
export function apiServer(): Promise<TestServer> {
  started ??= start()
  return started
}

// at the top of a file that specs import this is a hook of the whole run
after(async () => {
  const server = await started?.catch(() => undefined)
  server?.client.close()
  await server?.stop()
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

async function start(): Promise<TestServer> {
  folder = await mkdtemp(join(tmpdir(), 'cass-sni-api-'))
  return startTestServer(folder)
}
