/** Redacts secret values of objects. Pure. */

/** Names of settings and environment variables with secret values; `secretName` and the like are only names. */
const SECRET_NAME = /pass(word|phrase|wd)|_secret$|token|credential|private_?key/i

/** Returns the value with everything under a name like "password" replaced by "(secret)". */
export function withoutSecrets(value: unknown, path: string): unknown {
  const name =
    path
      .split(/[.[\]]/)
      .filter((part) => part !== '')
      .at(-1) ?? ''
  const about = /\[name=([^\]]*)\]\.value$/.exec(path)?.[1] ?? name
  if (typeof value === 'string') return SECRET_NAME.test(about) ? '(secret)' : value
  return redacted(value)
}

function redacted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redacted)
  if (typeof value !== 'object' || value === null) return value
  const { name } = value as { name?: unknown }
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => {
      const about = key === 'value' && typeof name === 'string' ? name : key
      return [key, typeof each === 'string' && SECRET_NAME.test(about) ? '(secret)' : redacted(each)]
    }),
  )
}
