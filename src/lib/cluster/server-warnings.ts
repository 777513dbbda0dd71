/** The `Warning:` headers of the API server: deprecated versions, what an admission webhook finds. */

/**
 * The texts of warnings (RFC 7234 §5.5: `299 - "text"`, several separated by commas). Other codes than 299 are those of
 * caches on the way, which kubectl does not show (k8s.io/client-go rest/warnings.go).
 */
export function warningTexts(header: string | string[] | undefined): string[] {
  const texts: string[] = []
  for (const [, code, text = ''] of String(header ?? '').matchAll(/(\d{3}) \S+ "((?:[^"\\]|\\.)*)"/g)) {
    if (code === '299') texts.push(text.replace(/\\(.)/g, '$1'))
  }
  return texts
}

/** Tells each text once. */
export function once(tell: ((text: string) => void) | undefined): (text: string) => void {
  const told = new Set<string>()
  return (text) => {
    if (told.has(text)) return
    told.add(text)
    tell?.(text)
  }
}
