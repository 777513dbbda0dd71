import assert from 'node:assert/strict'
import { proxyFromEnvironment } from '../../../src/lib/cluster/proxy.ts'

describe('proxy of the environment', () => {
  const cases: [string, Record<string, string>, string | undefined][] = [
    ['https://api.example.com:6443', {}, undefined],
    ['https://api.example.com:6443', { HTTPS_PROXY: 'http://p:3128' }, 'http://p:3128'],
    ['https://api.example.com:6443', { https_proxy: 'p:3128' }, 'http://p:3128'],
    ['http://api.example.com', { HTTPS_PROXY: 'http://p:3128' }, undefined],
    ['https://127.0.0.1:6443', { HTTPS_PROXY: 'http://p:3128' }, undefined],
    ['https://[::1]:6443', { HTTPS_PROXY: 'http://p:3128' }, undefined],
    ['https://api.example.com', { HTTPS_PROXY: 'http://p', NO_PROXY: '*' }, undefined],
    ['https://api.example.com', { HTTPS_PROXY: 'http://p', NO_PROXY: 'other, example.com' }, undefined],
    ['https://api.example.com', { HTTPS_PROXY: 'http://p', NO_PROXY: '.example.com' }, undefined],
    ['https://notexample.com', { HTTPS_PROXY: 'http://p', NO_PROXY: 'example.com' }, 'http://p'],
    ['https://api.example.com:6443', { HTTPS_PROXY: 'http://p', NO_PROXY: 'api.example.com:443' }, 'http://p'],
    ['https://10.1.2.3:6443', { HTTPS_PROXY: 'http://p', NO_PROXY: '10.0.0.0/8' }, undefined],
    ['https://11.1.2.3:6443', { HTTPS_PROXY: 'http://p', NO_PROXY: '10.0.0.0/8' }, 'http://p'],
  ]
  for (const [server, env, proxy] of cases) {
    it(`${server} with ${JSON.stringify(env)}: ${proxy ?? 'none'}`, () =>
      assert.equal(proxyFromEnvironment(server, env), proxy))
  }
})
