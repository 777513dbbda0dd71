import assert from 'node:assert/strict'
import { proxyFromEnvironment, proxyOf } from '../../../src/lib/cluster/proxy.ts'

const P = 'http://p:3128'

/** NO_PROXY, the server, and whether Go's httpproxy (golang.org/x/net v0.49.0) goes through the proxy. */
const EXCEPTIONS: [string, string, boolean][] = [
  ['*', 'https://api.example.com:6443', false],
  ['example.com', 'https://api.example.com:6443', false],
  ['.example.com', 'https://api.example.com:6443', false],
  ['*.example.com', 'https://api.example.com:6443', false],
  ['.example.com', 'https://example.com', true],
  ['*.example.com', 'https://example.com', true],
  ['example.com', 'https://example.com', false],
  ['example.com', 'https://notexample.com', true],
  ['API.EXAMPLE.COM', 'https://api.example.com:6443', false],
  [' example.com , x', 'https://api.example.com:6443', false],
  ['api.example.com:6443', 'https://api.example.com:6443', false],
  ['api.example.com:443', 'https://api.example.com:6443', true],
  ['api.example.com:443', 'https://api.example.com', false],
  ['example.com:', 'https://api.example.com:6443', false],
  [':6443', 'https://api.example.com:6443', true],
  ['', 'https://api.example.com:6443', true],
  [',', 'https://api.example.com:6443', true],
  ['10.0.0.0/8', 'https://10.1.2.3:6443', false],
  ['10.0.0.0/8', 'https://11.1.2.3:6443', true],
  ['10.0.0.0/33', 'https://10.1.2.3:6443', true],
  ['10.0.0.0/08', 'https://10.1.2.3:6443', false],
  ['10.0.0.0/-1', 'https://10.1.2.3:6443', true],
  ['10.0.0.0/x', 'https://10.1.2.3:6443', true],
  ['10.1.2.3', 'https://10.1.2.3:6443', false],
  ['10.1.2.3:6443', 'https://10.1.2.3:6443', false],
  ['10.1.2.3:443', 'https://10.1.2.3:6443', true],
  ['2.3', 'https://10.1.2.3:6443', true],
  ['.2.3', 'https://10.1.2.3:6443', true],
  ['0.0.0.0/0', 'https://10.1.2.3:6443', false],
  ['fd00::/8', 'https://[fd00::1]:6443', false],
  ['fd00::1', 'https://[fd00::1]:6443', false],
  ['[fd00::1]', 'https://[fd00::1]:6443', true],
  ['[fd00::1]:6443', 'https://[fd00::1]:6443', false],
  ['[fd00::1]:443', 'https://[fd00::1]:6443', true],
  ['fd00:0:0::1', 'https://[fd00::1]:6443', false],
  ['10.0.0.0/8', 'https://[fd00::1]:6443', true],
  ['::/0', 'https://[fd00::1]:6443', false],
  ['10.0.0.0/8', 'https://[::ffff:10.1.2.3]:6443', false],
  ['::ffff:10.0.0.0/104', 'https://10.1.2.3:6443', false],
  ['::ffff:10.1.2.3', 'https://10.1.2.3:6443', false],
  ['10.0.0.0/8,example.com', 'https://api.example.com:6443', false],
  ['münchen.example', 'https://münchen.example', false],
  ['example.com', 'https://api.example.com.', true],
  ['http://api.example.com', 'https://api.example.com:6443', true],
  ['*example.com', 'https://api.example.com:6443', true],
  ['a:b:c', 'https://api.example.com:6443', true],
  ['com', 'https://api.example.com:6443', false],
]

/** The same of the proxy's own variables; '' is no proxy. */
const VARIABLES: [string, Record<string, string>, string][] = [
  ['https://api.example.com:6443', {}, ''],
  ['https://api.example.com:6443', { HTTPS_PROXY: 'http://p:3128' }, 'http://p:3128'],
  ['https://api.example.com:6443', { https_proxy: 'p:3128' }, 'http://p:3128'],
  ['https://api.example.com:6443', { HTTPS_PROXY: '', https_proxy: 'http://p:3128' }, 'http://p:3128'],
  ['https://api.example.com:6443', { HTTP_PROXY: 'http://p:3128' }, ''],
  ['http://api.example.com', { HTTP_PROXY: 'http://p:3128' }, 'http://p:3128'],
  ['https://127.0.0.1:6443', { HTTPS_PROXY: 'http://p:3128' }, ''],
  ['https://127.9.9.9', { HTTPS_PROXY: 'http://p:3128' }, ''],
  ['https://[::1]:6443', { HTTPS_PROXY: 'http://p:3128' }, ''],
  ['https://localhost:6443', { HTTPS_PROXY: 'http://p:3128' }, ''],
  ['https://x.localhost', { HTTPS_PROXY: 'http://p:3128' }, 'http://p:3128'],
  ['https://api.example.com:6443', { HTTPS_PROXY: 'socks5://p:1080' }, 'socks5://p:1080'],
  ['https://api.example.com:6443', { HTTPS_PROXY: 'http://u:w@p:3128' }, 'http://u:w@p:3128'],
  ['https://api.example.com:6443', { HTTPS_PROXY: '%zz' }, ''],
  ['https://api.example.com:6443', { HTTPS_PROXY: 'p' }, 'http://p'],
]

describe('proxy of the environment', () => {
  for (const [exceptions, server, through] of EXCEPTIONS) {
    it(`NO_PROXY ${JSON.stringify(exceptions)}: ${server} ${through ? 'through it' : 'directly'}`, () => {
      const proxy = proxyFromEnvironment(server, { HTTPS_PROXY: P, HTTP_PROXY: P, NO_PROXY: exceptions })
      assert.equal(proxy !== undefined, through)
    })
  }
  for (const [server, env, proxy] of VARIABLES) {
    it(`${server} with ${JSON.stringify(env)}: ${proxy || 'none'}`, () =>
      assert.equal((proxyFromEnvironment(server, env)?.href ?? '').replace(/\/$/, ''), proxy))
  }

  it('gives way to that of the kubeconfig, which is also for loopback', () => {
    const cluster = { server: 'https://127.0.0.1', 'proxy-url': 'socks5://q:1080' }
    assert.equal(proxyOf(cluster, { HTTPS_PROXY: P, NO_PROXY: '*' })?.href, 'socks5://q:1080')
  })
})
