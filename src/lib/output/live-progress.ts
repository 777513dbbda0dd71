/**
 * The steps of a workflow on a terminal, with listr2. Steps are not known in advance, so each one is a separate list,
 * one below the other.
 */
import {
  DefaultRenderer,
  Listr,
  ListrDefaultRendererLogLevels,
  ListrLogger,
  type ListrTaskWrapper,
  ProcessOutput,
  type SimpleRenderer,
} from 'listr2'
import type { WorkflowEvent } from '../events.ts'
import type { Palette, Symbols } from './color.ts'
import { CUT_SHORT, type Ending, type ProgressOptions, type Progress, type ProgressEvent, stepText } from './steps.ts'
import { printableLine } from '../text/untrusted.ts'

type StepEvent = Extract<WorkflowEvent, { type: 'step' }>
type Task = ListrTaskWrapper<unknown, typeof StderrRenderer, typeof SimpleRenderer>

/**
 * listr2 tests whether process.stdout is a terminal, and its `forceTTY` assigns process.stdout.isTTY (listr2
 * dist/index.mjs, getRenderer and the constructor of Listr). Here stderr matters, which was tested before.
 */
class StderrRenderer extends DefaultRenderer {
  static override nonTTY = true
}

/** A step, from its start until its list has left the screen. */
interface Step {
  title: string
  lines: string[]
  end: StepEvent | undefined
  task: Task | undefined
  /** Ends the list on the screen; 'paused' if the step itself continues. */
  release: ((how: 'ended' | 'paused') => void) | undefined
}

/**
 * Renders steps in the order in which they started, one at a time: concurrent steps are queued.
 */
export class LiveProgress implements Progress {
  readonly #stream: NodeJS.WriteStream
  readonly #paint: Palette
  readonly #symbols: Symbols
  readonly #steps = new Map<string, Step>()
  #queue: Step[] = []
  #rendered: Promise<void> | undefined
  #current: Step | undefined
  #paused = false

  constructor({ stream, paint, symbols }: ProgressOptions) {
    this.#stream = stream
    this.#paint = paint
    this.#symbols = symbols
  }

  get live(): boolean {
    return this.#current !== undefined || this.#queue.length > 0
  }

  show(event: ProgressEvent): void {
    const step = this.#steps.get(event.id)
    if (event.type === 'waiting') {
      if (!step) return
      step.lines = event.lines.map((line) => printableLine(line).replaceAll('…', this.#symbols.more))
      if (step.task) step.task.output = step.lines.join('\n')
      return
    }
    if (event.state === 'started') {
      const started: Step = {
        title: printableLine(event.title),
        lines: [],
        end: undefined,
        task: undefined,
        release: undefined,
      }
      this.#steps.set(event.id, started)
      this.#queue.push(started)
    } else if (step) {
      step.end = event
      this.#steps.delete(event.id)
      step.release?.('ended')
    } else {
      this.#queue.push({
        title: printableLine(event.title),
        lines: [],
        end: event,
        task: undefined,
        release: undefined,
      })
    }
    this.#next()
  }

  /** Renders the next step if no other step is on the screen. */
  #next(): void {
    if (this.#paused || this.#current) return
    const step = this.#queue.shift()
    if (!step) return
    this.#current = step
    this.#rendered = this.#list(step).then((how) => {
      this.#current = undefined
      if (how === 'paused') this.#queue.unshift(step)
      this.#next()
    })
  }

  /** One step as a listr2 list with one task, until the step ends or is paused. */
  async #list(step: Step): Promise<'ended' | 'paused'> {
    let how: 'ended' | 'paused' = 'ended'
    const work = async (_: unknown, task: Task) => {
      step.task = task
      if (step.lines.length > 0) task.output = step.lines.join('\n')
      // A prompt may have started between the step's start and its first line on the screen.
      if (!step.end && this.#paused) how = 'paused'
      else if (!step.end) {
        how = await new Promise((resolve) => {
          step.release = resolve
        })
      }
      step.task = undefined
      step.release = undefined
      if (how === 'paused') task.skip(step.title)
      else if (step.end?.state === 'skipped') task.skip(stepText(step.end))
      else if (step.end?.state === 'failed') throw new Error(stepText(step.end))
      else if (step.end) task.title = stepText(step.end)
    }
    const { dim, green, red, cyan } = this.#paint
    const { ok, fail, skip } = this.#symbols
    const plain = (text: string | undefined) => text ?? ''
    const list = new Listr([{ title: step.title, task: work }], {
      renderer: StderrRenderer,
      rendererOptions: {
        logger: new ListrLogger({
          processOutput: new ProcessOutput(this.#stream, this.#stream),
          useIcons: true,
          toStderr: [],
        }),
        formatOutput: 'truncate',
        icon: {
          [ListrDefaultRendererLogLevels.COMPLETED]: ok,
          [ListrDefaultRendererLogLevels.FAILED]: fail,
          [ListrDefaultRendererLogLevels.SKIPPED_WITH_COLLAPSE]: skip,
        },
        color: {
          [ListrDefaultRendererLogLevels.COMPLETED]: (text) => green(plain(text)),
          [ListrDefaultRendererLogLevels.FAILED]: (text) => red(plain(text)),
          [ListrDefaultRendererLogLevels.SKIPPED_WITH_COLLAPSE]: (text) => dim(plain(text)),
          [ListrDefaultRendererLogLevels.PENDING]: (text) => cyan(plain(text)),
          [ListrDefaultRendererLogLevels.OUTPUT]: (text) => dim(plain(text)),
          [ListrDefaultRendererLogLevels.WAITING]: (text) => dim(plain(text)),
        },
      },
      // listr2's handler would exit with 127 and bypass ours.
      registerSignalListeners: false,
      exitOnError: false,
    })
    await list.run()
    return how
  }

  async pause(): Promise<void> {
    this.#paused = true
    this.#current?.release?.('paused')
    while (this.#current) await this.#rendered
  }

  resume(): void {
    this.#paused = false
    this.#next()
  }

  async end(how: Ending): Promise<void> {
    const note = how === 'skipped' ? CUT_SHORT : undefined
    for (const [id, { title }] of [...this.#steps]) this.show({ type: 'step', id, title, state: how, note })
    this.#paused = false
    this.#next()
    while (this.#current) await this.#rendered
  }
}
