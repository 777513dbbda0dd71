/** Files that come with the program, where they are on this machine. */
import { fileURLToPath } from 'node:url'

/**
 * The absolute path of a file of the package, for messages: packageFile('docs/rights.yaml'). The bundles are as deep
 * below package.json as this file (build/bundle.ts).
 */
export function packageFile(path: string): string {
  return fileURLToPath(new URL(`../../../${path}`, import.meta.url))
}
