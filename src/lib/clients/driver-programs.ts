/** The programs of `clients show`, by driver. Pure. */
import { cqlsh } from './programs/cqlsh-config.ts'
import { jdbc, quarkus } from './programs/driver-config.ts'
import { dotenv } from './programs/dotenv.ts'
import { go } from './programs/go-program.ts'
import { java } from './programs/java-program.ts'
import { node } from './programs/node-program.ts'
import type { DriverProgram } from './programs/driver-program.ts'
import { python } from './programs/python-program.ts'
import { spring } from './programs/spring-program.ts'

export const DRIVERS = ['python', 'java', 'node', 'go', 'spring', 'quarkus', 'jdbc', 'cqlsh', 'dotenv'] as const
export type Driver = (typeof DRIVERS)[number]

export const driverPrograms: Readonly<Record<Driver, DriverProgram>> = {
  python,
  java,
  node,
  go,
  spring,
  quarkus,
  jdbc,
  cqlsh,
  dotenv,
}
