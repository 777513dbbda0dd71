/** Prompts on stderr: stdout is reserved for the result. */
import { asCassSniError, CassSniError } from '../errors.ts'
import type { Ask, Question } from '../events.ts'
import { printableLine } from '../text/untrusted.ts'

/** Returns an `Ask` for a terminal. It rejects with the signal's reason, or with CSNI902 on Ctrl-C at a prompt. */
export function createAsk(signal: AbortSignal): Ask {
  return async (question) => {
    try {
      return await prompt(question, signal)
    } catch (error) {
      if (signal.aborted) throw asCassSniError(signal.reason)
      if (error instanceof Error && error.name === 'ExitPromptError')
        throw new CassSniError('CSNI902', 'interrupted at a prompt; no further changes were made')
      throw error
    }
  }
}

async function prompt(question: Question, signal: AbortSignal): Promise<string> {
  const { confirm, input, select } = await import('@inquirer/prompts')
  const terminal = { output: process.stderr, signal, clearPromptOnDone: false }
  const message = printableLine(question.message)
  switch (question.kind) {
    case 'choose':
      return select(
        {
          message,
          choices: question.choices.map(({ value, label, hint }) => ({
            value,
            name: printableLine(label),
            ...(hint ? { description: printableLine(hint) } : {}),
          })),
          ...(question.initial === undefined ? {} : { default: question.initial }),
        },
        terminal,
      )
    case 'text':
      return input(
        {
          message,
          ...(question.initial === undefined ? {} : { default: question.initial }),
          validate: (text) => question.validate?.(text) ?? true,
        },
        terminal,
      )
    case 'confirm':
      for (const line of question.details ?? []) process.stderr.write(`${printableLine(line)}\n`)
      return (await confirm({ message, default: question.initial }, terminal)) ? 'yes' : 'no'
  }
}
