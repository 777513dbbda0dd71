/** The fields of Istio's Gateway and VirtualService that this program writes (istio/api networking/v1). */

export interface GatewaySpec {
  selector: Record<string, string>
  servers: Server[]
}

export interface Server {
  port: { number: number; name: string; protocol: 'TLS' | 'TCP' }
  hosts: string[]
  tls?: { mode: 'PASSTHROUGH' } | undefined
}

export interface VirtualServiceSpec {
  exportTo: string[]
  gateways: string[]
  hosts: string[]
  tls?: { match: { port: number; sniHosts: string[] }[]; route: RouteDestination[] }[] | undefined
  tcp?: { match: { port: number }[]; route: RouteDestination[] }[] | undefined
}

export interface RouteDestination {
  destination: { host: string; port: { number: number } }
}
