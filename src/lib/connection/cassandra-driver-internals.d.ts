/** apache/cassandra-nodejs-driver lib/prepare-handler.js: no public function tells what a statement binds. */
declare module 'cassandra-driver/lib/prepare-handler.js' {
  interface PreparedInfo {
    meta: { columns: { name: string; type: unknown }[] }
  }
  const PrepareHandler: {
    getPrepared(client: unknown, loadBalancing: unknown, query: string, keyspace: string): Promise<PreparedInfo>
  }
  export default PrepareHandler
}
