/** An empty value of a flag is one that was not given, as for kubectl: `-n "$NS"` without NS. */

/**
 * Of these an empty value is one: `-e ""` executes nothing, and does not wait for statements on the terminal;
 * `--public-name ""` forgets the remembered names.
 */
const MEANT = ['execute', 'public-name']

/** A command line's words without the flags that have an empty value. */
export function withoutEmptyValues(
  words: readonly string[],
  flags: Readonly<Record<string, { type: string; char?: string | undefined }>>,
): string[] {
  const optionOf = (word: string) =>
    Object.entries(flags).find(
      ([name, { type, char }]) =>
        type === 'option' && (word === `--${name}` || (char !== undefined && word === `-${char}`)),
    )?.[0]
  const dropped = (name: string | undefined) => name !== undefined && !MEANT.includes(name)
  const kept: string[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    if (word === '--') return [...kept, ...words.slice(at)]
    if (word.endsWith('=') && dropped(optionOf(word.slice(0, -1)))) continue
    const option = optionOf(word)
    const value = words[at + 1]
    if (option === undefined || value === undefined) {
      kept.push(word)
      continue
    }
    at++
    if (value !== '' || !dropped(option)) kept.push(word, value)
  }
  return kept
}
