/** HTTP agents for a server: TLS settings and proxies. */
import type { Agent } from 'node:http'
import { type AgentOptions, Agent as HttpsAgent } from 'node:https'
import { createSecureContext, type SecureContext } from 'node:tls'
import { HttpAgent } from './node-http.ts'
import type { TlsSettings } from './tls-settings.ts'

/**
 * Returns an agent for one server, through `proxy` if given. An https proxy is verified like the server, as in Go
 * (net/http transport.go). Certificates and key are parsed once, not for each connection. Throws OpenSSL's error for a
 * certificate or key that cannot be parsed.
 */
export async function agentFor(
  server: URL,
  tls: TlsSettings,
  proxy: URL | undefined,
  options: AgentOptions = {},
): Promise<Agent> {
  const secure = server.protocol === 'https:'
  const { rejectUnauthorized = true, servername } = tls
  const secureContext = contextOf(tls)
  const settings: AgentOptions = {
    ...options,
    secureContext,
    rejectUnauthorized,
    ...(servername ? { servername } : {}),
  }
  if (proxy === undefined) return secure ? new HttpsAgent(settings) : new HttpAgent(options)
  const agent = await proxyAgent(proxy, secure, settings)
  // agent-base keeps the pool options only, and a WebSocket sets none
  Object.assign((agent as Agent & { options: object }).options, settings)
  return agent
}

const contexts = new WeakMap<TlsSettings, SecureContext>()

/** One for all agents with these settings: certificates and key are parsed once. */
function contextOf(tls: TlsSettings): SecureContext {
  const { ca, cert, key } = tls
  // an intermediate CA may be a trust anchor, as in Go (crypto/x509 verify.go)
  const context = contexts.get(tls) ?? createSecureContext({ ca, cert, key, allowPartialTrustChain: true })
  contexts.set(tls, context)
  return context
}

async function proxyAgent(proxy: URL, secure: boolean, settings: object): Promise<Agent> {
  if (proxy.protocol.startsWith('socks')) {
    const { SocksProxyAgent } = await import('socks-proxy-agent')
    // as in Go, the proxy resolves the name
    return new SocksProxyAgent(proxy.href.replace(/^socks5?:/, 'socks5h:'), settings)
  }
  if (secure) {
    const { HttpsProxyAgent } = await import('https-proxy-agent')
    return new HttpsProxyAgent(proxy, settings)
  }
  const { HttpProxyAgent } = await import('http-proxy-agent')
  return new HttpProxyAgent(proxy, settings)
}
