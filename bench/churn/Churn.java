import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.CqlSessionBuilder;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import com.datastax.oss.driver.api.core.cql.ResultSet;
import com.datastax.oss.driver.api.core.metadata.EndPoint;
import com.datastax.oss.driver.api.core.ssl.SslEngineFactory;
import com.datastax.oss.driver.internal.core.metadata.SniEndPoint;
import java.io.FileInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.List;
import javax.net.ssl.*;

/** The same as churn.py with the Java driver. */
public class Churn {
  static volatile boolean ended;

  record SniFactory(SSLContext context) implements SslEngineFactory {
    public SSLEngine newSslEngine(EndPoint node) {
      String hostId = ((SniEndPoint) node).getServerName();
      SSLEngine engine = context.createSSLEngine(hostId, 9042);
      engine.setUseClientMode(true);
      SSLParameters parameters = engine.getSSLParameters();
      parameters.setServerNames(List.of(new SNIHostName(hostId)));
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      engine.setSSLParameters(parameters);
      return engine;
    }

    public void close() {}
  }

  public static void main(String[] args) throws Exception {
    Thread input = new Thread(() -> {
      try {
        System.in.readAllBytes();
      } catch (IOException error) {
        System.err.println(error);
      }
      ended = true;
    });
    input.setDaemon(true);
    input.start();
    KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
    trusted.load(null, null);
    try (FileInputStream pem = new FileInputStream(args[2])) {
      trusted.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(pem));
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    InetSocketAddress gateway = InetSocketAddress.createUnresolved(args[0], Integer.parseInt(args[1]));
    long ms = Long.parseLong(args[3]);
    CqlSessionBuilder builder = CqlSession.builder()
        .withCloudProxyAddress(gateway)
        .withSslEngineFactory(new SniFactory(context))
        .withAuthCredentials(System.getenv("CQL_USER"), System.getenv("CQL_PASSWORD"))
        .withLocalDatacenter("dc1")
        .withConfigLoader(DriverConfigLoader.programmaticBuilder()
            .withDuration(DefaultDriverOption.REQUEST_TIMEOUT, Duration.ofSeconds(5))
            .withDuration(DefaultDriverOption.RECONNECTION_BASE_DELAY, Duration.ofMillis(ms))
            .withDuration(DefaultDriverOption.RECONNECTION_MAX_DELAY, Duration.ofSeconds(ms < 1000 ? 5 : 60))
            .build());
    for (int i = 4; i < args.length; i++) builder.addContactEndPoint(new SniEndPoint(gateway, args[i]));
    try (CqlSession session = builder.build()) {
      while (!ended) {
        double at = System.currentTimeMillis() / 1000.0;
        String rest;
        try {
          ResultSet result = session.execute("SELECT host_id FROM system.local");
          at = System.currentTimeMillis() / 1000.0;
          rest = "\"requested\":\"" + result.getExecutionInfo().getCoordinator().getHostId()
              + "\",\"answered\":\"" + result.one().getUuid(0) + "\"";
        } catch (RuntimeException error) { // counted
          rest = "\"error\":\"" + error.toString().replaceAll("[^ -~]|[\"\\\\]", " ") + "\"";
        }
        System.out.printf(java.util.Locale.ROOT, "{\"at\":%.3f,%s}%n", at, rest);
        Thread.sleep(25);
      }
    }
  }
}
