/** The connections to a server: TLS settings and the way through a proxy. */
import type { Agent } from 'node:http'
import { type AgentOptions, Agent as HttpsAgent } from 'node:https'
import { createSecureContext } from 'node:tls'
import { HttpAgent } from './node-http.ts'
import type { TlsSettings } from './tls-settings.ts'

/**
 * An agent for one server, through `proxy` if there is one; a proxy by https is trusted like the server, as in Go
 * (net/http transport.go). Certificates and key are parsed once, not for each connection. Throws what OpenSSL says of
 * them.
 */
export async function agentFor(
  server: URL,
  tls: TlsSettings,
  proxy: URL | undefined,
  options: AgentOptions = {},
): Promise<Agent> {
  const secure = server.protocol === 'https:'
  const { rejectUnauthorized = true, servername, ca, cert, key } = tls
  // an intermediate authority is an anchor as good as any, as in Go (crypto/x509 verify.go)
  const secureContext = createSecureContext({ ca, cert, key, allowPartialTrustChain: true })
  const settings: AgentOptions = {
    ...options,
    secureContext,
    rejectUnauthorized,
    ...(servername ? { servername } : {}),
  }
  if (proxy === undefined) return secure ? new HttpsAgent(settings) : new HttpAgent(options)
  const agent = await proxyAgent(proxy, secure, settings)
  // agent-base keeps of them only what is about the pool, and a WebSocket brings none of its own
  Object.assign((agent as Agent & { options: object }).options, settings)
  return agent
}

async function proxyAgent(proxy: URL, secure: boolean, settings: object): Promise<Agent> {
  if (proxy.protocol.startsWith('socks')) {
    const { SocksProxyAgent } = await import('socks-proxy-agent')
    // Go lets the proxy resolve the name
    return new SocksProxyAgent(proxy.href.replace(/^socks5?:/, 'socks5h:'), settings)
  }
  if (secure) {
    const { HttpsProxyAgent } = await import('https-proxy-agent')
    return new HttpsProxyAgent(proxy, settings)
  }
  const { HttpProxyAgent } = await import('http-proxy-agent')
  return new HttpProxyAgent(proxy, settings)
}
