/**
 * A notation for grammars, and the possible continuations of a list of tokens. Pure.
 *
 * WORD is a keyword, inserted as spelled; 'x' a sign; "x" the CQL string 'x'; <name> a rule or a `Leaf`. [x] is
 * optional, {x} is repeated any number of times, a | b is a choice.
 */
import type { StatementToken } from './statement-tokens.ts'

type Node =
  | { type: 'word' | 'sign' | 'string' | 'reference'; text: string }
  | { type: 'sequence' | 'choice'; parts: Node[] }
  | { type: 'optional' | 'repeated'; part: Node }

/** The tokens that a name without a rule matches. */
export type Leaf = 'word' | 'name' | 'qualified name' | 'name or string' | 'string' | 'value'

/** A possible next token. */
export type Expected =
  | { type: 'word' | 'sign' | 'string'; text: string }
  /** A token of this leaf, qualified by a keyspace. */
  | { type: 'leaf'; leaf: string; keyspace?: string | undefined }
  /** The dot after a name that may be a keyspace. */
  | { type: 'dot'; name: string }

export interface Continuation {
  expected: Expected[]
  /** The statement may end here. */
  complete: boolean
}

const PARTS = /\s*(?:([A-Za-z_][A-Za-z0-9_]*)|'([^']+)'|"([^"]+)"|<([^>]+)>|([[\]{}()|]))/y

/** Rules parsed from the notation. */
export class Grammar {
  readonly #rules: ReadonlyMap<string, Node>
  readonly #leaves: ReadonlyMap<string, Leaf>
  readonly #reserved: ReadonlySet<string>

  /**
   * @param rules by name
   * @param leaves names without a rule
   * @param reserved words in lower case that are names only in quotes
   */
  constructor(
    rules: Readonly<Record<string, string>>,
    leaves: Readonly<Record<string, Leaf>>,
    reserved: ReadonlySet<string>,
  ) {
    this.#rules = new Map(Object.entries(rules).map(([name, text]) => [name, new Reader(name, text).read()]))
    this.#leaves = new Map(Object.entries(leaves))
    this.#reserved = reserved
    for (const node of this.#rules.values()) this.#check(node)
  }

  /** Returns what can follow these tokens of the rule; nothing if they do not match it. */
  after(rule: string, tokens: readonly StatementToken[]): Continuation {
    return new Walk(this.#rules, this.#leaves, this.#reserved, tokens).run({ type: 'reference', text: rule })
  }

  #check(node: Node): void {
    if (node.type === 'reference') {
      if (!this.#rules.has(node.text) && !this.#leaves.has(node.text)) throw new Error(`no rule <${node.text}>`)
    } else if ('parts' in node) for (const part of node.parts) this.#check(part)
    else if ('part' in node) this.#check(node.part)
  }
}

class Reader {
  readonly #name: string
  readonly #text: string
  #index = 0
  /** Text of the current part and its group in PARTS. */
  #part: { group: number; text: string } | undefined

  constructor(name: string, text: string) {
    this.#name = name
    this.#text = text
    this.#next()
  }

  read(): Node {
    const node = this.#choice()
    if (this.#part !== undefined || this.#text.slice(this.#index).trim() !== '') throw this.#error()
    return node
  }

  #error(): Error {
    return new Error(`rule <${this.#name}> cannot be read at ${this.#index}`)
  }

  #next(): void {
    PARTS.lastIndex = this.#index
    const match = PARTS.exec(this.#text)
    if (match === null) {
      this.#part = undefined
      return
    }
    const group = match.slice(1).findIndex((part) => part !== undefined)
    this.#index = PARTS.lastIndex
    this.#part = { group, text: match[group + 1] ?? '' }
  }

  #choice(): Node {
    const parts = [this.#sequence()]
    while (this.#isSign('|')) {
      this.#next()
      parts.push(this.#sequence())
    }
    return parts.length === 1 ? (parts[0] as Node) : { type: 'choice', parts }
  }

  #sequence(): Node {
    const parts: Node[] = []
    while (this.#part !== undefined && !['|', ')', ']', '}'].some((sign) => this.#isSign(sign))) parts.push(this.#one())
    return parts.length === 1 ? (parts[0] as Node) : { type: 'sequence', parts }
  }

  #one(): Node {
    const { group, text } = this.#part as { group: number; text: string }
    this.#next()
    if (group === 0) return { type: 'word', text }
    if (group === 1) return { type: 'sign', text }
    if (group === 2) return { type: 'string', text }
    if (group === 3) return { type: 'reference', text }
    const inner = this.#choice()
    const close = { '(': ')', '[': ']', '{': '}' }[text] ?? ''
    if (!this.#isSign(close)) throw this.#error()
    this.#next()
    if (text === '(') return inner
    return { type: text === '[' ? 'optional' : 'repeated', part: inner }
  }

  #isSign(sign: string): boolean {
    return this.#part?.group === 4 && this.#part.text === sign
  }
}

/** Matches tokens against the rules, following all alternatives; each node and index is visited once. */
class Walk {
  readonly #rules: ReadonlyMap<string, Node>
  readonly #leaves: ReadonlyMap<string, Leaf>
  readonly #reserved: ReadonlySet<string>
  readonly #tokens: readonly StatementToken[]
  readonly #expected = new Map<string, Expected>()
  readonly #known = new Map<Node, Map<number, number[]>>()

  constructor(
    rules: ReadonlyMap<string, Node>,
    leaves: ReadonlyMap<string, Leaf>,
    reserved: ReadonlySet<string>,
    tokens: readonly StatementToken[],
  ) {
    this.#rules = rules
    this.#leaves = leaves
    this.#reserved = reserved
    this.#tokens = tokens
  }

  run(node: Node): Continuation {
    const complete = this.#ends(node, 0).includes(this.#tokens.length)
    return { expected: [...this.#expected.values()], complete }
  }

  #expect(expected: Expected): void {
    this.#expected.set(JSON.stringify(expected), expected)
  }

  /** Indexes at which a match of the node from this index can end. */
  #ends(node: Node, index: number): number[] {
    const known = this.#known.get(node) ?? new Map<number, number[]>()
    this.#known.set(node, known)
    const found = known.get(index)
    if (found !== undefined) return found
    known.set(index, [])
    const ends = [...new Set(this.#walk(node, index))]
    known.set(index, ends)
    return ends
  }

  #walk(node: Node, index: number): number[] {
    switch (node.type) {
      case 'sequence':
        return node.parts.reduce<number[]>(
          (starts, part) => [...new Set(starts.flatMap((start) => this.#ends(part, start)))],
          [index],
        )
      case 'choice':
        return node.parts.flatMap((part) => this.#ends(part, index))
      case 'optional':
        return [index, ...this.#ends(node.part, index)]
      case 'repeated':
        return this.#repeated(node.part, index)
      case 'reference': {
        const rule = this.#rules.get(node.text)
        return rule === undefined ? this.#leaf(node.text, index) : this.#ends(rule, index)
      }
      default:
        return this.#terminal(node as Node & { type: 'word' | 'sign' | 'string' }, index)
    }
  }

  #repeated(part: Node, index: number): number[] {
    const reached = new Set([index])
    for (const place of reached) for (const end of this.#ends(part, place)) reached.add(end)
    return [...reached]
  }

  #terminal({ type, text }: { type: 'word' | 'sign' | 'string'; text: string }, index: number): number[] {
    const token = this.#tokens[index]
    if (token === undefined) {
      this.#expect({ type, text })
      return []
    }
    const same =
      token.type === type && (type === 'word' ? token.text.toUpperCase() === text.toUpperCase() : token.text === text)
    return same ? [index + 1] : []
  }

  #leaf(leaf: string, index: number): number[] {
    const token = this.#tokens[index]
    if (token === undefined) {
      this.#expect({ type: 'leaf', leaf })
      return []
    }
    switch (this.#leaves.get(leaf)) {
      case 'string':
        return token.type === 'string' ? [index + 1] : []
      case 'value':
        return ['string', 'number'].includes(token.type) || isValueWord(token) ? [index + 1] : []
      case 'name or string':
        return token.type === 'string' || this.#isName(token) ? [index + 1] : []
      case 'word':
        return token.type === 'word' ? [index + 1] : []
      case 'name':
        return this.#isName(token) ? [index + 1] : []
      default:
        return this.#isName(token) ? this.#qualified(leaf, token.text, index) : []
    }
  }

  #qualified(leaf: string, name: string, index: number): number[] {
    const dot = this.#tokens[index + 1]
    if (dot === undefined) this.#expect({ type: 'dot', name })
    if (dot?.type !== 'sign' || dot.text !== '.') return [index + 1]
    const second = this.#tokens[index + 2]
    if (second === undefined) this.#expect({ type: 'leaf', leaf, keyspace: name })
    return second !== undefined && this.#isName(second) ? [index + 3] : []
  }

  #isName(token: StatementToken): boolean {
    return token.type === 'quoted name' || (token.type === 'word' && !this.#reserved.has(token.text.toLowerCase()))
  }
}

function isValueWord({ type, text }: StatementToken): boolean {
  return (type === 'word' && /^(true|false|null|nan|infinity)$/i.test(text)) || (type === 'sign' && text === '?')
}
