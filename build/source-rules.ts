/**
 * Rules of src/ beyond other linters: every file belongs to a layer, file names are unique except those of commands, and no line is wider than
 * the formatter's limit (which does not apply to strings and comments). Run as a program, prints violations and exits
 * with 1.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { LAYERS } from './source-layers.ts'

/** Columns, as `lineWidth` of biome.json. */
const LONGEST_LINE = 120

/** The name of a command's file is that of the command, and commands of different topics share names. */
function isCommand(file: string): boolean {
  return file.startsWith('src/commands/')
}

/** Returns the violations in the src/ of a project, one per line: "src/lib/x.ts: belongs to no layer". */
export function brokenRules(root: string): string[] {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join('src', name))
    .sort()
  return files.flatMap((file) => {
    const owners = LAYERS.filter((layer) => new RegExp(layer.files).test(file))
    const twins = isCommand(file)
      ? []
      : files.filter((other) => other !== file && basename(other) === basename(file) && !isCommand(other))
    const lines = readFileSync(join(root, file), 'utf8').split('\n')
    return [
      ...(owners.length === 1 ? [] : [`${file}: belongs to ${owners.length === 0 ? 'no layer' : 'several layers'}`]),
      ...twins.map((twin) => `${file}: has the name of ${twin}`),
      ...lines.flatMap(({ length }, index) =>
        length > LONGEST_LINE ? [`${file}:${index + 1}: is ${length} columns wide, ${LONGEST_LINE} at most`] : [],
      ),
    ]
  })
}

if (import.meta.main) {
  const broken = brokenRules(dirname(import.meta.dirname))
  for (const line of broken) console.log(line)
  process.exitCode = broken.length > 0 ? 1 : 0
}
