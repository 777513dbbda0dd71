/** CPU time for a datacenter of 5,000 simulated nodes, observed and planned in this process, without a cluster. */
import { syncLargeDatacenter } from '../test/support/large-datacenter.ts'
import { median, type Row } from './rounds.ts'

const NODES = 5000
const ROUNDS = 3

export async function benchLarge(log: (line: string) => void = () => {}): Promise<Row[]> {
  log(`${NODES} nodes`)
  const seconds: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) seconds.push((await syncLargeDatacenter(NODES)).again.cpuSeconds)
  return [
    {
      name: 'routes sync, nothing to do, 5,000 nodes observed and planned, CPU',
      value: median(seconds),
      unit: 's',
      better: 'lower',
      goal: { of: 'value', limit: 1 },
    },
  ]
}
