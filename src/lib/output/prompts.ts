/** Puts the questions of a workflow to the user, on stderr, so that stdout holds only the result. */
import { asCassSniError, CassSniError } from '../errors.ts'
import type { Ask, Question } from '../events.ts'
import { printableLine } from '../text/untrusted.ts'

/** An `Ask` for a terminal. Ctrl-C at a prompt, and the signal, reject with the signal's reason or a CSNI902. */
export function createAsk(signal: AbortSignal): Ask {
  return async (question) => {
    try {
      return await put(question, signal)
    } catch (error) {
      if (signal.aborted) throw asCassSniError(signal.reason)
      if (error instanceof Error && error.name === 'ExitPromptError')
        throw new CassSniError('CSNI902', 'Interrupted at a question; nothing more was done.')
      throw error
    }
  }
}

async function put(question: Question, signal: AbortSignal): Promise<string> {
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
