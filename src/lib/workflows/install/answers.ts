/**
 * Keeps the answers of the prompts as flags: the command that resumes an install asks for nothing that was answered.
 */
import type { Ask } from '../../events.ts'

export interface Answers {
  ask: Ask | undefined
  /** "--size", "5", …: what was answered so far. */
  flags(): string[]
}

/** Wraps an `Ask`; undefined stays undefined. */
export function rememberAnswers(ask: Ask | undefined): Answers {
  const given = new Map<string, string>()
  return {
    ask:
      ask === undefined
        ? undefined
        : async (question) => {
            const answer = await ask(question)
            // a new StorageClass is no class yet: the answer to the next question says what it is
            if (question.kind !== 'confirm' && answer !== '') given.set(question.flag, answer.trim())
            return answer
          },
    flags: () => [...given].flat(),
  }
}
