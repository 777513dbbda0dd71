import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.Row;

/** Reads with the application.conf of the class path only, which the driver and Quarkus load, as often as there are nodes. */
public class ApplicationConf {
  public static void main(String[] args) {
    try (CqlSession session = CqlSession.builder().build()) {
      for (int turn = 0; turn < 9; turn++) {
        Row row = session.execute("SELECT host_id, release_version FROM system.local").one();
        System.out.println(row.getUuid(0) + " " + row.getString(1));
      }
    }
  }
}
