/** Completion by Tab, from the grammar of the statement and the names in the live schema. */
import { identifier, stringLiteral } from '../cql-values.ts'
import { RESERVED_WORDS } from '../reserved-words.ts'
import { StatementSplitter } from '../statement-splitter.ts'
import { BUILT_IN_FUNCTIONS } from './built-in-functions.ts'
import { COMMAND_LEAVES, COMMAND_RULES } from './command-grammar.ts'
import { CQL_LEAVES, CQL_RULES } from './cql-grammar.ts'
import { fileNames } from './file-names.ts'
import { type Continuation, type Expected, Grammar } from './grammar-notation.ts'
import { declaredColumns, tableOf, typeOf } from './named-in-statement.ts'
import type { Listed, SchemaNames } from './schema-names.ts'
import { nameOf, type Partial, type StatementToken, statementTokens } from './statement-tokens.ts'

export interface Candidate {
  /** Replaces the typed part. */
  text: string
  /** Text in the list of candidates. */
  label: string
}

export interface CqlCompletion {
  /** How many characters before the cursor the candidates replace. */
  typed: number
  candidates: Candidate[]
}

export interface CompletionContext {
  names: SchemaNames
  /** The keyspace in use. */
  keyspace: string | undefined
  /** Topics of HELP. */
  topics: readonly string[]
}

let grammar: Grammar | undefined
/** Parses the grammar on first use. */
function statements(): Grammar {
  grammar ??= new Grammar(
    { input: '<statement> | <command>', ...CQL_RULES, ...COMMAND_RULES },
    { ...CQL_LEAVES, ...COMMAND_LEAVES },
    RESERVED_WORDS,
  )
  return grammar
}

/**
 * Returns the candidates at the cursor.
 * @param before the input before the cursor, including complete statements
 * @param after the rest of the line
 */
export async function completeCql(before: string, after: string, context: CompletionContext): Promise<CqlCompletion> {
  const statement = lastStatement(before)
  const parts = statementTokens(statement)
  if (parts === undefined) return { typed: 0, candidates: [] }
  const { tokens, partial } = parts
  const cursor: Cursor = {
    tokens,
    partial,
    following: statementTokens(`${after} `)?.tokens ?? [],
    context,
    adjacent: partial.raw === '' && /[^\s(){}[\]<>,;:=.+*/%?-]$/.test(statement),
  }
  const continuation = statements().after('input', tokens)
  const found = await Promise.all(continuation.expected.map((expected) => candidatesOf(expected, cursor)))
  if (continuation.complete && tokens.length > 0 && partial.raw === '' && !isCommand(tokens)) found.push([sign(';')])
  const candidates = found.flat().includes(DOT) ? [DOT] : distinct(found.flat())
  const [only] = candidates
  const completed =
    candidates.length === 1 && only !== undefined ? [{ ...only, ...withForced(only, tokens) }] : candidates
  return {
    typed: partial.raw.length,
    candidates: completed.map(({ text, label, glued }) => ({
      text: cursor.adjacent && glued !== true ? ` ${text}` : text,
      label,
    })),
  }
}

interface Cursor {
  tokens: readonly StatementToken[]
  partial: Partial
  /** After the cursor. */
  following: readonly StatementToken[]
  context: CompletionContext
  /** A complete token ends at the cursor. */
  adjacent: boolean
}

interface Found extends Candidate {
  /** Its token, if it is a word, sign or string of the grammar. */
  token?: StatementToken | undefined
  /** No blank is inserted before it. */
  glued?: boolean | undefined
}

/** The incomplete statement at the end of the text. */
function lastStatement(text: string): string {
  const splitter = new StatementSplitter()
  splitter.push(text)
  const { statement } = splitter.end()
  return statement === undefined ? '' : text.slice(statement.offset)
}

function isCommand(tokens: readonly StatementToken[]): boolean {
  return statements().after('command', tokens).complete && !statements().after('statement', tokens).complete
}

async function candidatesOf(expected: Expected, cursor: Cursor): Promise<Found[]> {
  const { partial, adjacent } = cursor
  switch (expected.type) {
    case 'word': {
      const { text } = expected
      const fits = partial.type === 'word' && text.toLowerCase().startsWith(partial.text.toLowerCase())
      if (!fits) return []
      if (ALWAYS_CALLED.has(text)) return [{ text: `${text}(`, label: `${text}(` }]
      return [{ text: `${text} `, label: text, token: { type: 'word', text } }]
    }
    case 'sign':
      return partial.raw === '' ? [sign(expected.text)] : []
    case 'string':
      return strings([expected.text], partial)
    case 'dot': {
      const last = cursor.tokens.at(-1)
      const keyspace = adjacent && last?.type === 'quoted name' ? last.text : undefined
      const known = keyspace !== undefined && (await cursor.context.names.keyspaces()).includes(keyspace)
      return known ? [DOT] : []
    }
    case 'leaf':
      return leafCandidates(expected.leaf, expected.keyspace, cursor)
  }
}

/** Follows a keyspace name. */
const DOT: Found = { text: '.', label: '.', glued: true }

function sign(text: string): Found {
  const glued = ',;:)]}>.'.includes(text)
  return { text: `${text}${opens(text) ? '' : ' '}`, label: text, token: { type: 'sign', text }, glued }
}

function opens(text: string): boolean {
  return '({[<.;'.includes(text)
}

function strings(texts: readonly string[], partial: Partial): Found[] {
  if (partial.raw !== '' && partial.type !== 'string') return []
  return texts
    .filter((text) => text.toLowerCase().startsWith(partial.text.toLowerCase()))
    .map((text) => ({ text: `${stringLiteral(text)} `, label: stringLiteral(text), token: { type: 'string', text } }))
}

const LISTED: Readonly<Record<string, readonly Listed[]>> = {
  aggregate: ['aggregate'],
  'described object': ['table', 'view', 'index'],
  function: ['function', 'aggregate'],
  index: ['index'],
  'new table': [],
  table: ['table'],
  'table or view': ['table', 'view'],
  'user function': ['function'],
  'user type': ['type'],
  view: ['view'],
}

async function leafCandidates(leaf: string, qualifier: string | undefined, cursor: Cursor): Promise<Found[]> {
  const { tokens, following, partial, context } = cursor
  const { names, keyspace: current } = context
  const kinds = LISTED[leaf]
  if (kinds !== undefined) return qualifiedCandidates(leaf, kinds, qualifier, cursor)
  switch (leaf) {
    case 'keyspace':
      return named(await names.keyspaces(), partial)
    case 'column': {
      const table = tableOf(tokens, following)
      const keyspace = table?.keyspace ?? current
      return table === undefined || keyspace === undefined
        ? []
        : named(await names.columns(keyspace, table.name), partial)
    }
    case 'field': {
      const type = typeOf(tokens)
      const keyspace = type?.keyspace ?? current
      return type === undefined || keyspace === undefined ? [] : named(await names.fields(keyspace, type.name), partial)
    }
    case 'declared':
      return named(declaredColumns(tokens), partial)
    case 'role':
      return named(await names.roles(), partial)
    case 'trigger':
      return current === undefined ? [] : named(await names.of('trigger', current), partial)
    case 'datacenter':
      return strings(await names.datacenters(), partial)
    case 'topic':
      return partial.type === 'word' ? topics(context.topics, tokens, partial) : []
    case 'file':
      return partial.raw === '' || partial.type === 'string' ? files(partial) : []
    default:
      return []
  }
}

/** Names in the qualifying or current keyspace, and keyspaces to qualify a name with. */
async function qualifiedCandidates(
  leaf: string,
  kinds: readonly Listed[],
  qualifier: string | undefined,
  { partial, context }: Cursor,
): Promise<Found[]> {
  const { names, keyspace } = context
  const within = qualifier === undefined ? keyspace : qualifier
  const found = within === undefined ? [] : await Promise.all(kinds.map((kind) => names.of(kind, within)))
  const calls = leaf === 'function'
  const own = named(found.flat(), partial, calls ? '(' : ' ')
  if (qualifier !== undefined) return own
  const builtIn = calls ? named(BUILT_IN_FUNCTIONS, partial, '(') : []
  // Functions are rarely qualified, and keyspaces would mix with the columns.
  const keyspaces = calls ? [] : named(await names.keyspaces(), partial, '.')
  return [...own, ...builtIn, ...keyspaces]
}

function named(names: readonly string[], partial: Partial, suffix = ' '): Found[] {
  if (partial.type === 'string') return []
  const quoted = partial.type === 'quoted name'
  const fits = (name: string): boolean =>
    quoted ? name.startsWith(partial.text) : name.toLowerCase().startsWith(partial.text.toLowerCase())
  return names.filter(fits).map((name) => {
    const text = quoted ? `"${name.replaceAll('"', '""')}"` : identifier(name)
    return { text: text + suffix, label: text + suffix.trim() }
  })
}

/** Next words of the topics that begin with the typed words. */
function topics(all: readonly string[], tokens: readonly StatementToken[], partial: Partial): Found[] {
  const typed = tokens.slice(1).map(({ text }) => text.toUpperCase())
  return all
    .map((topic) => topic.split(' '))
    .filter((words) => words.length > typed.length && typed.every((word, index) => words[index] === word))
    .map((words) => words[typed.length] ?? '')
    .filter((word) => word.startsWith(partial.text.toUpperCase()))
    .map((word) => ({ text: `${word} `, label: word }))
}

async function files(partial: Partial): Promise<Found[]> {
  return (await fileNames(partial.text)).map(({ path, directory }) => {
    const literal = stringLiteral(directory ? `${path}/` : path)
    return { text: directory ? literal.slice(0, -1) : `${literal} `, label: directory ? `${path}/` : path }
  })
}

/** Adds the words that must follow, such as INTO after INSERT. */
function withForced(found: Found, before: readonly StatementToken[]): { text: string } {
  let { text } = found
  if (found.token === undefined) return { text }
  const tokens = [...before, found.token]
  for (;;) {
    const next: Continuation = statements().after('input', tokens)
    const [only, ...others] = next.expected.filter(({ type }) => type !== 'dot')
    if (next.complete || only === undefined || others.length > 0 || !('text' in only)) return { text }
    const part = only.type === 'string' ? stringLiteral(only.text) : only.text
    text = joined(text.trimEnd(), tokens.at(-1) as StatementToken, part)
    tokens.push(only.type === 'sign' ? { type: 'sign', text: only.text } : { type: only.type, text: only.text })
    if (tokens.length > before.length + MOST_FORCED) return { text }
  }
}

const MOST_FORCED = 12
/** Functions that are keywords. */
const ALWAYS_CALLED = new Set(['CAST', 'COUNT', 'MAXWRITETIME', 'WRITETIME'])
const CALLS = new Set(['CAST', 'COUNT', 'MAXWRITETIME', 'TOKEN', 'TTL', 'WRITETIME'])

function joined(text: string, last: StatementToken, next: string): string {
  const glued =
    ',:)]}>.;'.includes(next) ||
    (last.type === 'sign' && '({[<.'.includes(last.text)) ||
    (next === '(' && last.type === 'word' && CALLS.has(last.text.toUpperCase())) ||
    next === '<'
  return `${text}${glued ? '' : ' '}${next}${opens(next) ? '' : ' '}`
}

/** Removes duplicates and sorts by label, signs last. */
function distinct(found: Found[]): Found[] {
  const byText = new Map(found.map((candidate) => [candidate.text, candidate]))
  const rank = ({ label }: Found): string => `${/^[\w"']/.test(label) ? 0 : 1}${label.toLowerCase()}`
  return [...byText.values()].sort((a, b) => (rank(a) < rank(b) ? -1 : 1))
}

/** Whether the statement may have changed the schema or the session. */
export function changesSchema(statement: string): boolean {
  const [first] = statementTokens(statement)?.tokens ?? []
  return first !== undefined && ['create', 'alter', 'drop', 'source', 'login', 'use'].includes(nameOf(first))
}
