/** The host ID of a Cassandra node, a UUID unique to the node. */

const HOST_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const NIL = '00000000-0000-0000-0000-000000000000'

/** Returns the lower-case host ID; undefined if the text is not a UUID. */
export function asHostId(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined
  const id = text.trim().toLowerCase()
  return HOST_ID.test(id) && id !== NIL ? id : undefined
}
