/** `certs` without changes, and the plan of a certificate with 1,000 names. Requires the lab, and `prepareRoutes`. */
import { planCertificate, type PlanInput } from '../src/lib/certificates/certificate-plan.ts'
import { requiredNames } from '../src/lib/certificates/certificate-names.ts'
import { readCertificate } from '../src/lib/certificates/certificate.ts'
import { makeAuthority, makeLeaf } from '../test/support/operator-certificates.ts'
import { datacenter, node } from '../test/support/observed-datacenter.ts'
import { median, medians, type Row } from './rounds.ts'
import { NAMESPACE } from './routes.ts'

const NAMES = 1000
const ROUNDS = 21

/** Every figure is a median. */
export async function benchCerts(log: (line: string) => void = () => {}): Promise<Row[]> {
  log('certs without changes')
  const [idle = 0] = await medians(7, ['kubectl', 'cass-sni', 'certs', '-n', NAMESPACE])
  log(`plan of ${NAMES} names`)
  return [
    {
      name: 'certs, nothing to do, 3 nodes',
      value: idle / 1000,
      unit: 's',
      better: 'lower',
      goal: { of: 'value', limit: 1 },
    },
    {
      name: `certs, ${NAMES} names planned and compared`,
      value: planned(),
      unit: 'ms',
      better: 'lower',
      goal: { of: 'value', limit: 50 },
    },
  ]
}

/** Returns the time in ms to read a certificate with so many names, and to decide that it is kept. */
function planned(): number {
  const { input, der } = largePlan()
  const times = Array.from({ length: ROUNDS }, () => {
    const begun = performance.now()
    const current = { ...input.current, leaf: readCertificate(der) } as NonNullable<PlanInput['current']>
    const { reasons } = planCertificate({ ...input, current })
    if (reasons.length > 0) throw new Error(`not kept: ${reasons.map(({ message }) => message).join('; ')}`)
    return performance.now() - begun
  })
  return median(times)
}

function largePlan(): { input: PlanInput; der: Buffer } {
  const now = Date.now()
  const dc = datacenter({ nodes: Array.from({ length: 3 }, (_, ordinal) => node(ordinal)) })
  const fixed = requiredNames(dc, {}).length
  const publicNames = Array.from({ length: NAMES - fixed }, (_, n) => `n${n}.example.com`)
  const authority = makeAuthority()
  const ca = readCertificate(authority.der)
  const { der } = makeLeaf(authority, { names: requiredNames(dc, { publicNames }), clientAuth: true })
  const current = { leaf: readCertificate(der), chain: [ca], trusted: [ca], keyMatches: true }
  return { input: { dc, authorities: [[ca]], current, saved: { publicNames }, renew: false, now }, der }
}
