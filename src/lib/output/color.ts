/** Whether to print colors and symbols, and the functions for both. */
import { Chalk } from 'chalk'

export type ColorChoice = 'auto' | 'always' | 'never'

interface Stream {
  isTTY?: boolean
}

/**
 * Whether to color what goes to a stream: the flag, else NO_COLOR (set and not empty: no; https://no-color.org), else
 * FORCE_COLOR (not 0: yes), else whether the stream is a terminal that is not TERM=dumb.
 */
export function wantsColor(choice: ColorChoice, env: NodeJS.ProcessEnv, stream: Stream): boolean {
  if (choice !== 'auto') return choice === 'always'
  if (env.NO_COLOR) return false
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false'
  return stream.isTTY === true && env.TERM !== 'dumb'
}

/** Whether the terminal can display symbols beyond ASCII: a UTF-8 locale, and neither TERM=dumb nor a Linux console. */
export function wantsSymbols(env: NodeJS.ProcessEnv): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || ''
  return env.TERM !== 'dumb' && env.TERM !== 'linux' && /utf-?8/i.test(locale)
}

type Paint = (text: string) => string

export interface Palette {
  bold: Paint
  dim: Paint
  green: Paint
  red: Paint
  yellow: Paint
  cyan: Paint
  blue: Paint
  magenta: Paint
}

/** Functions that color a text, or return it unchanged. */
export function palette(color: boolean): Palette {
  const { bold, dim, green, red, yellow, cyan, blue, magenta } = new Chalk({ level: color ? 1 : 0 })
  return { bold, dim, green, red, yellow, cyan, blue, magenta }
}

/**
 * The symbols of verdicts and of ellipsis; words and ASCII without a UTF-8 terminal, so that none depends on color.
 */
export interface Symbols {
  ok: string
  fail: string
  warn: string
  skip: string
  unknown: string
  /** Something is in progress, or was cut. */
  more: string
  /** Between an old and a new value. */
  arrow: string
}

export function symbols(env: NodeJS.ProcessEnv): Symbols {
  return wantsSymbols(env)
    ? { ok: '✔', fail: '✖', warn: '!', skip: '○', unknown: '?', more: '…', arrow: '→' }
    : { ok: 'OK', fail: 'FAIL', warn: 'WARN', skip: 'SKIP', unknown: 'UNKNOWN', more: '...', arrow: '->' }
}
