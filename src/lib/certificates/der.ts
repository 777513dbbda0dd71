/**
 * The subset of DER that protected keys in a Java keystore and extensions of certificates use: X.690 with definite
 * lengths and one-byte tags. Certificates are issued with a library, see x509.ts; loading it for these few elements
 * would slow down every `certs`.
 */

export const TAG = {
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  sequence: 0x30,
} as const

/** One element: its tag, its content, and all of its bytes. */
export interface DerElement {
  tag: number
  content: Buffer
  raw: Buffer
}

/**
 * Returns the consecutive elements in `bytes`.
 * @throws RangeError for invalid or unsupported DER.
 */
export function readElements(bytes: Buffer): DerElement[] {
  const elements: DerElement[] = []
  let at = 0
  while (at < bytes.length) {
    const tag = bytes.readUInt8(at)
    if ((tag & 0x1f) === 0x1f) throw new RangeError('DER tag of more than one byte')
    let length = bytes.readUInt8(at + 1)
    let start = at + 2
    if (length >= 0x80) {
      const size = length & 0x7f
      if (size === 0 || size > 4) throw new RangeError('unsupported form of DER length')
      length = bytes.readUIntBE(start, size)
      start += size
    }
    if (start + length > bytes.length) throw new RangeError('DER element longer than its container')
    elements.push({
      tag,
      content: bytes.subarray(start, start + length),
      raw: bytes.subarray(at, start + length),
    })
    at = start + length
  }
  return elements
}

/** Returns the members of the constructed element in `bytes`. */
export function readMembers(bytes: Buffer, tag: number = TAG.sequence): DerElement[] {
  const [element, ...rest] = readElements(bytes)
  if (!element || rest.length > 0 || element.tag !== tag) throw new RangeError(`not a DER element of tag ${tag}`)
  return readElements(element.content)
}

/** Encodes an element with this tag and content. */
export function encode(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content])
  const length: number[] = []
  for (let rest = content.length; rest > 0; rest = Math.floor(rest / 256)) length.unshift(rest % 256)
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length, ...length]), content])
}

export function sequence(...parts: Buffer[]): Buffer {
  return encode(TAG.sequence, ...parts)
}

/** Encodes an object identifier in dotted form. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second]
  for (const arc of rest) {
    const septets = [arc % 128]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) septets.unshift(0x80 | (left % 128))
    bytes.push(...septets)
  }
  return encode(TAG.oid, Buffer.from(bytes))
}
