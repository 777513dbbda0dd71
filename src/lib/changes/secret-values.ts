/** What of an object's values is not shown: pure. */

/** Names of settings and environment variables that hold secrets; `secretName` and the like are only names. */
const SECRET_NAME = /pass(word|phrase|wd)|_secret$|token|credential|private_?key/i

/** The value as it may be shown: what stands under a name like "password" is "(secret)". */
export function withoutSecrets(value: unknown, path: string): unknown {
  const name =
    path
      .split(/[.[\]]/)
      .filter((part) => part !== '')
      .at(-1) ?? ''
  const about = /\[name=([^\]]*)\]\.value$/.exec(path)?.[1] ?? name
  if (typeof value === 'string') return SECRET_NAME.test(about) ? '(secret)' : value
  return inside(value)
}

function inside(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inside)
  if (typeof value !== 'object' || value === null) return value
  const { name } = value as { name?: unknown }
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => {
      const about = key === 'value' && typeof name === 'string' ? name : key
      return [key, typeof each === 'string' && SECRET_NAME.test(about) ? '(secret)' : inside(each)]
    }),
  )
}
