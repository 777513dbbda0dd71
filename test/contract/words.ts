/**
 * Finds forbidden words, and help that is too wide or too long. Run as a program it prints the findings below the
 * given paths: `node test/contract/words.ts src/lib/cluster docs`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHECKS } from '../../src/lib/checks/registry.ts'
import { ERROR_CODES } from '../../src/lib/errors.ts'
import { sourceTexts } from '../support/source-texts.ts'
import { FORBIDDEN, FORBIDDEN_NAMES, PROPER_NAMES, type Scope } from './forbidden-words.ts'
import { commands, root } from './manifest.ts'

export interface Finding {
  /** What words-pending.ts lists: a path, "help/verify", or the code of a check or an error. */
  path: string
  /** Path and line. */
  place: string
  problem: string
}

/** Columns of a terminal. */
const HELP_WIDTH = 80
const SUMMARY_LENGTH = 60
const TITLE_WORDS = 6

const pattern = (phrase: string) => new RegExp(`(?<![\\w-])(?:${phrase.replaceAll(' ', '\\s+')})(?![\\w-])`, 'gi')

const RULES = FORBIDDEN.map(({ phrase, write, except = [], only }) => ({
  pattern: pattern(phrase),
  fine: except.map(pattern),
  write,
  only,
}))

/** All findings, in the order of the paths. */
export function allFindings(): Finding[] {
  return [
    ...files().flatMap((path) => findings(path, readFileSync(join(root, path), 'utf8'))),
    ...helpFindings(),
    ...titleFindings(),
  ]
}

/** The files that are read: source, scripts and documentation. */
function files(): string[] {
  const below = (folder: string, names: RegExp) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && names.test(entry.name))
      .map(({ parentPath, name }) => join(parentPath, name).slice(root.length + 1))
  return [
    ...['src', 'build', 'lab', 'bench'].flatMap((folder) => below(folder, /\.(ts|sh)$/)),
    ...below('bin', /./),
    ...below('docs', /\.(md|yaml)$/),
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
  ].sort()
}

/** The forbidden words of one file. */
export function findings(path: string, text: string): Finding[] {
  const at = (line: number, problem: string): Finding => ({ path, place: `${path}:${line}`, problem })
  if (!/\.[jt]s$/.test(path)) return phrases(text, 'page').map(({ line, problem }) => at(line + 1, problem))
  const { texts, sentences } = sourceTexts(path, text)
  return [
    ...texts.flatMap(({ kind, text, line }) => {
      if (kind === 'name')
        return Object.hasOwn(FORBIDDEN_NAMES, text) ? [at(line, `name ${text}: write ${FORBIDDEN_NAMES[text]}`)] : []
      return phrases(text, kind).map((found) => at(line + found.line, found.problem))
    }),
    ...sentences.flatMap(({ text, line }) => shape(text).map((problem) => at(line, problem))),
  ]
    .filter(
      ({ place, problem }, index, all) => all.findIndex((f) => f.place === place && f.problem === problem) === index,
    )
    .sort((a, b) => a.place.localeCompare(b.place, 'en', { numeric: true }))
}

/** Forbidden phrases of a text with their lines, from 0. */
function phrases(text: string, scope: Scope): { line: number; problem: string }[] {
  return RULES.flatMap(({ pattern, fine, write, only }) => {
    if (only && !only.includes(scope)) return []
    const allowed = fine.flatMap((each) => [...text.matchAll(each)])
    return [...text.matchAll(pattern)]
      .filter(
        (match) =>
          !allowed.some(
            (each) => each.index <= match.index && match.index + match[0].length <= each.index + each[0].length,
          ),
      )
      .map((match) => ({
        line: text.slice(0, match.index).split('\n').length - 1,
        problem: `"${match[0].replace(/\s+/g, ' ')}": write ${write}`,
      }))
  })
}

/** Errors are lower case without a final period, so that they can be joined. */
function shape(text: string): string[] {
  const first = /^[A-Z][a-z][A-Za-z]*/.exec(text)?.[0]
  return [
    ...(first !== undefined && !PROPER_NAMES.includes(first) ? [`begins with a capital: "${text}"`] : []),
    ...(/[^.]\.$/.test(text) ? [`ends with a period: "${text}"`] : []),
  ]
}

function helpFindings(): Finding[] {
  const folder = join(root, 'dist/help')
  const pages = readdirSync(folder).flatMap((file) => {
    const path = `help/${file.replace(/\.txt$/, '')}`
    const text = readFileSync(join(folder, file), 'utf8')
    const wide = text
      .split('\n')
      .map((line, index) => ({ line: index, problem: `${line.length} columns, ${HELP_WIDTH} at most` }))
      .filter((_, index) => (text.split('\n')[index]?.length ?? 0) > HELP_WIDTH)
    return [...phrases(text, 'message'), ...wide].map(({ line, problem }) => ({
      path,
      place: `${path}:${line + 1}`,
      problem,
    }))
  })
  const summaries = commands
    .filter(({ summary = '' }) => summary.length >= SUMMARY_LENGTH)
    .map(({ id, summary = '' }) => {
      const path = `help/${id.replaceAll(':', '.')}`
      return { path, place: path, problem: `summary of ${summary.length} characters, ${SUMMARY_LENGTH - 1} at most` }
    })
  return [...pages, ...summaries]
}

/** Titles of checks state the healthy condition in a few words; those of errors are shaped like errors. */
function titleFindings(): Finding[] {
  const long = CHECKS.filter(({ title }) => title.split(' ').length > TITLE_WORDS).map(({ code, title }) => ({
    path: code,
    place: code,
    problem: `title of more than ${TITLE_WORDS} words: "${title}"`,
  }))
  const titles = [...CHECKS, ...Object.entries(ERROR_CODES).map(([code, { title }]) => ({ code, title }))]
  return [
    ...long,
    ...titles.flatMap(({ code, title }) => shape(title).map((problem) => ({ path: code, place: code, problem }))),
  ]
}

if (import.meta.main) {
  const prefixes = process.argv.slice(2)
  for (const { path, place, problem } of allFindings())
    if (prefixes.length === 0 || prefixes.some((prefix) => path.startsWith(prefix))) console.log(`${place}: ${problem}`)
}
