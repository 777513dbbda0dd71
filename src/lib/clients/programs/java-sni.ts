/**
 * What programs for the Java driver have in common. SniEndPoint is internal to the driver
 * (apache/cassandra-java-driver
 * core/src/main/java/com/datastax/oss/driver/internal/core/metadata/SniEndPoint.java). Its SniSslEngineFactory looks up
 * the gateway's name by its address, which can take tens of seconds; this one does not. Pure.
 */
import { literal, type ProgramValues } from './driver-program.ts'

const CLASSES = [
  'com.datastax.oss.driver.api.core.metadata.EndPoint',
  'com.datastax.oss.driver.api.core.ssl.SslEngineFactory',
  'com.datastax.oss.driver.internal.core.metadata.SniEndPoint',
  'java.io.FileInputStream',
  'java.io.InputStream',
  'java.net.InetSocketAddress',
  'java.security.KeyStore',
  'java.security.cert.Certificate',
  'java.security.cert.CertificateFactory',
  'java.util.List',
  'javax.net.ssl.SNIHostName',
  'javax.net.ssl.SSLContext',
  'javax.net.ssl.SSLEngine',
  'javax.net.ssl.SSLParameters',
  'javax.net.ssl.TrustManagerFactory',
]

/** Returns the imports for these classes and for what is below. */
export function javaImports(classes: readonly string[]): string {
  return [...classes, ...CLASSES]
    .toSorted()
    .map((each) => `import ${each};\n`)
    .join('')
}

/** Returns the members of a class with the values. */
export const sniConstants = ({ host, port, caFile, localDatacenter, hostIds }: ProgramValues): string => `\
  static final String HOST = ${literal(host)};
  static final int PORT = ${port};
  static final String CA_FILE = ${literal(caFile)};
  static final String LOCAL_DATACENTER = ${literal(localDatacenter)};
  // the driver finds further nodes itself
  static final List<String> HOST_IDS = List.of(
${hostIds.map((id) => `      ${literal(id)}`).join(',\n')});
`

/** Members of a class: `SniFactory`, and `trusting`, which returns the context for it. */
export const SNI_FACTORY = `\
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
`
