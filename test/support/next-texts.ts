/** The steps of an error as the text that a user sees when no flag is given. */
import { renderSteps } from '../../src/lib/cli/next-steps.ts'
import type { NextStep } from '../../src/lib/errors.ts'

export const NO_FLAGS = { bin: 'kubectl cass-sni', id: 'verify', flags: [], args: [], portFlag: 'port' } as const

export function nextTexts(steps: readonly NextStep[] | undefined): string[] {
  return renderSteps(steps ?? [], NO_FLAGS).map(({ text }) => text)
}
