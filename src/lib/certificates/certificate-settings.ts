/** What the user has chosen for a datacenter's certificate, saved as annotations of the keystore Secret. Pure. */
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { CassSniError, hint } from '../errors.ts'
import { dayDurationText, parseDayDuration } from '../text/day-duration.ts'
import { isDnsName } from '../text/dns-name.ts'
import {
  NAME_SET_ANNOTATION,
  PUBLIC_NAMES_ANNOTATION,
  RENEW_BEFORE_ANNOTATION,
  SANS_ANNOTATION,
} from '../text/own-keys.ts'
import { normalName } from './certificate.ts'
import { VALIDITY_DAYS } from './issue.ts'

/** all: names of every node and the public names. public: no host IDs, and wildcards instead of names of one node. */
export const NAME_SETS = ['all', 'public'] as const
export type NameSet = (typeof NAME_SETS)[number]

export interface CertificateSettings {
  /** Names of the gateway, normalized. Undefined if never saved. */
  publicNames?: string[] | undefined
  /** Any other names, normalized. */
  sans?: string[] | undefined
  /** Default: all. */
  names?: NameSet | undefined
  /** Renew the certificate this long before it expires, in milliseconds. Default: a third of its life. */
  renewBeforeMs?: number | undefined
}

/** Choices of one run; undefined keeps what is saved, and `renewBeforeMs: null` restores the default. */
export interface RequestedSettings extends Omit<CertificateSettings, 'renewBeforeMs'> {
  renewBeforeMs?: number | null | undefined
}

/** Choices as texts of the command line. */
export interface SettingTexts {
  publicNames?: string[] | undefined
  sans?: string[] | undefined
  names?: NameSet | undefined
  renewBefore?: string | undefined
}

/**
 * Parses choices of the command line.
 * @throws CSNI101 for an invalid name or duration
 */
export function requestedSettings({ publicNames, sans, names, renewBefore }: SettingTexts): RequestedSettings {
  return {
    publicNames: publicNames && parseNames(publicNames, 'public-name'),
    sans: sans && parseNames(sans, 'san'),
    names,
    renewBeforeMs: renewBefore === undefined ? undefined : parseRenewBefore(renewBefore),
  }
}

/**
 * Parses names of the command line: normalized, sorted, without duplicates; '' clears the list.
 * @throws CSNI101 for a name that is neither a DNS name (a first label of * is allowed) nor an IP address
 */
export function parseNames(texts: readonly string[], flag: 'public-name' | 'san'): string[] {
  const names = texts
    .flatMap((text) => text.split(','))
    .map((text) => normalName(ascii(text)))
    .filter((name) => name !== '')
  for (const name of names) {
    if ((isIP(name) !== 0 && !name.includes('%')) || isDnsName(name)) continue
    throw new CassSniError(
      'CSNI101',
      `invalid value ${JSON.stringify(name)} for --${flag}: expected a DNS name or IP address`,
      { next: [hint('use a name such as cassandra.example.com')] },
    )
  }
  return [...new Set(names)]
}

/** @throws CSNI101 unless it is shorter than the validity of a certificate: a longer one would renew in every run */
function parseRenewBefore(text: string): number | null {
  if (text.trim() === '') return null
  const ms = parseDayDuration(text)
  if (ms !== undefined && ms < VALIDITY_DAYS * 24 * 60 * 60 * 1000) return ms
  const reason =
    ms === undefined ? 'expected a duration of more than 0' : `expected less than the validity of ${VALIDITY_DAYS}d`
  throw new CassSniError('CSNI101', `invalid value ${JSON.stringify(text)} for --renew-before: ${reason}`, {
    next: [hint('use a number of days, or a duration such as 60d or 720h')],
  })
}

/** Reads the saved settings; what is invalid is ignored. */
export function settingsFrom(annotations: Readonly<Record<string, string>> = {}): CertificateSettings {
  const list = (key: string) =>
    annotations[key]
      ?.split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
  return {
    publicNames: list(PUBLIC_NAMES_ANNOTATION),
    sans: list(SANS_ANNOTATION),
    names: NAME_SETS.find((each) => each === annotations[NAME_SET_ANNOTATION]),
    renewBeforeMs: parseDayDuration(annotations[RENEW_BEFORE_ANNOTATION] ?? ''),
  }
}

/**
 * Returns the settings to save: the requested ones plus names added by another run since this one began; the saved ones
 * where nothing is requested.
 * @param known saved settings that this run has read or written before
 */
export function mergedSettings(
  requested: RequestedSettings,
  saved: CertificateSettings,
  known: CertificateSettings,
): CertificateSettings {
  const { renewBeforeMs } = requested
  return {
    publicNames: mergedNames(requested.publicNames, saved.publicNames, known.publicNames),
    sans: mergedNames(requested.sans, saved.sans, known.sans),
    names: requested.names ?? saved.names,
    renewBeforeMs: renewBeforeMs === null ? undefined : (renewBeforeMs ?? saved.renewBeforeMs),
  }
}

function mergedNames(
  requested: readonly string[] | undefined,
  saved: readonly string[] | undefined,
  known: readonly string[] = [],
): string[] | undefined {
  if (requested === undefined) return saved && [...saved]
  const before = saved ?? []
  const merged = new Set([...requested, ...before.filter((name) => !known.includes(name))])
  // A different order is not a reason to write.
  return merged.size === before.length && before.every((name) => merged.has(name)) ? [...before] : [...merged]
}

/** Returns the annotations that differ between two settings; null removes one. */
export function settingChanges(from: CertificateSettings, to: CertificateSettings): Record<string, string | null> {
  const [before, after] = [annotationsOf(from), annotationsOf(to)]
  const changed = Object.keys(after).filter((key) => (before[key] ?? '') !== (after[key] ?? ''))
  // An empty list of public names is saved, too: it was cleared.
  return Object.fromEntries(changed.map((key) => [key, after[key] ?? null]))
}

function annotationsOf(settings: CertificateSettings): Record<string, string | undefined> {
  const { publicNames, sans = [], names, renewBeforeMs } = settings
  return {
    [PUBLIC_NAMES_ANNOTATION]: publicNames?.join(','),
    [SANS_ANNOTATION]: sans.length === 0 ? undefined : sans.join(','),
    [NAME_SET_ANNOTATION]: names === 'public' ? names : undefined,
    [RENEW_BEFORE_ANNOTATION]: renewBeforeMs === undefined ? undefined : dayDurationText(renewBeforeMs),
  }
}

/** Returns the ASCII form ("xn--…") of an internationalized domain name; any other text unchanged. */
function ascii(text: string): string {
  return /[^\0-\x7f]/.test(text) ? domainToASCII(text.trim()) || text : text
}
