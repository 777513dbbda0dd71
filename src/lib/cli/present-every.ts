/** The text of -A. */
import type { TextRenderer } from '../output/text-renderer.ts'
import { ROUTES_ANNOTATION } from '../text/own-keys.ts'
import type { EveryDatacenter } from '../workflows/every-datacenter.ts'

/** Formats the results for all datacenters: each under its name, then what was skipped. */
export function presentEvery<T extends { namespace: string; datacenter: string }>(
  { datacenters, disabled }: EveryDatacenter<T>,
  renderer: TextRenderer,
  present: (one: T) => string,
): string {
  const sections = datacenters.map((one) => {
    const heading = renderer.bold(renderer.printableLine(`${one.namespace}/${one.datacenter}`))
    return [heading, present(one).trimEnd()].filter((part) => part !== '').join('\n')
  })
  const skipped = disabled.map((name) => renderer.printableLine(`${name}: skipped (annotation ${ROUTES_ANNOTATION})`))
  return [...sections, ...(skipped.length === 0 ? [] : [skipped.join('\n')])].join('\n\n')
}
