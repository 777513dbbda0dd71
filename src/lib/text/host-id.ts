/** The host id of a Cassandra node: a UUID that no two nodes share. */

const HOST_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const NIL = '00000000-0000-0000-0000-000000000000'

/** A host id as Cassandra prints it, lower-cased; undefined when the text is no UUID. */
export function asHostId(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined
  const id = text.trim().toLowerCase()
  return HOST_ID.test(id) && id !== NIL ? id : undefined
}
