/**
 * INI files by the rules of Python's configparser (python/cpython Lib/configparser.py, `ConfigParser` with its
 * defaults), which a cqlshrc is written for. Pure.
 */
import { CassSniError } from '../errors.ts'

/** One option of a section, with the line that it begins in, from 1. */
export interface IniOption {
  name: string
  /** The raw value, not interpolated. Lines of a value that continues are joined with line breaks. */
  raw: string
  line: number
}

/** The options of one section by lower-case name, those of [DEFAULT] included. */
export type IniSection = ReadonlyMap<string, IniOption>

/** Sections by name; names are case-sensitive, and [DEFAULT] is in each of them instead. */
export type IniFile = ReadonlyMap<string, IniSection>

const DEFAULTS = 'DEFAULT'
const HEADER = /^\[(.+)\]/
const OPTION = /^(.*?)\s*[=:]\s*(.*)$/
const MOST_REFERENCES = 10

/**
 * Reads a whole file. Throws CSNI107 with file and line for a line that is neither a section, an option nor a comment,
 * and for a section or an option that occurs twice.
 */
export function parseIni(text: string, file: string): IniFile {
  const sections = new Map<string, Map<string, IniOption>>()
  let section: Map<string, IniOption> | undefined
  let option: IniOption | undefined
  let indent = 0
  for (const [index, full] of text
    .replace(/^\ufeff/, '')
    .split(/\r\n|\r|\n/)
    .entries()) {
    const line = index + 1
    const value = full.trim()
    if (value.startsWith('#') || value.startsWith(';')) continue
    if (value === '') {
      // An empty line may be a part of a value that continues below it.
      if (option !== undefined) option.raw += '\n'
      continue
    }
    const depth = full.search(/\S/)
    if (option !== undefined && depth > indent) {
      option.raw += `\n${value}`
      continue
    }
    indent = depth
    option = undefined
    const header = HEADER.exec(value)?.[1]
    if (header !== undefined) {
      if (sections.has(header)) throw invalid(file, line, `duplicate section [${header}]`)
      section = new Map()
      sections.set(header, section)
      continue
    }
    if (section === undefined) throw invalid(file, line, 'option outside of a section')
    const [, written = '', raw = ''] = OPTION.exec(value) ?? []
    const name = written.toLowerCase()
    if (name === '') throw invalid(file, line, 'expected "name = value"')
    if (section.has(name)) throw invalid(file, line, `duplicate option "${name}"`)
    option = { name, raw, line }
    section.set(name, option)
  }
  const defaults = sections.get(DEFAULTS) ?? new Map<string, IniOption>()
  sections.delete(DEFAULTS)
  return new Map([...sections].map(([name, own]) => [name, trimmed(new Map([...defaults, ...own]))]))
}

function trimmed(options: ReadonlyMap<string, IniOption>): IniSection {
  return new Map([...options].map(([name, option]) => [name, { ...option, raw: option.raw.trimEnd() }]))
}

/**
 * The value with "%(name)s" replaced by the option of that name and "%%" by "%" (configparser's BasicInterpolation).
 * Throws CSNI107 with file and line for any other "%".
 */
export function interpolated(option: IniOption, section: IniSection, file: string, depth = 1): string {
  return option.raw.replace(
    /%(%|\(([^)]*)\)s)?/g,
    (_match, reference: string | undefined, name: string | undefined) => {
      if (reference === '%') return '%'
      if (name === undefined) throw invalid(file, option.line, `"${option.name}": "%" must be written "%%"`)
      const other = section.get(name.toLowerCase())
      if (other === undefined) throw invalid(file, option.line, `"${option.name}": unknown option "${name}"`)
      if (depth >= MOST_REFERENCES) throw invalid(file, option.line, `"${option.name}": too many nested references`)
      return interpolated(other, section, file, depth + 1)
    },
  )
}

/** CSNI107 at a line of an INI file. */
export function invalid(file: string, line: number, what: string): CassSniError {
  return new CassSniError('CSNI107', `${file}:${line}: ${what}`, { object: file })
}
