/** Node's text form of a certificate's subjectAltName, the one reader of it. */

/**
 * The DNS names and IP addresses of "DNS:a, IP Address:10.0.0.1", in their order and as they stand there. A value with
 * special characters is a JSON string there (nodejs/node src/crypto/crypto_common.cc, since CVE-2021-44532).
 */
export function alternativeNames(text: string | undefined): string[] {
  const names: string[] = []
  for (const [, kind, value = ''] of (text ?? '').matchAll(/([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)) {
    if (kind !== 'DNS' && kind !== 'IP Address') continue
    names.push(value.startsWith('"') ? String(JSON.parse(value)) : value)
  }
  return names
}

/** The SPIFFE id of such a text: the certificate is one that Istio gave to a sidecar. Undefined without one. */
export function spiffeId(text: string | undefined): string | undefined {
  return /(?:^|, )URI:(spiffe:\/\/[^,"]+)/.exec(text ?? '')?.[1]
}
