/** Parses Node's text form of a certificate's subjectAltName. */

/**
 * Returns the DNS names and IP addresses of "DNS:a, IP Address:10.0.0.1", in order and unchanged. Values with special
 * characters are JSON strings (nodejs/node src/crypto/crypto_common.cc, since CVE-2021-44532).
 */
export function alternativeNames(text: string | undefined): string[] {
  const names: string[] = []
  for (const [, kind, value = ''] of (text ?? '').matchAll(/([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)) {
    if (kind !== 'DNS' && kind !== 'IP Address') continue
    names.push(value.startsWith('"') ? String(JSON.parse(value)) : value)
  }
  return names
}

/** Returns the SPIFFE ID in such a text, which identifies an Istio sidecar certificate; undefined without one. */
export function spiffeId(text: string | undefined): string | undefined {
  return /(?:^|, )URI:(spiffe:\/\/[^,"]+)/.exec(text ?? '')?.[1]
}
