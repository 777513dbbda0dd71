/** Records answers at prompts as flags, so the command that resumes an install does not prompt for them again. */
import type { Ask } from '../../events.ts'

export interface Answers {
  ask: Ask | undefined
  /** The answers so far: "--size", "5", …. */
  flags(): string[]
}

/** Wraps an `Ask`; undefined stays undefined. */
export function rememberAnswers(ask: Ask | undefined): Answers {
  const answers = new Map<string, string>()
  return {
    ask:
      ask === undefined
        ? undefined
        : async (question) => {
            const answer = await ask(question)
            // an empty answer stands for a new StorageClass, which the next prompt defines
            if (question.kind !== 'confirm' && answer !== '') answers.set(question.flag, answer.trim())
            return answer
          },
    flags: () => [...answers].flat(),
  }
}
