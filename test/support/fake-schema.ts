/** The schema of a made-up cluster, as the queries of completion find it. */
import type { CqlPage } from '../../src/lib/connection/cql-session.ts'

const NAMES: Readonly<Record<string, readonly string[]>> = {
  'system_schema.keyspaces': ['shop', 'Mixed', 'system', 'system_auth'],
  'system_virtual_schema.keyspaces': ['system_views'],
  'system_schema.tables:shop': ['orders', 'order_lines', 'customers', 'T1_Mixed', 'select'],
  'system_schema.tables:Mixed': ['one'],
  'system_virtual_schema.tables:system_views': [
    'clients',
    'settings',
    ...Array.from({ length: 120 }, (_, index) => `many_${index}`),
  ],
  'system_schema.views:shop': ['orders_by_day'],
  'system_schema.types:shop': ['address', 'Mixed_Type'],
  'system_schema.functions:shop': ['vat'],
  'system_schema.aggregates:shop': ['total'],
  'system_schema.indexes:shop': ['orders_customer_idx'],
  'system_schema.triggers:shop': [],
  'system_schema.columns:shop.orders': ['id', 'customer', 'total', 'Note', 'paid_at'],
  'system_virtual_schema.columns:system_views.clients': ['address', 'port'],
  'LIST ROLES': ['cassandra', 'app', 'App-2'],
  'system.local': ['dc1'],
  'system.peers': ['dc1', 'dc2'],
}

/** The page for a query of completion; undefined for any other statement. */
export function schemaAnswer(statement: string): CqlPage | undefined {
  if (statement === 'LIST ROLES') return page(NAMES[statement] ?? [])
  const [, table] = /^SELECT \w+ FROM (system(?:_virtual)?(?:_schema)?\.\w+)/.exec(statement) ?? []
  if (table === undefined) return undefined
  const of = [...statement.matchAll(/= '([^']*)'/g)].map(([, name]) => name).join('.')
  if (table === 'system_schema.types' && of === 'shop.address') return { ...page([]), rows: [[['street', 'zip']]] }
  return page(NAMES[of === '' ? table : `${table}:${of}`] ?? [])
}

function page(names: readonly string[]): CqlPage {
  return { rows: names.map((name) => [name]), warnings: [] }
}
