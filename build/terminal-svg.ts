/** Draws the final screen of terminal output as SVG: @xterm/headless interprets the output, this file draws its cells. */
import xterm from '@xterm/headless'

const FONT_SIZE = 14
/** Width and height of a cell in pixels, for common monospace fonts at this size. */
const CELL = { width: 8.4, height: 19 }
const MARGIN = 16
const TITLE_BAR = 32
const FOREGROUND = '#d4d4d4'
const BACKGROUND = '#1e1e1e'
/** ANSI colors 0 to 15. */
const PALETTE = [
  ['#3b3b3b', '#f14c4c', '#4ec27a', '#e5c07b', '#61afef', '#c678dd', '#56b6c2', '#d4d4d4'],
  ['#7f7f7f', '#f14c4c', '#4ec27a', '#e5c07b', '#61afef', '#c678dd', '#56b6c2', '#ffffff'],
].flat()

interface Run {
  text: string
  column: number
  style: string
}

/** Returns an SVG of the screen after `output`, on a terminal of this size. `title` is its accessible name. */
export async function terminalSvg(output: string, columns: number, rows: number, title: string): Promise<string> {
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true })
  await new Promise<void>((resolve) => terminal.write(output, resolve))
  const lines = screenLines(terminal)
  const width = Math.ceil(columns * CELL.width) + 2 * MARGIN
  const height = TITLE_BAR + lines.length * CELL.height + MARGIN
  const texts = lines.flatMap((runs, row) =>
    runs.map(({ text, column, style }) => {
      const x = (MARGIN + column * CELL.width).toFixed(1)
      const y = TITLE_BAR + row * CELL.height + FONT_SIZE
      // a fixed length keeps columns aligned in every font
      const length = ([...text].length * CELL.width).toFixed(1)
      return `<text x="${x}" y="${y}" textLength="${length}"${style}>${escaped(text)}</text>`
    }),
  )
  const font = 'ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace'
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${escaped(title)}</title>
<rect width="100%" height="100%" rx="8" fill="${BACKGROUND}"/>
${['#ff5f56', '#ffbd2e', '#27c93f'].map((color, index) => `<circle cx="${20 + index * 20}" cy="16" r="6" fill="${color}"/>`).join('')}
<g font-family="${font}" font-size="${FONT_SIZE}" fill="${FOREGROUND}" xml:space="preserve">
${texts.join('\n')}
</g>
</svg>
`
}

/** The lines of the screen without trailing empty ones, as runs of equal style. */
function screenLines(terminal: xterm.Terminal): Run[][] {
  const buffer = terminal.buffer.active
  const lines: Run[][] = []
  for (let row = 0; row < buffer.length; row++) {
    const line = buffer.getLine(row)
    const runs: Run[] = []
    for (let column = 0; column < terminal.cols; column++) {
      const cell = line?.getCell(column)
      const text = cell?.getChars() || ' '
      const style = cell === undefined ? '' : styleOf(cell)
      const last = runs.at(-1)
      if (last?.style === style) last.text += text
      else runs.push({ text, column, style })
    }
    lines.push(runs.map(trimmed).filter(({ text }) => text !== ''))
  }
  const used = lines.findLastIndex((runs) => runs.length > 0)
  return lines.slice(0, used + 1)
}

function trimmed({ text, column, style }: Run): Run {
  const leading = text.length - text.trimStart().length
  return { text: text.trim(), column: column + leading, style }
}

function styleOf(cell: xterm.IBufferCell): string {
  const attributes = [
    cell.isFgRGB() ? ` fill="#${cell.getFgColor().toString(16).padStart(6, '0')}"` : '',
    cell.isFgPalette() ? ` fill="${PALETTE[cell.getFgColor()] ?? FOREGROUND}"` : '',
    cell.isBold() ? ' font-weight="bold"' : '',
    cell.isDim() ? ' opacity="0.6"' : '',
    cell.isUnderline() ? ' text-decoration="underline"' : '',
  ]
  return attributes.join('')
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
