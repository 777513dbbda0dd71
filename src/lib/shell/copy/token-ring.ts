/** Which node owns which rows: the tokens of the nodes, as system.local and system.peers list them. */
import { compareLongs, type Long, longOf } from './murmur3-token.ts'

export interface RingNode {
  hostId: string
  datacenter: string
  tokens: bigint[]
}

/** Rows whose token is greater than `after` and at most `upTo`; undefined is the end of all tokens. */
export interface TokenRange {
  after?: bigint | undefined
  upTo?: bigint | undefined
  /** Node that owns them; undefined: any. */
  node?: string | undefined
}

/**
 * The ring of one datacenter, of the nodes that can be reached. The first such node from a token on is the first
 * replica there with NetworkTopologyStrategy (apache/cassandra src/java/…/locator/NetworkTopologyStrategy.java), as
 * long as all nodes can be reached; and else the next replica, or a coordinator like any other.
 */
export class TokenRing {
  readonly #tokens: { value: bigint; long: Long; node: string }[]
  readonly #nodes: string[]

  /** @param reachable host IDs that statements can be sent to */
  constructor(nodes: RingNode[], reachable: string[], datacenter: string) {
    const local = nodes.filter((node) => node.datacenter === datacenter)
    const all = local
      .flatMap(({ hostId, tokens }) => tokens.map((value) => ({ value, hostId })))
      .toSorted((a, b) => (a.value < b.value ? -1 : 1))
    const owner = (from: number): string | undefined => {
      for (let step = 0; step < all.length; step += 1) {
        const hostId = all[(from + step) % all.length]?.hostId
        if (hostId !== undefined && reachable.includes(hostId)) return hostId
      }
      return undefined
    }
    this.#tokens = all.flatMap(({ value }, index) => {
      const node = owner(index)
      return node === undefined ? [] : [{ value, long: longOf(value), node }]
    })
    this.#nodes = local.map((node) => node.hostId)
  }

  /** Host IDs of the datacenter's nodes. */
  get nodes(): string[] {
    return this.#nodes
  }

  /** Number of the range that a token lies in; 0 for a ring without tokens. */
  position(token: Long): number {
    const tokens = this.#tokens
    let low = 0
    let high = tokens.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const at = tokens[middle]
      if (at !== undefined && compareLongs(at.long, token) < 0) low = middle + 1
      else high = middle
    }
    return low < tokens.length ? low : 0
  }

  /** Owner of the range with this number. */
  owner(position: number): string | undefined {
    return this.#tokens[position]?.node
  }

  /** All ranges, or what of them lies between two tokens. */
  ranges(begin: bigint | undefined, end: bigint | undefined): TokenRange[] {
    const first = this.#tokens[0]?.node
    const ranges: TokenRange[] = []
    let after: bigint | undefined
    for (const { value, node } of this.#tokens) {
      ranges.push({ after, upTo: value, node })
      after = value
    }
    ranges.push({ after, upTo: undefined, node: first })
    return ranges.flatMap((range) => cut(range, begin, end))
  }
}

function cut(range: TokenRange, begin: bigint | undefined, end: bigint | undefined): TokenRange[] {
  const after = begin !== undefined && (range.after === undefined || range.after < begin) ? begin : range.after
  const upTo = end !== undefined && (range.upTo === undefined || range.upTo > end) ? end : range.upTo
  return after !== undefined && upTo !== undefined && after >= upTo ? [] : [{ after, upTo, node: range.node }]
}
