/** The `Warning:` headers of the API server: deprecated versions, notes of admission webhooks. */

/**
 * Parses warning texts (RFC 7234 §5.5: `299 - "text"`, several separated by commas). Codes other than 299 come from
 * caches; kubectl ignores them too (k8s.io/client-go rest/warnings.go).
 */
export function warningTexts(header: string | string[] | undefined): string[] {
  const texts: string[] = []
  for (const [, code, text = ''] of String(header ?? '').matchAll(/(\d{3}) \S+ "((?:[^"\\]|\\.)*)"/g)) {
    if (code === '299') texts.push(text.replace(/\\(.)/g, '$1'))
  }
  return texts
}

/** Wraps `report` so that it receives each text only once. */
export function once(report: ((text: string) => void) | undefined): (text: string) => void {
  const reported = new Set<string>()
  return (text) => {
    if (reported.has(text)) return
    reported.add(text)
    report?.(text)
  }
}
