/** What both shells print, brought to one form: only what the values and messages say is left to compare. */

/** Of stdout: without the padding of columns, the length of rules, repeated blank lines, and "rows" of one. */
export function canonicalOutput(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(/^WARNING: cqlsh was built against .*\n/gm, '')
    .replace(/^\(1 rows\)$/gm, '(1 row)')
    .split('\n')
    .map((line) =>
      /^-[-+]+-$/.test(line)
        ? line.replace(/-+/g, '-')
        : line
            .replace(/ +\| +/g, ' | ')
            .replace(/ +\|$/, ' |')
            .replace(/^ +/, ' ')
            .trimEnd(),
    )
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

/** Without what differs from one lab to the next: addresses, IDs of nodes, versions of this program, durations. */
export function withoutChance(text: string): string {
  return text
    .replace(/\b10\.\d+\.\d+\.\d+\b/g, 'ADDRESS')
    .replace(/\bcqlsh-sni \d+\.\d+\.\d+[^ ]*/g, 'cqlsh-sni VERSION')
    .replace(/\b\d+\.\d+ seconds\b/g, 'N seconds')
    .replace(/^Traceback [\s\S]*\n(?=\w+Error: )/gm, '')
}

/** `<error> [CODE]`, `Try:`, `Hint:` and progress of ours: the message alone, without its place and its kind. */
export function ourErrors(text: string): string {
  return text
    .split('\n')
    .filter((line) => !/^ +(Try|Hint|Object): |^\d+ rows? (?:ex|im)ported\b/.test(line))
    .map((line) =>
      line
        .replace(/^error: /, '')
        .replace(/^\S*?(?::\d+:\d+): /, '')
        .replace(/ \[CSNI\d+\]$/, '')
        .replace(
          /^(?:syntax error|invalid configuration|invalid|permission denied|already exists|not enough live replicas): /,
          '',
        ),
    )
    .join('\n')
    .trim()
}

/** `FILE:LINE:Kind: Error from server: code=… message="…"` of cqlsh: the message alone, without its place. */
export function theirErrors(text: string): string {
  return text
    .split('\n')
    .filter((line) => !/^(Notice: Credentials in the cqlshrc|Please use a credentials file) /.test(line))
    .map((line) =>
      line
        .replace(/^\S*?:\d+:/, '')
        .replace(/^(?:\w+: )?(?:<?Error from server: )code=\w+ \[[^\]]*\] message="(.*)">?$/, '$1')
        .replace(/^(?:\w+: )?line \d+:\d+ /, ''),
    )
    .join('\n')
    .trim()
}
