/** What a source file holds for readers: its strings, its comments and its names, by the TypeScript parser. */
import ts from 'typescript'

export interface SourceText {
  kind: 'message' | 'comment' | 'name'
  /** Templates have "{}" in place of each interpolation; joined literals are one text. */
  text: string
  /** Line of the beginning, from 1. */
  line: number
}

export interface SourceTexts {
  texts: SourceText[]
  /** The messages of `new CassSniError(…)` and `hint(…)`, as far as they are literals. */
  sentences: SourceText[]
}

/** The texts of one TypeScript or JavaScript source. */
export function sourceTexts(path: string, source: string): SourceTexts {
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true)
  const lineOf = (position: number) => file.getLineAndCharacterOfPosition(position).line + 1
  const texts: SourceText[] = []
  const sentences: SourceText[] = []

  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return
    const line = lineOf(node.getStart())
    if (ts.isNewExpression(node) && node.expression.getText() === 'CassSniError') {
      const text = node.arguments?.[1] && literalText(node.arguments[1])
      if (text !== undefined) sentences.push({ kind: 'message', text, line })
    }
    if (ts.isCallExpression(node) && node.expression.getText() === 'hint') {
      const text = node.arguments[0] && literalText(node.arguments[0])
      if (text !== undefined) sentences.push({ kind: 'message', text, line })
    }
    if (ts.isIdentifier(node)) texts.push({ kind: 'name', text: node.text, line })
    const text = literalText(node)
    if (text !== undefined) texts.push({ kind: 'message', text, line })
    ts.forEachChild(node, (child) => {
      // the literals of a joined text are in it already
      if (text === undefined || literalText(child) === undefined) visit(child)
      else interpolations(child).forEach(visit)
    })
  }
  visit(file)
  return { texts: [...texts, ...comments(file, lineOf)], sentences }
}

/** The text of a literal, a template or literals joined by "+"; undefined for anything else. */
function literalText(node: ts.Node): string | undefined {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text
  if (ts.isTemplateExpression(node))
    return node.head.text + node.templateSpans.map(({ literal }) => `{}${literal.text}`).join('')
  if (!ts.isBinaryExpression(node) || node.operatorToken.kind !== ts.SyntaxKind.PlusToken) return undefined
  const [left, right] = [literalText(node.left), literalText(node.right)]
  return left === undefined && right === undefined ? undefined : `${left ?? '{}'}${right ?? '{}'}`
}

/** The expressions inside a literal text, which may hold further texts. */
function interpolations(node: ts.Node): ts.Node[] {
  if (ts.isTemplateExpression(node)) return node.templateSpans.map(({ expression }) => expression)
  if (ts.isBinaryExpression(node)) return [node.left, node.right].flatMap(interpolations)
  return literalText(node) === undefined ? [node] : []
}

/** All comments; line comments below one another are one text. */
function comments(file: ts.SourceFile, lineOf: (position: number) => number): SourceText[] {
  const source = file.text
  const ranges = new Map<number, ts.CommentRange>()
  const collect = (node: ts.Node): void => {
    for (const range of [
      ...(ts.getLeadingCommentRanges(source, node.pos) ?? []),
      ...(ts.getTrailingCommentRanges(source, node.end) ?? []),
    ])
      ranges.set(range.pos, range)
    node.getChildren(file).forEach(collect)
  }
  file.getChildren().forEach(collect)
  const found: SourceText[] = []
  let previousLine = -1
  for (const { pos, end, kind } of [...ranges.values()].sort((a, b) => a.pos - b.pos)) {
    const line = lineOf(pos)
    const text = source
      .slice(pos, end)
      .replace(/^\/\*\*?|\*\/$|^\/\//g, '')
      .replace(/^\s*\* ?/gm, '')
    const single = kind === ts.SyntaxKind.SingleLineCommentTrivia
    const last = found.at(-1)
    if (single && last && line === previousLine + 1) last.text += `\n${text}`
    else found.push({ kind: 'comment', text, line })
    previousLine = single ? line : -1
  }
  return found
}
