/**
 * All checks, in display order. A new check goes to the file of its category, with the next free code. A retired code
 * goes to RETIRED and is never reused.
 */
import { ADDRESS_CHECKS } from './address-checks.ts'
import { CERTIFICATE_CHECKS } from './certificate-checks.ts'
import type { Check, CheckCode } from './check.ts'
import { CQL_CHECKS } from './cql-checks.ts'
import { DATACENTER_CHECKS } from './datacenter-checks.ts'
import { METADATA_CHECKS } from './metadata-checks.ts'
import type { Probes } from './probes.ts'
import { ROUTE_CHECKS } from './route-checks.ts'
import { TRAFFIC_CHECKS } from './traffic-checks.ts'

export const CHECKS: readonly Check<Probes>[] = [
  ...DATACENTER_CHECKS,
  ...ROUTE_CHECKS,
  ...CERTIFICATE_CHECKS,
  ...CQL_CHECKS,
  ...ADDRESS_CHECKS,
  ...TRAFFIC_CHECKS,
  ...METADATA_CHECKS,
]

export const RETIRED: readonly CheckCode[] = []
