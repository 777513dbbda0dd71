import com.datastax.oss.driver.api.core.CqlIdentifier;
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.DefaultConsistencyLevel;
import com.datastax.oss.driver.api.core.cql.BoundStatement;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.metadata.Node;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Reads and writes with a secure connect bundle, a round for each line on stdin: BundleDriver BUNDLE KEYSPACE. The first two
 * lines are user and password. KEYSPACE_one has one replica, KEYSPACE_all has one on each of three nodes.
 */
public class BundleDriver {
  static String quoted(String text) {
    return "\"" + text.replaceAll("[\"\\\\\\p{Cntrl}]", " ") + "\"";
  }

  public static void main(String[] args) throws Exception {
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    CqlIdentifier one = CqlIdentifier.fromCql(args[1] + "_one");
    try (CqlSession session = CqlSession.builder()
        .withCloudSecureConnectBundle(Path.of(args[0]))
        .withAuthCredentials(lines.readLine(), lines.readLine())
        .build()) {
      PreparedStatement read = session.prepare("SELECT v FROM " + args[1] + "_one.t WHERE k = ?");
      PreparedStatement write = session.prepare("INSERT INTO " + args[1] + "_all.t (k, v) VALUES (?, ?)");
      while (lines.readLine() != null) {
        Set<String> nodes = new TreeSet<>();
        List<String> errors = new ArrayList<>();
        int astray = 0;
        for (int key = 0; key < 60; key++) {
          try {
            session.execute(write.bind(key, "Java").setConsistencyLevel(DefaultConsistencyLevel.LOCAL_QUORUM));
            BoundStatement bound = read.bind(key);
            Node node = session.execute(bound).getExecutionInfo().getCoordinator();
            Set<Node> replicas = session.getMetadata().getTokenMap().get().getReplicas(one, bound.getRoutingKey());
            nodes.add(quoted(node.getHostId().toString()));
            if (!replicas.contains(node)) astray++;
          } catch (Exception error) {
            errors.add(quoted(error.toString()));
          }
        }
        System.out.println("{\"nodes\":" + nodes + ",\"astray\":" + astray + ",\"errors\":" + errors + "}");
      }
    }
  }
}
