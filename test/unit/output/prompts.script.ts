/** Run on a pseudo-terminal by prompts.test.ts: the question of a plan, with hostile text in it. */
import { createAsk } from '../../../src/lib/output/prompts.ts'

const details = ['Plan for context c:', '+ step one: by hand', '= step two: x\u001b[2J\n+ forged: line']
const answer = await createAsk(new AbortController().signal)({
  kind: 'confirm',
  name: 'proceed',
  flag: '--yes',
  message: 'Go ahead?',
  details,
  initial: true,
})
process.stdout.write(`answered ${answer}\n`)
