/** A program for the Java driver. Pure. */
import { commentLines, type DriverProgram } from './driver-program.ts'
import { javaImports, SNI_FACTORY, sniConstants } from './java-sni.ts'

const CLASSES = [
  'com.datastax.oss.driver.api.core.CqlSession',
  'com.datastax.oss.driver.api.core.CqlSessionBuilder',
  'com.datastax.oss.driver.api.core.config.DefaultDriverOption',
  'com.datastax.oss.driver.api.core.config.DriverConfigLoader',
  'com.datastax.oss.driver.api.core.cql.Row',
  'com.datastax.oss.driver.api.core.cql.SimpleStatement',
  'com.datastax.oss.driver.api.core.metadata.Node',
  'java.time.Duration',
]

export const java: DriverProgram = {
  file: 'Connect.java',
  library: 'org.apache.cassandra:java-driver-core:4.19.0',
  run: ['java -cp "$CLASSPATH" Connect.java'],
  text: (values) => `${commentLines('//', values.comment)}\
${javaImports(CLASSES)}
public class Connect {
${sniConstants(values)}
${SNI_FACTORY}
  public static void main(String[] args) throws Exception {
    InetSocketAddress gateway = InetSocketAddress.createUnresolved(HOST, PORT);
    CqlSessionBuilder builder = CqlSession.builder()
        .withCloudProxyAddress(gateway)
        .withSslEngineFactory(new SniFactory(trusting(CA_FILE)))
        .withAuthCredentials(System.getenv("CQL_USER"), System.getenv("CQL_PASSWORD"))
        .withLocalDatacenter(LOCAL_DATACENTER)
        .withConfigLoader(DriverConfigLoader.programmaticBuilder()
            .withDuration(DefaultDriverOption.RECONNECTION_BASE_DELAY, Duration.ofMillis(200))
            .withDuration(DefaultDriverOption.RECONNECTION_MAX_DELAY, Duration.ofSeconds(5))
            .build());
    for (String hostId : HOST_IDS) builder.addContactEndPoint(new SniEndPoint(gateway, hostId));
    try (CqlSession session = builder.build()) {
      for (Node node : session.getMetadata().getNodes().values()) {
        if (!LOCAL_DATACENTER.equals(node.getDatacenter())) continue;
        Row row = session.execute(
            SimpleStatement.newInstance("SELECT host_id, release_version FROM system.local").setNode(node)).one();
        System.out.println(row.getUuid(0) + " " + row.getString(1));
      }
    }
  }
}
`,
}
