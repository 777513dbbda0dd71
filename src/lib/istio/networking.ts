/** The fields of Istio's kinds that this program writes (istio/api networking/v1). */

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
  destination: { host: string; subset?: string | undefined; port: { number: number } }
}

export interface DestinationRuleSpec {
  host: string
  exportTo: string[]
  subsets: { name: string; labels: Record<string, string> }[]
}

export interface ServiceEntrySpec {
  hosts: string[]
  exportTo: string[]
  location: 'MESH_INTERNAL'
  resolution: 'DNS'
  ports: { number: number; name: string; protocol: 'TLS' }[]
  endpoints: { address: string; ports: Record<string, number> }[]
}
