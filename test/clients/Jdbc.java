import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.sql.Connection;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.TimeZone;
import java.util.UUID;

/** PostgreSQL's JDBC driver, which sends parameters with the types that Java's have. */
public class Jdbc {
    /** The test's server listens on a unix socket alone. */
    public static class UnixSockets extends javax.net.SocketFactory {
        @Override
        public Socket createSocket() throws IOException {
            return new UnixSocket(SocketChannel.open(StandardProtocolFamily.UNIX));
        }

        @Override
        public Socket createSocket(String host, int port) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Socket createSocket(String host, int port, java.net.InetAddress local, int localPort) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Socket createSocket(java.net.InetAddress host, int port) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Socket createSocket(java.net.InetAddress host, int port, java.net.InetAddress local, int localPort) {
            throw new UnsupportedOperationException();
        }
    }

    static class UnixSocket extends Socket {
        private final SocketChannel channel;

        UnixSocket(SocketChannel channel) {
            this.channel = channel;
        }

        @Override
        public void connect(SocketAddress ignored, int timeout) throws IOException {
            channel.connect(UnixDomainSocketAddress.of(System.getenv("PGHOST") + "/.s.PGSQL." + System.getenv("PGPORT")));
        }

        @Override
        public InputStream getInputStream() {
            return Channels.newInputStream(channel);
        }

        @Override
        public OutputStream getOutputStream() {
            return Channels.newOutputStream(channel);
        }

        @Override
        public boolean isConnected() {
            return channel.isConnected();
        }

        @Override
        public boolean isClosed() {
            return !channel.isOpen();
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }

        @Override
        public void setTcpNoDelay(boolean on) {
        }

        @Override
        public void setKeepAlive(boolean on) {
        }

        @Override
        public void setSoTimeout(int timeout) {
        }

        @Override
        public int getSoTimeout() {
            return 0;
        }

        @Override
        public int getSendBufferSize() {
            return 8192;
        }
    }

    static final String SERIES = "SELECT count FROM kindly_stats.stats_series(?, ?, ?)";
    static final UUID BOT = UUID.fromString("3f2504e0-4f89-41d3-9a0c-0305e82c3301");

    static Connection connection;
    static int number;

    static void is(Object got, Object expected, String name) {
        boolean same = expected.equals(got);

        System.out.println((same ? "ok " : "not ok ") + ++number + " - " + name);
        if (!same)
            System.out.println("#      got: " + got + "\n# expected: " + expected);
    }

    static Connection connect(String... options) throws SQLException {
        Properties properties = new Properties();

        properties.setProperty("user", System.getenv("PGUSER"));
        properties.setProperty("socketFactory", UnixSockets.class.getName());
        properties.setProperty("sslmode", "disable");
        // behind PgBouncer a prepared statement may be another client's
        if (System.getenv("KINDLY_POOLED") != null)
            properties.setProperty("prepareThreshold", "0");
        for (int i = 0; i < options.length; i += 2)
            properties.setProperty(options[i], options[i + 1]);
        return DriverManager.getConnection("jdbc:postgresql://localhost/" + System.getenv("PGDATABASE"), properties);
    }

    /** The first column, asked for so often that the driver prepares the statement and goes over to binary. */
    static List<Object> column(String query, Object... parameters) throws SQLException {
        List<Object> result = new ArrayList<>();

        try (PreparedStatement statement = connection.prepareStatement(query)) {
            for (int i = 0; i < parameters.length; i++)
                statement.setObject(i + 1, parameters[i]);
            for (int i = 0; i < 4; i++) {
                result.clear();
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next())
                        result.add(rows.getObject(1));
                }
            }
        }
        return result;
    }

    /** The only row, all columns. */
    static String row(String query, Object... parameters) throws SQLException {
        List<String> result = new ArrayList<>();

        try (PreparedStatement statement = connection.prepareStatement(query)) {
            for (int i = 0; i < parameters.length; i++)
                statement.setObject(i + 1, parameters[i]);
            for (int i = 0; i < 4; i++) {
                result.clear();
                try (ResultSet rows = statement.executeQuery()) {
                    rows.next();
                    for (int k = 1; k <= rows.getMetaData().getColumnCount(); k++)
                        result.add(String.valueOf(rows.getObject(k)).replace("\"", ""));
                }
            }
        }
        return String.join(" ", result);
    }

    static String counts(Object... parameters) {
        try {
            return column(SERIES, parameters).toString();
        } catch (SQLException e) {
            return e.getSQLState() + " " + e.getMessage();
        }
    }

    static void ask(String how) throws SQLException {
        String all = "[23, 24, 24]";
        LocalDate from = LocalDate.of(2024, 10, 26);
        LocalDate to = LocalDate.of(2024, 10, 29);

        for (Object bot : new Object[] {42, 42L, (short) 42, "42", new BigDecimal(42)})
            is(counts(bot, from, to), all, "a bot as " + bot.getClass().getSimpleName() + ", LocalDate" + how);
        for (Object bot : new Object[] {BOT, BOT.toString()})
            is(counts(bot, "2024-10-26", "2024-10-29"), "[10, 0, 0]", "a bot as UUID in " + bot.getClass().getSimpleName() + ", String" + how);
        is(counts(42, from.atStartOfDay(), to.atStartOfDay()), all, "LocalDateTime" + how);
        is(counts(42, from.atStartOfDay().atOffset(ZoneOffset.UTC), to.atStartOfDay().atOffset(ZoneOffset.UTC)), all, "OffsetDateTime" + how);
        is(counts(42, Timestamp.from(Instant.parse("2024-10-26T00:00:00Z")), Timestamp.from(Instant.parse("2024-10-29T00:00:00Z"))), all, "Timestamp" + how);
        is(counts(42, Date.valueOf("2024-10-26"), Date.valueOf("2024-10-29")), all, "java.sql.Date" + how);
        is(counts(42, 1729900800000L, 1730160000000L), all, "milliseconds" + how);
        is(column("SELECT sum(count)::bigint FROM kindly_stats.stats_series(?, ?, ?, sources => ?)", 42, from, to, connection.createArrayOf("text", new String[] {"web"})).toString(),
            "[35]", "an array" + how);
        is(column("SELECT bucket FROM kindly_stats.stats_series(?, ?, ?)", 42, from, to).get(0), Timestamp.from(Instant.parse("2024-10-26T00:00:00Z")), "instants are Timestamps" + how);
        is(column("SELECT sage.fallbacks_total(?, ?, ?)", 42, from, to).get(0).toString(), "{\"data\":{\"count\":1,\"rate\":0.25}}", "JSON is text" + how);
        is(column("SELECT sources FROM kindly_stats.stats_options(?)", 42).get(0).toString().replace("\"", ""), "{app,web}", "arrays are arrays" + how);
        is(row("SELECT * FROM kindly_stats.stats_total(?, ?, ?)", 42, from, to), "71 24", "stats_total" + how);
        is(row("SELECT * FROM kindly_stats.stats_top(?, ?, ?, \"limit\" => ?)", 42, from, to, 1), "{b1,link,NULL} 3 0 1.0", "stats_top" + how);
        is(row("SELECT max(count), count(*) FROM kindly_stats.stats_heatmap(?, ?, ?)", 42, from, to), "1 168", "stats_heatmap" + how);
        is(row("SELECT * FROM kindly_stats.fallback_rate(?, ?, ?)", 42, from, to), "1 0.25", "fallback_rate" + how);
        is(row("SELECT * FROM kindly_stats.top_buttons(?, ?, ?, \"limit\" => ?)", 42, from, to, 5), "b1 link null 3 1.0", "top_buttons" + how);
        is(counts(42, 1729900800, 1730160000).startsWith("22008 "), true, "seconds are refused" + how);
    }

    public static void main(String[] arguments) throws SQLException {
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        connection = connect("prepareThreshold", System.getenv("KINDLY_POOLED") == null ? "1" : "0");
        ask(", prepared");
        is(counts(42, Instant.parse("2024-10-26T00:00:00Z"), Instant.parse("2024-10-29T00:00:00Z")).startsWith("07006 Can't infer"), true, "an Instant is an error of the driver");
        connection.close();
        connection = connect("preferQueryMode", "simple");
        ask(", in the statement");
        connection.close();
        connection = connect("stringtype", "unspecified");
        is(counts("42", "2024-10-26", "2024-10-29"), "[23, 24, 24]", "strings without a type");
        is(column("SELECT sum(count)::bigint FROM kindly_stats.stats_series(?, ?, ?, sources => ?)", "42", "2024-10-26", "2024-10-29", "{web}").toString(), "[35]", "the text of an array");
        connection.close();

        // the driver makes Java's zone the session's
        TimeZone.setDefault(TimeZone.getTimeZone("Asia/Tokyo"));
        connection = connect();
        is(counts(42, LocalDate.of(2024, 10, 26), LocalDate.of(2024, 10, 29)), "[14, 24, 24]", "the zone of Java is the session's");
        is(counts(42, LocalDateTime.of(2024, 10, 26, 0, 0), LocalDateTime.of(2024, 10, 29, 0, 0)), "[14, 24, 24]", "and what a LocalDateTime is read by");
        connection.close();
        System.out.println("1.." + number);
    }
}
