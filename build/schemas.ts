/**
 * The JSON schemas of the commands' results (docs/schemas/<Kind>.json), generated from the commands' result types.
 * `npm run build` writes them; they are committed, and a contract test compares them.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

export type Schema = Record<string, unknown>

const SCHEMA = 'http://json-schema.org/draft-07/schema#'

/** Results that a command writes without the base command, by kind: the file and the type. */
const SELF_WRITTEN: Record<string, [file: string, type: string, omit: string[]]> = {
  // Its warnings are part of the envelope.
  BundleServe: ['src/lib/workflows/bundle-serve-workflow.ts', 'BundleServing', []],
  PortForward: ['src/lib/workflows/port-forward-workflow.ts', 'Forwarding', ['warnings']],
}

/** Lines that a command writes outside an envelope, by the name of the schema: the file and the type. */
const LINES: Record<string, [file: string, type: string]> = {
  CqlLine: ['src/lib/shell/json-results.ts', 'CqlLine'],
}

/** Envelopes of other kinds that a command writes, one per line: the file and the type of the result. */
const ENVELOPE_LINES: Record<string, [file: string, type: string]> = {
  RoutesWatch: ['src/lib/workflows/routes-watch-workflow.ts', 'RoutesWatchLine'],
}

/**
 * Returns one schema per kind of result, of the whole envelope, and the problems of the type check of src/ ('' if
 * none). Throws on a type without a JSON form.
 */
export function schemas(root: string): { schemas: Map<string, Schema>; problems: string } {
  const files = readdirSync(join(root, 'src/commands'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(root, 'src/commands', name))
    .sort()
  const parsed = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config,
    ts.sys,
    root,
  )
  const program = ts.createProgram(parsed.fileNames, { ...parsed.options, noEmit: true, incremental: false })
  const checker = program.getTypeChecker()
  const typeNamed = (file: string, name: string) => {
    const source = program.getSourceFile(join(root, file))
    const symbol = source && checker.getSymbolAtLocation(source)
    const exported = symbol && checker.getExportsOfModule(symbol).find((candidate) => candidate.name === name)
    if (!exported) throw new Error(`${file} does not export ${name}`)
    return checker.getDeclaredTypeOfSymbol(exported)
  }
  const change = schemaOf(typeNamed('src/lib/events.ts', 'ChangeRecord'), checker)
  const warning = schemaOf(typeNamed('src/lib/output/envelope.ts', 'Warning'), checker)
  const result = new Map<string, Schema>()
  for (const file of files) {
    const source = program.getSourceFile(file)
    for (const statement of source?.statements ?? []) {
      if (!ts.isClassDeclaration(statement)) continue
      const base = statement.heritageClauses
        ?.flatMap((clause) => clause.types)
        .find((type) => type.expression.getText() === 'CassSniCommand')
      const kind = statement.members.find(
        (member) => ts.isPropertyDeclaration(member) && member.name.getText() === 'kind',
      )
      const name =
        kind && ts.isPropertyDeclaration(kind) && kind.initializer && ts.isStringLiteral(kind.initializer)
          ? kind.initializer.text
          : undefined
      if (!base || name === undefined) continue
      const own = SELF_WRITTEN[name]
      const argument = base.typeArguments?.[0]
      const type = own ? typeNamed(own[0], own[1]) : argument && checker.getTypeFromTypeNode(argument)
      if (!type) throw new Error(`${file}: CassSniCommand has no result type`)
      result.set(name, resultEnvelope(name, schemaOf(type, checker, own?.[2] ?? []), change, warning))
    }
  }
  for (const [name, [file, type]] of Object.entries(LINES))
    result.set(name, { $schema: SCHEMA, title: name, ...schemaOf(typeNamed(file, type), checker) })
  for (const [name, [file, type]] of Object.entries(ENVELOPE_LINES))
    result.set(name, resultEnvelope(name, schemaOf(typeNamed(file, type), checker), change, warning))
  // for a command line that selects no command
  result.set('Error', envelope('Error', {}, warning, ['error']))
  const problems = ts.formatDiagnostics(ts.getPreEmitDiagnostics(program), {
    getCanonicalFileName: (name) => name,
    getCurrentDirectory: () => root,
    getNewLine: () => '\n',
  })
  return { schemas: result, problems }
}

/** Returns the text of a schema file. */
export function schemaText(schema: Schema): string {
  return `${JSON.stringify(schema, null, 2)}\n`
}

const ERROR: Schema = {
  type: 'object',
  properties: {
    code: { type: 'string', pattern: '^CSNI[0-9]{3}$' },
    message: { type: 'string' },
    object: { type: 'string' },
    next: { type: 'array', items: { type: 'string' } },
  },
  required: ['code', 'message', 'next'],
  description: 'Why the command failed (docs/errors.md).',
}

/** The schema of an envelope; `own` are the properties before `warnings` and `error`. */
function envelope(kind: string, own: Record<string, Schema>, warning: Schema, required: string[] = []): Schema {
  return {
    $schema: SCHEMA,
    title: kind,
    type: 'object',
    properties: {
      apiVersion: { const: 'cass-sni/v1' },
      kind: { const: kind },
      ...own,
      warnings: { type: 'array', items: warning },
      error: ERROR,
    },
    required: ['apiVersion', 'kind', 'warnings', ...required],
  }
}

function resultEnvelope(kind: string, result: Schema, change: Schema, warning: Schema): Schema {
  const own = {
    result: { ...result, description: 'Absent if the command failed before it had a result.' },
    changes: {
      type: 'array',
      items: change,
      description: 'Objects that were compared and, if they differed, changed. Absent if there were none.',
    },
  }
  return envelope(kind, own, warning)
}

function schemaOf(type: ts.Type, checker: ts.TypeChecker, omit: string[] = [], above: ts.Type[] = []): Schema {
  const { flags } = type
  if (above.includes(type)) throw new Error(`${checker.typeToString(type)} contains itself`)
  const inner = (other: ts.Type) => schemaOf(other, checker, [], [...above, type])
  if (flags & ts.TypeFlags.Unknown) return {}
  if (type.isStringLiteral() || type.isNumberLiteral()) return { const: type.value }
  if (flags & ts.TypeFlags.BooleanLiteral) return { const: checker.typeToString(type) === 'true' }
  if (flags & ts.TypeFlags.Null) return { type: 'null' }
  if (flags & ts.TypeFlags.TemplateLiteral) return { type: 'string', pattern: pattern(type as ts.TemplateLiteralType) }
  if (flags & ts.TypeFlags.StringLike) return { type: 'string' }
  if (flags & ts.TypeFlags.NumberLike) return { type: 'number' }
  if (flags & ts.TypeFlags.Boolean) return { type: 'boolean' }
  if (type.isUnion()) return union(type, inner)
  if (checker.isTupleType(type)) {
    const items = checker.getTypeArguments(type as ts.TypeReference).map(inner)
    return { type: 'array', items, minItems: items.length, maxItems: items.length }
  }
  if (checker.isArrayType(type)) {
    const [item] = checker.getTypeArguments(type as ts.TypeReference)
    return { type: 'array', items: item ? inner(item) : {} }
  }
  if (flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection) && type.getCallSignatures().length === 0)
    return object(type, checker, omit, inner)
  throw new Error(`${checker.typeToString(type)} has no JSON form`)
}

function union(type: ts.UnionType, inner: (type: ts.Type) => Schema): Schema {
  const members = type.types.filter((member) => !(member.flags & ts.TypeFlags.Undefined))
  if (members.every((member) => member.flags & ts.TypeFlags.BooleanLiteral) && members.length === 2)
    return { type: 'boolean' }
  if (members.every((member) => member.isStringLiteral()))
    return { type: 'string', enum: members.map((member) => member.value).sort() }
  const schemas = members.map(inner)
  const [only] = schemas
  return only && schemas.length === 1 ? only : { anyOf: schemas }
}

function object(type: ts.Type, checker: ts.TypeChecker, omit: string[], inner: (type: ts.Type) => Schema): Schema {
  const properties: Record<string, Schema> = {}
  const required: string[] = []
  for (const symbol of checker.getPropertiesOfType(type)) {
    if (omit.includes(symbol.name)) continue
    const member = checker.getTypeOfSymbol(symbol)
    const description = ts.displayPartsToString(symbol.getDocumentationComment(checker))
    properties[symbol.name] = { ...inner(member), ...(description ? { description } : {}) }
    const isOptional =
      symbol.flags & ts.SymbolFlags.Optional ||
      member.flags & ts.TypeFlags.Unknown ||
      (member.isUnion() && member.types.some((part) => part.flags & ts.TypeFlags.Undefined))
    if (!isOptional) required.push(symbol.name)
  }
  const values = checker.getIndexTypeOfType(type, ts.IndexKind.String)
  return {
    type: 'object',
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
    ...(required.length > 0 ? { required } : {}),
    ...(values ? { additionalProperties: inner(values) } : {}),
  }
}

function pattern(type: ts.TemplateLiteralType): string {
  const parts = type.texts.map(
    (text, index) =>
      text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') +
      (type.types[index] ? (type.types[index].flags & ts.TypeFlags.Number ? '-?[0-9.]+' : '.*') : ''),
  )
  return `^${parts.join('')}$`
}
