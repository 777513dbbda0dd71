/**
 * The supported part of a user's inputrc: key bindings to the editor's commands, and a few variables. Format: GNU
 * readline doc/rluser.texi, "Readline Init File Syntax". Vi mode and macros are not supported.
 */
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { EDITING_COMMANDS, EDITOR_COMMANDS } from './editor-commands.ts'
import { type Key, KeyDecoder } from './key-decoder.ts'
import type { EditorSettings } from './line-editor.ts'

export interface Inputrc extends EditorSettings {
  bell: boolean
  bracketedPaste: boolean
}

/** Application name for `$if`: settings for cqlsh apply here. */
const APPLICATION = 'cqlsh'

export const DEFAULT_INPUTRC: Inputrc = {
  keys: {},
  showAllIfAmbiguous: false,
  queryItems: 100,
  bell: true,
  bracketedPaste: true,
}

/**
 * Reads $INPUTRC, else ~/.inputrc, else /etc/inputrc. As in readline, unreadable files are skipped. `completeKey`
 * completes as well, as with Python's `readline.parse_and_bind`.
 */
export async function readInputrc(env: NodeJS.ProcessEnv, completeKey?: string): Promise<Inputrc> {
  const binding = completeKey === undefined ? '' : `\n${completeKey}: complete`
  const candidates = env.INPUTRC ? [env.INPUTRC] : [join(homedir(), '.inputrc'), '/etc/inputrc']
  for (const file of candidates) {
    const text = await readFile(file, 'utf8').catch(() => undefined)
    if (text !== undefined) return parseInputrc(text + binding, env.TERM ?? '')
  }
  return parseInputrc(binding, '')
}

/** Parses an inputrc; unsupported lines are ignored. Pure. */
export function parseInputrc(text: string, term: string): Inputrc {
  const keys: Record<string, string> = {}
  const variables = new Map<string, string>()
  /** Whether the lines within each open `$if` apply. */
  const conditions: boolean[] = []
  for (const line of text.split(/\r?\n/).map((raw) => raw.trim())) {
    const directive = /^\$(if|else|endif)\b\s*(.*)$/.exec(line)
    if (directive !== null) applyDirective(conditions, directive[1] ?? '', directive[2] ?? '', term)
    else if (conditions.every(Boolean)) readLine(line, keys, variables)
  }
  const on = (name: string, fallback: boolean): boolean => {
    const value = variables.get(name)
    return value === undefined ? fallback : ['on', '1', ''].includes(value)
  }
  const items = Number(variables.get('completion-query-items') ?? DEFAULT_INPUTRC.queryItems)
  return {
    keys,
    showAllIfAmbiguous: on('show-all-if-ambiguous', false),
    queryItems: !Number.isInteger(items) ? DEFAULT_INPUTRC.queryItems : items > 0 ? items : Number.POSITIVE_INFINITY,
    bell: variables.get('bell-style') !== 'none',
    bracketedPaste: on('enable-bracketed-paste', true),
  }
}

function applyDirective(conditions: boolean[], directive: string, test: string, term: string): void {
  if (directive === 'endif') conditions.pop()
  else if (directive === 'else') conditions.push(conditions.pop() === false)
  else conditions.push(holds(test, term))
}

function holds(test: string, term: string): boolean {
  const [, name = '', value = ''] = /^(\w+)\s*=\s*(\S+)$/.exec(test) ?? ['', test]
  if (name === 'mode') return value === 'emacs'
  if (name === 'term') return value === term || value === term.split('-')[0]
  return name.toLowerCase() === APPLICATION
}

function readLine(line: string, keys: Record<string, string>, variables: Map<string, string>): void {
  const set = /^set\s+(\S+)\s*(\S*)/i.exec(line)
  if (set !== null) {
    variables.set((set[1] ?? '').toLowerCase(), (set[2] ?? '').toLowerCase())
    return
  }
  const binding = /^("(?:\\.|[^"\\])*"|[^\s:"#]+)\s*:\s*([\w-]+)/.exec(line)
  const [, sequence = '', name = ''] = binding ?? []
  const command = name.toLowerCase()
  const known = command in EDITING_COMMANDS || EDITOR_COMMANDS.some((own) => own === command)
  const key = !known ? undefined : sequence.startsWith('"') ? keyOfSequence(sequence.slice(1, -1)) : keyOfName(sequence)
  if (key !== undefined) keys[key] = command
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  d: '\u007f',
  e: '\u001b',
  n: '\n',
  r: '\r',
  t: '\t',
}

/** Returns the key for a sequence such as "\e[A" or "\C-r"; undefined for a sequence of several keys. */
function keyOfSequence(sequence: string): string | undefined {
  const bytes = sequence.replace(/\\M-/g, '\\e').replace(/\\(?:C-(.)|([0-7]{1,3})|x([0-9a-fA-F]{1,2})|(.))/g, toBytes)
  const decoder = new KeyDecoder()
  const keys: Key[] = [...decoder.push(bytes), ...decoder.flush()]
  const [key] = keys
  return keys.length === 1 && key?.type === 'key' && key.name !== 'unknown' ? key.name : undefined
}

function toBytes(_: string, control?: string, octal?: string, hex?: string, other = ''): string {
  if (control !== undefined)
    return control === '?' ? '\u007f' : String.fromCharCode(control.toUpperCase().charCodeAt(0) & 0x1f)
  if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8))
  if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
  return ESCAPES[other] ?? other
}

const NAMES: Readonly<Record<string, string>> = {
  del: 'backspace',
  rubout: 'backspace',
  esc: 'escape',
  escape: 'escape',
  lfd: 'C-j',
  newline: 'C-j',
  ret: 'enter',
  return: 'enter',
  tab: 'tab',
}

/** "Control-r", "C-r", "Meta-Rubout", "TAB". */
function keyOfName(name: string): string | undefined {
  const [, modifiers = '', last = ''] = /^((?:(?:control|ctrl|c|meta|m)-)*)(.+)$/i.exec(name) ?? []
  const base = NAMES[last.toLowerCase()] ?? (last.length === 1 ? last : undefined)
  if (base === undefined) return undefined
  const control = /(?:^|-)c/i.test(modifiers) ? 'C-' : ''
  const meta = /(?:^|-)m/i.test(modifiers) ? 'M-' : ''
  return `${meta}${control}${control === '' ? base : base.toLowerCase()}`
}
