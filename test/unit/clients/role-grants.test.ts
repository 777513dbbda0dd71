import assert from 'node:assert/strict'
import {
  createRoleStatement,
  dropRoleStatement,
  grantStatement,
  listPermissionsStatement,
  parseGrants,
  roleName,
} from '../../../src/lib/clients/role-grants.ts'
import { CassSniError } from '../../../src/lib/errors.ts'

describe('grants of a new role', () => {
  const statements = (text: string) => parseGrants(text).map((grant) => grantStatement(grant, 'app'))
  const listed = (text: string) => parseGrants(text).map((grant) => grant.listed)

  it('are one statement per permission, with quoted names', () => {
    assert.deepEqual(statements('SELECT ON shop.orders'), ['GRANT SELECT ON TABLE "shop"."orders" TO "app"'])
    assert.deepEqual(statements(' select , modify permission on keyspace Shop; '), [
      'GRANT SELECT ON KEYSPACE "shop" TO "app"',
      'GRANT MODIFY ON KEYSPACE "shop" TO "app"',
    ])
    assert.deepEqual(statements('ALL PERMISSIONS ON ALL KEYSPACES'), ['GRANT ALL ON ALL KEYSPACES TO "app"'])
    assert.deepEqual(statements('SELECT ON TABLE "Shop" . "a""b"'), ['GRANT SELECT ON TABLE "Shop"."a""b" TO "app"'])
    assert.deepEqual(statements('EXECUTE ON ALL FUNCTIONS IN KEYSPACE shop'), [
      'GRANT EXECUTE ON ALL FUNCTIONS IN KEYSPACE "shop" TO "app"',
    ])
  })

  it('are compared as Cassandra lists them', () => {
    assert.deepEqual(listed('SELECT ON Shop."Orders"'), ['<table shop.Orders>'])
    assert.deepEqual(listed('SELECT ON ALL TABLES IN KEYSPACE shop'), ['<all tables in shop>'])
    assert.deepEqual(listed('SELECT ON KEYSPACE shop'), ['<keyspace shop>'])
    assert.deepEqual(listed('SELECT ON ALL KEYSPACES'), ['<all keyspaces>'])
  })

  for (const text of [
    '',
    'SELECT',
    'SELECT ON',
    'ON shop.orders',
    'SELECT ON shop',
    'EAT ON shop.orders',
    'SELECT ON shop.orders TO admin',
    'SELECT ON shop.orders; DROP TABLE shop.orders',
    'SELECT ON shop."a" TO x; --"',
    'SELECT ON shop."a',
    "SELECT ON shop.'a'",
    'SELECT ON shop.orders -- x',
    'SELECT ON "a\nb".c',
    'SELECT ON ROLE admin',
    'SELECT,, MODIFY ON shop.orders',
  ])
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parseGrants(text),
        (error: unknown) => error instanceof CassSniError && error.code === 'CSNI101',
      )
    })
})

describe('the role', () => {
  it('is quoted in each statement', () => {
    const role = 'a"b; DROP ROLE c'
    const quoted = '"a""b; DROP ROLE c"'
    assert.equal(createRoleStatement(role, "it's"), `CREATE ROLE ${quoted} WITH PASSWORD = 'it''s' AND LOGIN = true`)
    assert.equal(dropRoleStatement(role), `DROP ROLE IF EXISTS ${quoted}`)
    assert.equal(listPermissionsStatement(role), `LIST ALL PERMISSIONS OF ${quoted} NORECURSIVE`)
  })

  it('has no name that Cassandra itself would not quote', () => {
    assert.equal(roleName('Orders-1'), 'Orders-1')
    for (const name of ['', "a'b", 'a\nb'])
      assert.throws(
        () => roleName(name),
        (error: unknown) => error instanceof CassSniError && error.code === 'CSNI101',
      )
  })
})
