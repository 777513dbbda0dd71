/** A test server for many fixtures. */
import pLimit from 'p-limit'
import type { TestServer } from '../test/support/fixture-server.ts'

/** Fixtures of many nodes are created without opening a connection for each. */
export function limitedServer(server: TestServer): TestServer {
  const limit = pLimit(16)
  const plain = server.client.send
  server.client.send = (...args) => limit(() => plain(...args))
  return server
}
