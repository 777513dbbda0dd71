/** Shows what a workflow tells while it runs, on stderr: a listr2 list on a terminal, plain lines elsewhere. */
import type { Means, Progress } from './steps.ts'

/** The progress for a stream: live when it is a terminal that can move its cursor. */
export async function createProgress(means: Means, env: NodeJS.ProcessEnv): Promise<Progress> {
  if (means.stream.isTTY !== true || env.TERM === 'dumb' || env.CI) {
    const { PlainProgress } = await import('./plain-progress.ts')
    return new PlainProgress(means)
  }
  const { LiveProgress } = await import('./live-progress.ts')
  return new LiveProgress(means)
}
