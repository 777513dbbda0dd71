/**
 * DER, as much of it as the protected key of a Java keystore needs: X.690 with definite lengths and one-byte tags.
 * Certificates are made by a library, see x509.ts; to load it for these three elements would make every `certs` slower.
 */

export const TAG = {
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  sequence: 0x30,
} as const

/** One element: its tag, its content, and the bytes of the whole. */
export interface DerElement {
  tag: number
  content: Buffer
  raw: Buffer
}

/**
 * The elements that follow one another in `bytes`.
 * @throws RangeError when the bytes are no such DER.
 */
function readElements(bytes: Buffer): DerElement[] {
  const elements: DerElement[] = []
  let at = 0
  while (at < bytes.length) {
    const tag = bytes.readUInt8(at)
    if ((tag & 0x1f) === 0x1f) throw new RangeError('a DER tag of more than one byte')
    let length = bytes.readUInt8(at + 1)
    let start = at + 2
    if (length >= 0x80) {
      const size = length & 0x7f
      if (size === 0 || size > 4) throw new RangeError('a DER length of this form is not supported')
      length = bytes.readUIntBE(start, size)
      start += size
    }
    if (start + length > bytes.length) throw new RangeError('a DER element is longer than its container')
    elements.push({
      tag,
      content: bytes.subarray(start, start + length),
      raw: bytes.subarray(at, start + length),
    })
    at = start + length
  }
  return elements
}

/** The members of the one constructed element that `bytes` is. */
export function readMembers(bytes: Buffer, tag: number = TAG.sequence): DerElement[] {
  const [element, ...rest] = readElements(bytes)
  if (!element || rest.length > 0 || element.tag !== tag) throw new RangeError(`not a DER element of tag ${tag}`)
  return readElements(element.content)
}

/** An element of this tag around these parts. */
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

/** An object identifier from its dotted form. */
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
