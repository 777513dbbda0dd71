/** Paths of files in the installed package. */
import { fileURLToPath } from 'node:url'

/**
 * Returns the absolute path of a file in the package, for messages: packageFile('docs/permissions.md'). The bundles
 * are at the same depth below package.json as this file (build/bundle.ts).
 */
export function packageFile(path: string): string {
  return fileURLToPath(new URL(`../../../${path}`, import.meta.url))
}
