/** Reads the API server's audit log: the proof of what was written and by whom. */
import { readFile } from 'node:fs/promises'

export interface WriteRequest {
  verb: string
  /** With its query, so that a dry run can be told. */
  uri: string
  resource: string
  name?: string
  namespace?: string
  status: number
}

interface AuditEvent {
  verb: string
  requestURI: string
  userAgent?: string
  requestReceivedTimestamp: string
  objectRef?: { resource?: string; subresource?: string; name?: string; namespace?: string }
  responseStatus?: { code?: number }
}

const WRITES = new Set(['create', 'update', 'patch', 'delete', 'deletecollection'])
/** These are "create" to the API server and yet leave nothing behind. */
const CREATES_NOTHING = new Set(['selfsubjectaccessreviews', 'selfsubjectrulesreviews', 'selfsubjectreviews'])
const STREAMS = new Set(['exec', 'portforward', 'attach'])

/**
 * The write requests of clients whose User-Agent begins with the prefix, refused ones and dry runs included, from a moment on
 * (milliseconds since the epoch). The server logs before it answers, so nothing that has been answered is missing.
 */
export async function writesBy(auditLog: string, userAgentPrefix: string, since: number): Promise<WriteRequest[]> {
  const lines = (await readFile(auditLog, 'utf8')).split('\n').filter((line) => line.includes(userAgentPrefix))
  return lines.flatMap((line) => {
    const { verb, requestURI, userAgent, requestReceivedTimestamp, objectRef, responseStatus } = JSON.parse(
      line,
    ) as AuditEvent
    if (
      !WRITES.has(verb) ||
      userAgent?.startsWith(userAgentPrefix) !== true ||
      Date.parse(requestReceivedTimestamp) < since
    )
      return []
    const { resource = '', subresource = '', name, namespace } = objectRef ?? {}
    if (CREATES_NOTHING.has(resource) || STREAMS.has(subresource)) return []
    const shown = subresource === '' ? resource : `${resource}/${subresource}`
    return [
      {
        verb,
        uri: requestURI,
        resource: shown,
        ...(name === undefined ? {} : { name }),
        ...(namespace === undefined ? {} : { namespace }),
        status: responseStatus?.code ?? 0,
      },
    ]
  })
}

/** The User-Agent of the program's own requests begins so. */
export const OUR_AGENT = 'kubectl-cass-sni/'
