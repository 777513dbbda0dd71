/**
 * Rows that become batches, as cqlsh makes them (apache/cassandra pylib/cqlshlib/copyutil.py, split_into_batches): of
 * one token range, and when there are too few for that, of ranges with the same owner.
 */
import type { Long } from './murmur3-token.ts'
import type { TokenRing } from './token-ring.ts'

export interface Batch<Row> {
  rows: Row[]
  /** Host ID of the owner; undefined: any node. */
  node: string | undefined
}

export class BatchPlanner<Row> {
  readonly #ring: TokenRing
  readonly #least: number
  readonly #most: number
  #byRange = new Map<number, Row[]>()
  #waiting = 0

  /** @param sizes fewest rows of a batch of one range, and most rows of any batch */
  constructor(ring: TokenRing, { least, most }: { least: number; most: number }) {
    this.#ring = ring
    this.#least = least
    this.#most = most
  }

  /** Rows that are in no batch yet. */
  get waiting(): number {
    return this.#waiting
  }

  /** The batch that is full with this row. */
  add(row: Row, token: Long): Batch<Row> | undefined {
    const position = this.#ring.position(token)
    const rows = this.#byRange.get(position)
    this.#waiting += 1
    if (rows === undefined) this.#byRange.set(position, [row])
    else rows.push(row)
    if ((rows?.length ?? 1) < this.#most) return undefined
    this.#byRange.delete(position)
    this.#waiting -= this.#most
    return { rows: rows ?? [row], node: this.#ring.owner(position) }
  }

  /** The rest. */
  flush(): Batch<Row>[] {
    const batches: Batch<Row>[] = []
    const byNode = new Map<string | undefined, Row[]>()
    for (const [position, rows] of this.#byRange) {
      const node = this.#ring.owner(position)
      if (rows.length > this.#least) batches.push({ rows, node })
      else byNode.set(node, [...(byNode.get(node) ?? []), ...rows])
    }
    for (const [node, rows] of byNode)
      for (let from = 0; from < rows.length; from += this.#most)
        batches.push({ rows: rows.slice(from, from + this.#most), node })
    this.#byRange = new Map()
    this.#waiting = 0
    return batches
  }
}
