/**
 * A program for the Java driver. SniEndPoint is internal to it (apache/cassandra-java-driver
 * core/src/main/java/com/datastax/oss/driver/internal/core/metadata/SniEndPoint.java). The driver's SniSslEngineFactory
 * looks up the gateway's name by its address, which can take tens of seconds; the program's own does not. Pure.
 */
import { commentLines, type DriverProgram, literal } from './driver-program.ts'

export const java: DriverProgram = {
  file: 'Connect.java',
  library: 'org.apache.cassandra:java-driver-core:4.19.0',
  run: ['java -cp "$CLASSPATH" Connect.java'],
  text: ({ host, port, caFile, hostIds, localDatacenter, comment }) => `${commentLines('//', comment)}\
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.CqlSessionBuilder;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.api.core.metadata.EndPoint;
import com.datastax.oss.driver.api.core.metadata.Node;
import com.datastax.oss.driver.api.core.ssl.SslEngineFactory;
import com.datastax.oss.driver.internal.core.metadata.SniEndPoint;
import java.io.FileInputStream;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.List;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManagerFactory;

public class Connect {
  static final String HOST = ${literal(host)};
  static final int PORT = ${port};
  static final String CA_FILE = ${literal(caFile)};
  static final String LOCAL_DATACENTER = ${literal(localDatacenter)};
  // the driver finds further nodes itself
  static final List<String> HOST_IDS = List.of(
${hostIds.map((id) => `      ${literal(id)}`).join(',\n')});

  /** TLS with the host ID as SNI name, which is verified in the certificate. */
  record SniFactory(SSLContext context) implements SslEngineFactory {
    public SSLEngine newSslEngine(EndPoint node) {
      String hostId = ((SniEndPoint) node).getServerName();
      SSLEngine engine = context.createSSLEngine(hostId, PORT);
      engine.setUseClientMode(true);
      SSLParameters parameters = engine.getSSLParameters();
      parameters.setServerNames(List.of(new SNIHostName(hostId)));
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      engine.setSSLParameters(parameters);
      return engine;
    }

    public void close() {}
  }

  static SSLContext trusting(String pemFile) throws Exception {
    KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
    trusted.load(null, null);
    try (InputStream pem = new FileInputStream(pemFile)) {
      int count = 0;
      for (Certificate each : CertificateFactory.getInstance("X.509").generateCertificates(pem))
        trusted.setCertificateEntry("ca" + count++, each);
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    return context;
  }

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
