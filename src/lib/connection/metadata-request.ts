/** The request that drivers with a secure connect bundle send first, verified as a strict driver does. */
import { request } from 'node:https'
import { CassSniError, command, throwIfAborted } from '../errors.ts'
import { durationText } from '../text/duration-text.ts'
import { withinLimit } from '../waiting/time-limit.ts'
import type { Dial } from './dialer.ts'
import { dialVerified, type ServerIdentity } from './verified-dial.ts'

const DEFAULT_TIMEOUT_MS = 10_000
/** A thousand host IDs take 40 kB. */
const LARGEST_BYTES = 1 << 20

/** The part of the metadata that drivers require. Untrusted. */
export interface ContactInfo {
  /** Host IDs, the SNI names of the nodes. */
  contactPoints: string[]
  localDatacenter: string
  /** "host:port", where connections with these names go. */
  sniProxyAddress: string
}

export interface MetadataRequest extends ServerIdentity {
  /** Opens the connection to the gateway. */
  dial: Dial
  port: number
  signal: AbortSignal
  /** For the connection, the request and the response, in ms. Default 10,000. */
  timeoutMs?: number | undefined
}

/**
 * Sends `GET /metadata` and returns the contact information.
 * @throws CSNI611 without a valid response within the time limit, and what `dialVerified` throws
 */
export async function requestMetadata(options: MetadataRequest): Promise<ContactInfo> {
  const { dial, signal, port, timeoutMs = DEFAULT_TIMEOUT_MS, ...identity } = options
  const late = () => invalid(identity.serverName, `no response within ${durationText(timeoutMs)}`)
  return withinLimit({ ms: timeoutMs, late, signal }, async (stop) => {
    const socket = await dialVerified(dial, identity, stop)
    try {
      const text = await new Promise<string>((resolve, reject) => {
        const { serverName: host } = identity
        const sent = request({ host, port, path: '/metadata', signal: stop, createConnection: () => socket })
        sent.on('error', reject)
        sent.on('response', (response) => {
          const chunks: Buffer[] = []
          let bytes = 0
          response.on('error', reject)
          response.on('data', (chunk: Buffer) => {
            bytes += chunk.length
            if (bytes > LARGEST_BYTES) sent.destroy(new Error('response too large'))
            else chunks.push(chunk)
          })
          response.on('end', () => {
            if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString('utf8'))
            else reject(new Error(`HTTP status ${response.statusCode}`))
          })
        })
        sent.end()
      })
      return contactInfo(text)
    } catch (error) {
      throwIfAborted(stop)
      throw invalid(identity.serverName, error instanceof Error ? error.message : String(error), error)
    } finally {
      socket.destroy()
    }
  })
}

function contactInfo(text: string): ContactInfo {
  let info: Record<string, unknown> | undefined
  try {
    info = (JSON.parse(text) as { contact_info?: Record<string, unknown> } | null)?.contact_info
  } catch (cause) {
    throw new Error('response is not JSON', { cause })
  }
  const points = info?.['contact_points']
  const localDatacenter = info?.['local_dc']
  const sniProxyAddress = info?.['sni_proxy_address']
  if (!Array.isArray(points) || !points.every((each) => typeof each === 'string'))
    throw new Error('response without contact_info.contact_points')
  if (typeof localDatacenter !== 'string' || typeof sniProxyAddress !== 'string')
    throw new Error('response without contact_info.local_dc and sni_proxy_address')
  return { contactPoints: points, localDatacenter, sniProxyAddress }
}

function invalid(serverName: string, reason: string, cause?: unknown): CassSniError {
  return new CassSniError('CSNI611', `metadata service at ${serverName}: ${reason}`, {
    next: [command`kubectl cass-sni routes controller status`],
    cause,
  })
}
