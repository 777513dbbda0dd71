import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;

/** Reads through a URL with the file of `clients show --driver jdbc`, as often as there are nodes. */
public class Jdbc {
  public static void main(String[] args) throws Exception {
    try (Connection connection = DriverManager.getConnection(args[0]);
        Statement statement = connection.createStatement()) {
      for (int turn = 0; turn < 9; turn++) {
        ResultSet row = statement.executeQuery("SELECT host_id, release_version FROM system.local");
        row.next();
        System.out.println(row.getString(1) + " " + row.getString(2));
      }
    }
    System.exit(0);
  }
}
