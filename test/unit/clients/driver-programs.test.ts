import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import vm from 'node:vm'
import { DRIVERS, driverPrograms } from '../../../src/lib/clients/driver-programs.ts'

const HOSTILE = 'a"b\'c\\d\n$(e)`f`\u2028${g}'
const values = {
  host: '2001:db8::1',
  port: 9042,
  caFile: HOSTILE,
  hostIds: ['c8617bd4-af31-45c5-9d12-01c0247c7f8b'],
  localDatacenter: HOSTILE,
  comment: ['first */ line\nsecond line'],
}

describe('programs for drivers', () => {
  for (const driver of DRIVERS) {
    it(`of ${driver} keep a comment on one line, and contain every value`, () => {
      const text = driverPrograms[driver].text(values)
      assert.match(text.split('\n')[0] ?? '', /^(#|;|\/\/) first \*\/ line second line$/)
      const usesHostIds = driverPrograms[driver].throughLocalPort !== true
      assert.equal(text.includes('c8617bd4-af31-45c5-9d12-01c0247c7f8b'), usesHostIds)
      assert.ok(text.includes('9042'))
      assert.ok(text.endsWith('\n'))
    })
  }

  it('are correct Python and JavaScript, whatever the names are', () => {
    const python = driverPrograms.python.text(values)
    const read =
      'import ast,sys; print([n.value.value for n in ast.walk(ast.parse(sys.stdin.read())) if isinstance(n, ast.Assign) and isinstance(n.value, ast.Constant)])'
    const constants = execFileSync('python3', ['-c', read], { input: python, encoding: 'utf8' })
    assert.equal(constants.split('a"b').length - 1, 2, constants)
    const javascript = driverPrograms.node.text(values).replace(/^main\(\)[\s\S]*/m, 'LOCAL_DATACENTER')
    assert.equal(vm.runInNewContext(javascript, { require: () => ({}) }), HOSTILE)
    assert.match(javascript, /'?"\[2001:db8::1\]:9042"/)
  })
})
