/**
 * Configuration files of the Java driver for programs that cannot set up SNI, through a local port. The translator maps
 * every node to that port (apache/cassandra-java-driver
 * core/src/main/java/com/datastax/oss/driver/internal/core/addresstranslation/FixedHostNameAddressTranslator.java, from
 * 4.17 on); the token map requires a different address for each. Pure.
 */
import { commentLines, type DriverProgram, literal, type ProgramValues } from './driver-program.ts'

const SHARED = {
  throughLocalPort: true,
  text: ({ host, port, localDatacenter, comment }: ProgramValues) => `${commentLines('//', comment)}\
datastax-java-driver {
  basic.contact-points = [${literal(`${host}:${port}`)}]
  basic.load-balancing-policy.local-datacenter = ${literal(localDatacenter)}
  advanced.address-translator {
    class = FixedHostNameAddressTranslator
    advertised-hostname = ${literal(host)}
  }
  advanced.metadata.token-map.enabled = false
  advanced.auth-provider {
    class = PlainTextAuthProvider
    username = \${?CQL_USER}
    password = \${?CQL_PASSWORD}
  }
  advanced.reconnection-policy {
    base-delay = 200 ms
    max-delay = 5 s
  }
}
`,
}

const NOT_TOKEN_AWARE = 'Statements go to all nodes in turn, not to the replicas of their rows.'

/** For ing-bank/cassandra-jdbc-wrapper (README.md, "configfile"). */
export const jdbc: DriverProgram = {
  ...SHARED,
  file: 'cassandra-jdbc.conf',
  library: 'com.ing.data:cassandra-jdbc-wrapper:4.16.3, without its dependency com.datastax.oss:java-driver-core',
  run: [],
  login: 'CQL_USER and CQL_PASSWORD in the environment; user and password of the JDBC connection are ignored',
  notes: () => [
    'Driver class: com.ing.data.cassandra.jdbc.CassandraDriver',
    'URL: jdbc:cassandra://127.0.0.1/KEYSPACE?configfile=/path/to/cassandra-jdbc.conf',
    NOT_TOKEN_AWARE,
  ],
}

/** For datastax/cassandra-quarkus, which has no hook for the driver's session before 1.5 and reads this file. */
export const quarkus: DriverProgram = {
  ...SHARED,
  file: 'application.conf',
  library: 'com.datastax.oss.quarkus:cassandra-quarkus-client:1.4.1',
  run: [],
  notes: () => [
    'Directory: src/main/resources. The quarkus.cassandra properties for contact points, local datacenter and login',
    'override it.',
    NOT_TOKEN_AWARE,
  ],
}
