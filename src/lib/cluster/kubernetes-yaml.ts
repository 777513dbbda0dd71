/**
 * YAML as kubectl reads it: sigs.k8s.io/yaml on go.yaml.in/yaml/v2, which is YAML 1.1 without its timestamps and
 * sexagesimal numbers. `yes` is true, `0440` is 288, `<<` merges, and the last of duplicate keys wins.
 */
import { type CollectionTag, parseAllDocuments, type ScalarTag, type Tags } from 'yaml'

/** Thrown for invalid YAML. The message gives the reason and position but never quotes the text. */
export class YamlError extends Error {
  /** Counted from 1. */
  readonly line: number | undefined

  constructor(message: string, line?: number | undefined, cause?: unknown) {
    super(message, { cause })
    this.line = line
  }
}

/** Limit against files that expand far beyond their size ("billion laughs"). */
const MOST_ALIASES = 100

/** Integers that go.yaml.in/yaml/v2 resolve.go accepts beyond YAML 1.1. */
const WHOLE_NUMBERS: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  test: /^[-+]?0(?:o[0-7_]+|X[0-9a-fA-F_]+|B[01_]+)$/,
  resolve: (text) => {
    const digits = text.replace(/^[-+]|_/g, '').toLowerCase()
    return text.startsWith('-') ? -Number(digits) : Number(digits)
  },
}

/** Binary values become text, as in JSON. */
const BINARY: ScalarTag = {
  tag: 'tag:yaml.org,2002:binary',
  resolve: (text) => Buffer.from(text, 'base64').toString('utf8'),
}

/**
 * Parses all documents of a text into JSON values; an empty document is null or undefined. Throws YamlError.
 */
export function parseYaml(text: string): unknown[] {
  const documents = parseAllDocuments(text, { version: '1.1', uniqueKeys: false, merge: true, customTags: asKubectl })
  return [...documents].map((document) => {
    const [error] = document.errors
    if (error !== undefined) {
      const message = (error.message.split('\n')[0] ?? '').replace(/:$/, '')
      throw new YamlError(message, error.linePos?.[0].line, error)
    }
    try {
      return document.toJS({ maxAliasCount: MOST_ALIASES }) as unknown
    } catch (error) {
      throw new YamlError(error instanceof Error ? error.message : String(error), undefined, error)
    }
  })
}

function asKubectl(tags: Tags): Tags {
  const kept = tags.filter((tag) => {
    const { tag: name, format } = tag as ScalarTag | CollectionTag
    return format !== 'TIME' && !/:(timestamp|binary)$/.test(name)
  })
  return [WHOLE_NUMBERS, BINARY, ...kept]
}
