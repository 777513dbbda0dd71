/** The program of the controller's image. */
import { asCassSniError, CassSniError, EXIT } from '../lib/errors.ts'
import { type Level, type Log, type LogFields, logLine } from './log-lines.ts'
import { runController } from './run-controller.ts'
import { type Settings, settingsFrom } from './settings.ts'

/** For ending after a signal: shorter than the grace period of the pod. */
const END_MS = 10_000

const log: Log = (level: Level, message: string, fields: LogFields = {}) => {
  process.stdout.write(`${logLine(level, message, fields, new Date())}\n`)
}

const stop = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(EXIT.failed)
    log('info', `received ${signal}, ending`)
    stop.abort(new CassSniError('CSNI902', `interrupted (${signal})`))
    setTimeout(() => process.exit(EXIT.failed), END_MS).unref()
  })
}

/** Each task loads only what it needs. */
async function run(settings: Settings, context: { signal: AbortSignal; log: Log }): Promise<void> {
  switch (settings.task) {
    case 'routes':
      return runController(settings, context)
    case 'certificates':
      return (await import('./run-renewal.ts')).runRenewal(settings, context)
    case 'metadata':
      return (await import('./run-metadata.ts')).runMetadata(settings, context)
  }
}

async function main(): Promise<number> {
  try {
    const settings = settingsFrom(process.env)
    await run(settings, { signal: stop.signal, log })
    return EXIT.ok
  } catch (error) {
    const reason = asCassSniError(error)
    const stack = reason.code === 'CSNI903' && error instanceof Error ? error.stack : undefined
    log('error', 'ended', { error: reason, stack })
    return reason.exitCode
  }
}

void main().then((code) => process.exit(code))
