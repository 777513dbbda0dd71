/**
 * A configuration class for Spring Boot (spring-projects/spring-boot
 * module/spring-boot-cassandra/src/main/java/org/springframework/boot/cassandra/autoconfigure). Spring adds 127.0.0.1
 * to the contact points of the builder unless the list is set. Pure.
 */
import { commentLines, type DriverProgram } from './driver-program.ts'
import { javaImports, SNI_FACTORY, sniConstants } from './java-sni.ts'

const CLASSES = [
  'com.datastax.oss.driver.api.core.config.DefaultDriverOption',
  'java.time.Duration',
  'org.springframework.boot.cassandra.autoconfigure.CqlSessionBuilderCustomizer',
  'org.springframework.boot.cassandra.autoconfigure.DriverConfigLoaderBuilderCustomizer',
  'org.springframework.context.annotation.Bean',
  'org.springframework.context.annotation.Configuration',
]

export const spring: DriverProgram = {
  file: 'CassandraSni.java',
  library: 'org.springframework.boot:spring-boot-starter-data-cassandra:4.1.2',
  run: [],
  login:
    'spring.cassandra.username and spring.cassandra.password (SPRING_CASSANDRA_USERNAME, SPRING_CASSANDRA_PASSWORD)',
  notes: () => [
    'Move it to a package that is scanned for components. The other spring.cassandra properties apply, except for',
    'contact-points, port, local-datacenter and ssl.',
    'Spring Boot 3: import from org.springframework.boot.autoconfigure.cassandra instead.',
  ],
  text: (values) => `${commentLines('//', values.comment)}\
${javaImports(CLASSES)}
@Configuration(proxyBeanMethods = false)
public class CassandraSni {
${sniConstants(values)}
  @Bean
  CqlSessionBuilderCustomizer sniConnections() throws Exception {
    SslEngineFactory factory = new SniFactory(trusting(CA_FILE));
    return builder -> {
      InetSocketAddress gateway = InetSocketAddress.createUnresolved(HOST, PORT);
      builder.withCloudProxyAddress(gateway)
          .withSslEngineFactory(factory)
          .withLocalDatacenter(LOCAL_DATACENTER);
      for (String hostId : HOST_IDS) builder.addContactEndPoint(new SniEndPoint(gateway, hostId));
    };
  }

  @Bean
  DriverConfigLoaderBuilderCustomizer sniSettings() {
    return settings -> settings
        .withStringList(DefaultDriverOption.CONTACT_POINTS, List.of()) // those above only
        .withDuration(DefaultDriverOption.RECONNECTION_BASE_DELAY, Duration.ofMillis(200))
        .withDuration(DefaultDriverOption.RECONNECTION_MAX_DELAY, Duration.ofSeconds(5));
  }

${SNI_FACTORY}}
`,
}
