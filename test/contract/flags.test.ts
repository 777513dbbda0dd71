import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commands } from './manifest.ts'

const file = join(import.meta.dirname, 'flags.snapshot.json')

/** What scripts rely on: a command's flags, their letters, whether they take a value, and which. */
type Flag = { char?: string; type: string; options?: string[]; required?: true }
type Snapshot = Record<string, Record<string, Flag>>

function current(): Snapshot {
  return Object.fromEntries(
    commands.map(({ id, flags }) => [
      id,
      Object.fromEntries(
        Object.values(flags)
          .sort((a, b) => (a.name < b.name ? -1 : 1))
          .map(({ name, char, type, options, required }) => [
            name,
            { ...(char ? { char } : {}), type, ...(options ? { options } : {}), ...(required ? { required } : {}) },
          ]),
      ),
    ]),
  )
}

describe('flags', () => {
  const now = current()
  if (process.env.UPDATE_SNAPSHOT || !existsSync(file)) writeFileSync(file, `${JSON.stringify(now, null, 2)}\n`)
  const before: Snapshot = JSON.parse(readFileSync(file, 'utf8'))

  it('of earlier versions still work (a removal is a breaking change)', () => {
    for (const [id, flags] of Object.entries(before)) {
      assert.ok(now[id], `the command ${id} is gone`)
      for (const [name, flag] of Object.entries(flags)) {
        const found: Flag | undefined = now[id]?.[name]
        assert.ok(found, `${id} --${name} is gone`)
        assert.equal(found.type, flag.type, `${id} --${name} is of another type`)
        if (flag.char) assert.equal(found.char, flag.char, `${id} --${name} lost its letter`)
        for (const option of flag.options ?? [])
          assert.ok(!found.options || found.options.includes(option), `${id} --${name}=${option} is gone`)
      }
      for (const [name, flag] of Object.entries(now[id] ?? {}))
        assert.ok(!flag.required || flags[name]?.required, `${id} --${name} is needed now and was not`)
    }
  })

  it('are all in the snapshot (UPDATE_SNAPSHOT=1 npm test -- contract writes it: commit it)', () => {
    const flat = (snapshot: Snapshot) =>
      Object.entries(snapshot).flatMap(([id, flags]) =>
        Object.entries(flags).map(([name, flag]) => `${id} --${name} ${JSON.stringify(flag)}`),
      )
    assert.deepEqual(
      flat(now).filter((line) => !flat(before).includes(line)),
      [],
    )
  })
})
