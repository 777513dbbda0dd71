/** Modules of apache/cassandra-nodejs-driver (4.10) without a public equivalent. */

/** Prepares a statement and returns what it binds. */
declare module 'cassandra-driver/lib/prepare-handler.js' {
  export interface PreparedInfo {
    queryId: Buffer
    meta: { columns: { name: string; type: unknown }[] }
  }
  const PrepareHandler: {
    getPrepared(client: unknown, loadBalancing: unknown, query: string, keyspace: string): Promise<PreparedInfo>
  }
  export default PrepareHandler
}

declare module 'cassandra-driver/lib/requests.js' {
  export interface Request {
    /** The bytes of the frame. */
    write(encoder: { protocolVersion: number }, streamId: number): Buffer
  }
  export const BatchRequest: new (queries: unknown[], options: unknown) => Request
}

declare module 'cassandra-driver/lib/request-handler.js' {
  const RequestHandler: { send(request: unknown, options: unknown, client: unknown): Promise<unknown> }
  export default RequestHandler
}

declare module 'cassandra-driver/lib/execution-options.js' {
  export const DefaultExecutionOptions: { create(options: object, client: unknown): unknown }
}
