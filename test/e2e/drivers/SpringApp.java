import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.api.core.metadata.Node;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Import;

/** A Spring Boot application with the class of `clients show --driver spring`. */
@EnableAutoConfiguration
@Import(CassandraSni.class)
public class SpringApp {
  public static void main(String[] args) {
    try (var context = SpringApplication.run(SpringApp.class, args)) {
      CqlSession session = context.getBean(CqlSession.class);
      for (Node node : session.getMetadata().getNodes().values()) {
        Row row = session.execute(
            SimpleStatement.newInstance("SELECT host_id, release_version FROM system.local").setNode(node)).one();
        System.out.println(row.getUuid(0) + " " + row.getString(1));
      }
    }
  }
}
