/** Programs that forward a local port to the server pod, this one and kubectl; restarted when they exit. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** Milliseconds from the start of a program until it listens. */
const START_LIMIT = 30_000

export class Forwarder {
  /** One line per unexpected exit. */
  readonly exits: string[] = []
  /** Peak resident memory of all processes so far, in MB (10^6). */
  peakMemory = 0
  readonly #command: string[]
  #child: ChildProcess | undefined
  #listening: Promise<number> | undefined
  #stopped = false

  /** `command` prints "Forwarding from 127.0.0.1:PORT -> …" when it listens. */
  constructor(command: string[]) {
    this.#command = command
  }

  /** Returns the local port of the current process. Rejects if it exits before it listens. */
  port(): Promise<number> {
    this.#listening ??= this.#start()
    return this.#listening
  }

  /** The current process; undefined before it was started. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Includes the memory of the current process in `peakMemory`. */
  noteMemory(): void {
    const { pid } = this.#child ?? {}
    if (pid === undefined) return
    const kilobytes = Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
    this.peakMemory = Math.max(this.peakMemory, (kilobytes * 1024) / 1_000_000)
  }

  stop(): void {
    this.#stopped = true
    this.#child?.kill('SIGKILL')
  }

  #start(): Promise<number> {
    const [program = '', ...args] = this.#command
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    let printed = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      printed = (printed + text).slice(-1000)
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), START_LIMIT)
    return new Promise((resolve, reject) => {
      let listens = false
      createInterface(child.stdout).on('line', (line) => {
        const port = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line)?.[1]
        if (port === undefined) return
        listens = true
        clearTimeout(timer)
        resolve(Number(port))
      })
      child.once('error', () => undefined) // 'close' follows
      child.once('close', (code, signal) => {
        clearTimeout(timer)
        this.#child = undefined
        if (this.#stopped) return
        const how = `${program} ended with ${code ?? signal}: ${printed.trim()}`
        if (!listens) return reject(new Error(`before it listened, ${how}`))
        this.exits.push(how)
        this.#listening = this.#start()
        // reported by the next port()
        this.#listening.catch(() => undefined)
      })
    })
  }
}
