import com.datastax.oss.driver.api.core.AllNodesFailedException;
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.CqlSessionBuilder;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.api.core.metadata.EndPoint;
import com.datastax.oss.driver.api.core.metadata.Node;
import com.datastax.oss.driver.api.core.ssl.SslEngineFactory;
import com.datastax.oss.driver.internal.core.metadata.SniEndPoint;
import java.io.FileInputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import javax.net.ssl.*;

/**
 * Asks each node which node it is, once for each kind of name: Driver ADDRESS PORT TRUSTSTORE KIND/HOST_ID/NAME... (user and
 * password on stdin).
 */
public class Driver {
  /**
   * SNI is the host ID, and the certificate must be valid for the name of the node. Java accepts a certificate that is valid
   * for the SNI name, and then does not look at the name of the engine; therefore the trust manager does.
   */
  record Tls(X509ExtendedTrustManager trust, Map<String, String> names) implements SslEngineFactory {
    public SSLEngine newSslEngine(EndPoint endPoint) {
      String hostId = ((SniEndPoint) endPoint).getServerName();
      try {
        // one for each: Java resumes the session of a host and port, with the SNI name of that session
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] { new OneName(trust, names.get(hostId)) }, null);
        SSLEngine engine = context.createSSLEngine(names.get(hostId), 9042);
        engine.setUseClientMode(true);
        SSLParameters parameters = engine.getSSLParameters();
        parameters.setServerNames(List.of(new SNIHostName(hostId)));
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        engine.setSSLParameters(parameters);
        return engine;
      } catch (GeneralSecurityException error) {
        throw new IllegalStateException(error);
      }
    }
    public void close() {}
  }

  static class OneName extends X509ExtendedTrustManager {
    final X509ExtendedTrustManager trust;
    final String name;
    OneName(X509ExtendedTrustManager trust, String name) { this.trust = trust; this.name = name; }

    public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) throws CertificateException {
      trust.checkServerTrusted(chain, type, engine);
      for (List<?> each : chain[0].getSubjectAlternativeNames())
        if (each.get(0).equals(2) && name.equals(each.get(1))) return; // 2: dNSName
      throw new CertificateException("not valid for " + name);
    }
    public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) { throw new IllegalStateException(); }
    public void checkServerTrusted(X509Certificate[] chain, String type) { throw new IllegalStateException(); }
    public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) { throw new IllegalStateException(); }
    public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) { throw new IllegalStateException(); }
    public void checkClientTrusted(X509Certificate[] chain, String type) { throw new IllegalStateException(); }
    public X509Certificate[] getAcceptedIssuers() { return trust.getAcceptedIssuers(); }
  }

  public static void main(String[] args) throws Exception {
    String[] login = new String(System.in.readAllBytes(), StandardCharsets.UTF_8).split("\n");
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    try (FileInputStream file = new FileInputStream(args[2])) { trusted.load(file, "changeit".toCharArray()); }
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    InetSocketAddress gateway = InetSocketAddress.createUnresolved(args[0], Integer.parseInt(args[1]));
    Map<String, Map<String, String>> kinds = new LinkedHashMap<>();
    for (int i = 3; i < args.length; i++) {
      String[] parts = args[i].split("/");
      kinds.computeIfAbsent(parts[0], kind -> new LinkedHashMap<>()).put(parts[1], parts[2]);
    }
    List<String> answers = new ArrayList<>();
    for (String kind : kinds.keySet()) {
      CqlSessionBuilder builder = CqlSession.builder().withCloudProxyAddress(gateway)
        .withSslEngineFactory(new Tls((X509ExtendedTrustManager) trust.getTrustManagers()[0], kinds.get(kind)))
        .withAuthCredentials(login[0], login[1]).withLocalDatacenter("dc1");
      for (String hostId : kinds.get(kind).keySet()) builder.addContactEndPoint(new SniEndPoint(gateway, hostId));
      try (CqlSession session = builder.build()) {
        for (Node node : session.getMetadata().getNodes().values()) {
          UUID answered = session.execute(SimpleStatement.newInstance("SELECT host_id FROM system.local").setNode(node)).one().getUuid(0);
          answers.add("{\"kind\":\"" + kind + "\",\"asked\":\"" + node.getHostId() + "\",\"answered\":\"" + answered + "\"}");
        }
      } catch (AllNodesFailedException error) {
        String text = String.valueOf(error.getAllErrors()).replaceAll("[^ -~]|[\"\\\\]", " ");
        answers.add("{\"kind\":\"" + kind + "\",\"error\":\"" + text + "\"}");
      }
    }
    System.out.println(answers);
  }
}
