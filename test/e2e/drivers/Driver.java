import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.CqlSessionBuilder;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.api.core.metadata.EndPoint;
import com.datastax.oss.driver.api.core.metadata.Node;
import com.datastax.oss.driver.api.core.ssl.SslEngineFactory;
import com.datastax.oss.driver.internal.core.metadata.SniEndPoint;
import java.io.FileInputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import javax.net.ssl.*;

/** Asks each node by its host id which node it is: Driver ADDRESS PORT TRUSTSTORE HOST_ID... (user, password on stdin). */
public class Driver {
  /** SNI and the verified name are the host id, and no other name is tried. */
  record Tls(SSLContext context) implements SslEngineFactory {
    public SSLEngine newSslEngine(EndPoint endPoint) {
      String hostId = ((SniEndPoint) endPoint).getServerName();
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
    String[] login = new String(System.in.readAllBytes(), StandardCharsets.UTF_8).split("\n");
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    try (FileInputStream file = new FileInputStream(args[2])) { trusted.load(file, "changeit".toCharArray()); }
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    InetSocketAddress gateway = InetSocketAddress.createUnresolved(args[0], Integer.parseInt(args[1]));
    CqlSessionBuilder builder = CqlSession.builder().withCloudProxyAddress(gateway).withSslEngineFactory(new Tls(context))
      .withAuthCredentials(login[0], login[1]).withLocalDatacenter("dc1");
    for (int i = 3; i < args.length; i++) builder.addContactEndPoint(new SniEndPoint(gateway, args[i]));
    List<String> answers = new ArrayList<>();
    try (CqlSession session = builder.build()) {
      for (Node node : session.getMetadata().getNodes().values()) {
        UUID answered = session.execute(SimpleStatement.newInstance("SELECT host_id FROM system.local").setNode(node)).one().getUuid(0);
        answers.add("{\"asked\":\"" + node.getHostId() + "\",\"answered\":\"" + answered + "\"}");
      }
    }
    System.out.println(answers);
  }
}
