import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TimeZone;

/** Metabase: JDBC, what its sync asks of the catalog, its samples, and questions, read only and some rows at a time. */
public class Metabase {
    static final String TYPED = "SELECT %s FROM kindly_stats.stats_series('41', '2024-10-01', '2024-12-01', 'Europe/Oslo', '%s', '%s')";
    static final String OCTOBER_NOVEMBER = "(\"bi\".\"daily\".\"date\" >= DATE '2024-10-01') AND (\"bi\".\"daily\".\"date\" < DATE '2024-12-01')";

    static Connection connection;
    static int number;

    static void is(Object got, Object expected, String name) {
        boolean same = expected.equals(got);

        System.out.println((same ? "ok " : "not ok ") + ++number + " - " + name);
        if (!same)
            System.out.println("#      got: " + got + "\n# expected: " + expected);
    }

    /** All rows, columns with blanks between them, fetched 20 at a time through one portal. */
    static List<String> rows(String query, Object... parameters) throws SQLException {
        List<String> result = new ArrayList<>();

        try (PreparedStatement statement = connection.prepareStatement(query, ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_READ_ONLY, ResultSet.CLOSE_CURSORS_AT_COMMIT)) {
            statement.setFetchSize(20);
            for (int i = 0; i < parameters.length; i++)
                statement.setObject(i + 1, parameters[i]);
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    List<String> row = new ArrayList<>();

                    for (int k = 1; k <= rows.getMetaData().getColumnCount(); k++)
                        row.add(String.valueOf(rows.getObject(k)));
                    result.add(String.join(" ", row));
                }
            }
        }
        return result;
    }

    static List<String> typed(String columns, String granularity, String measure) throws SQLException {
        return rows(String.format(TYPED, columns, granularity, measure));
    }

    static void readsNoMore(String query, String name, Object... parameters) throws SQLException {
        String plan = String.join("\n", rows("EXPLAIN (COSTS OFF) " + query, parameters));

        is(plan.contains("Range: ") && !plan.contains("Range: first to last event") && plan.contains("Bots: bot") ? "" : plan, "", name + ": reads no more");
    }

    static void sync() throws SQLException {
        DatabaseMetaData about = connection.getMetaData();
        List<String> names = new ArrayList<>();

        try (ResultSet schemas = about.getSchemas()) {
            while (schemas.next())
                names.add(schemas.getString("TABLE_SCHEM"));
        }
        is(names.contains("bi"), true, "schemas");
        // what may be read, of tables and views alone
        is(rows("with table_privileges as (select NULL as role, t.schemaname as schema, t.objectname as table,"
            + " pg_catalog.has_any_column_privilege(current_user, '\"' || replace(t.schemaname, '\"', '\"\"') || '\"' || '.' || '\"' || replace(t.objectname, '\"', '\"\"') || '\"', 'select') as select,"
            + " pg_catalog.has_any_column_privilege(current_user, '\"' || replace(t.schemaname, '\"', '\"\"') || '\"' || '.' || '\"' || replace(t.objectname, '\"', '\"\"') || '\"', 'insert') as insert"
            + " from (select schemaname, tablename as objectname from pg_catalog.pg_tables union select schemaname, viewname as objectname from pg_catalog.pg_views"
            + " union select schemaname, matviewname as objectname from pg_catalog.pg_matviews) t"
            + " where t.schemaname !~ '^pg_' and t.schemaname <> 'information_schema' and pg_catalog.has_schema_privilege(current_user, t.schemaname, 'usage'))"
            + " select count(*) from table_privileges t where t.schema = 'bi' and t.select and not t.insert").toString(), "[16]", "relations that may be read");
        is(rows("SELECT \"n\".\"nspname\" AS \"schema\", \"c\".\"relname\" AS \"name\", CASE \"c\".\"relkind\" WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'PARTITIONED TABLE' WHEN 'v' THEN 'VIEW' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE NULL END AS \"type\","
            + " \"d\".\"description\" IS NOT NULL, NULLIF(\"stat\".\"n_live_tup\", ?) AS \"estimated_row_count\" FROM \"pg_catalog\".\"pg_class\" AS \"c\" INNER JOIN \"pg_catalog\".\"pg_namespace\" AS \"n\" ON \"c\".\"relnamespace\" = \"n\".\"oid\""
            + " LEFT JOIN \"pg_catalog\".\"pg_description\" AS \"d\" ON (\"c\".\"oid\" = \"d\".\"objoid\") AND (\"d\".\"objsubid\" = ?) AND (\"d\".\"classoid\" = 'pg_class'::regclass)"
            + " LEFT JOIN \"pg_stat_user_tables\" AS \"stat\" ON (\"n\".\"nspname\" = \"stat\".\"schemaname\") AND (\"c\".\"relname\" = \"stat\".\"relname\")"
            + " WHERE (\"n\".\"nspname\" !~ ?) AND (\"n\".\"nspname\" <> ?) AND c.relkind in ('r', 'p', 'v', 'f', 'm') AND (\"n\".\"nspname\" IN (?)) ORDER BY \"type\" ASC, \"schema\" ASC, \"name\" ASC",
            0, 0, "^pg_", "information_schema", "bi").get(2), "bi daily VIEW true null", "relations, with descriptions");
        is(rows("SELECT \"c\".\"column_name\" AS \"name\", CASE WHEN \"c\".\"udt_schema\" IN ('public', 'pg_catalog') THEN FORMAT('%s', \"c\".\"udt_name\") ELSE FORMAT('\"%s\".\"%s\"', \"c\".\"udt_schema\", \"c\".\"udt_name\") END AS \"database-type\","
            + " \"c\".\"ordinal_position\" - 1 AS \"database-position\", COL_DESCRIPTION(CAST(CAST(FORMAT('%I.%I', CAST(\"c\".\"table_schema\" AS TEXT), CAST(\"c\".\"table_name\" AS TEXT)) AS REGCLASS) AS OID), \"c\".\"ordinal_position\") AS \"field-comment\""
            + " FROM \"information_schema\".\"columns\" AS \"c\" WHERE c.table_schema !~ '^information_schema|catalog_history|pg_' AND (\"c\".\"table_schema\" IN (?)) AND \"c\".\"table_name\" = 'daily' ORDER BY \"database-position\" ASC", "bi").get(3),
            "messages int8 3 messages of users", "columns, with descriptions");
        is(rows("SELECT count(*) FROM \"pg_constraint\" AS \"c\" INNER JOIN \"pg_namespace\" AS \"fk_ns\" ON \"c\".\"connamespace\" = \"fk_ns\".\"oid\" WHERE (\"c\".\"contype\" = 'f'::char) AND (\"fk_ns\".\"nspname\" IN (?))", "bi").toString(), "[0]", "no keys");
        names.clear();
        try (ResultSet columns = about.getColumns(null, "bi", "daily", null)) {
            while (columns.next())
                names.add(columns.getString("COLUMN_NAME") + " " + columns.getString("TYPE_NAME"));
        }
        is(names.subList(0, 4).toString(), "[date date, bot_id text, bot_name text, messages int8]", "columns, by the driver");
        try (ResultSet keys = about.getPrimaryKeys(null, "bi", "daily")) {
            is(keys.next(), false, "no primary key");
        }
        // samples for fingerprints, and values for filters
        is(rows("-- Metabase\nSELECT \"bi\".\"daily\".\"date\" AS \"date\", SUBSTRING(\"bi\".\"daily\".\"bot_id\", 1, 1234) AS \"substring1\", SUBSTRING(\"bi\".\"daily\".\"bot_name\", 1, 1234) AS \"substring2\","
            + " \"bi\".\"daily\".\"messages\" AS \"messages\", \"bi\".\"daily\".\"fallback_rate\" AS \"fallback_rate\", \"bi\".\"daily\".\"starts_at\" AS \"starts_at\" FROM \"bi\".\"daily\" LIMIT 10000").size() > 100, true, "a sample");
        is(rows("SELECT \"bi\".\"monthly\".\"bot_name\" AS \"bot_name\" FROM \"bi\".\"monthly\" GROUP BY \"bi\".\"monthly\".\"bot_name\" ORDER BY \"bi\".\"monthly\".\"bot_name\" ASC LIMIT 1000").toString(), "[Shop, Support]", "values of a filter");
    }

    static void questions() throws SQLException {
        for (String grain : new String[] {"week", "month", "quarter", "year"}) {
            String bucket = "CAST(DATE_TRUNC('" + grain + "', \"bi\".\"daily\".\"date\") AS date)";
            String query = "-- Metabase:: userID: 1 queryType: MBQL queryHash: 0\nSELECT " + bucket + " AS \"date\", SUM(\"bi\".\"daily\".\"messages\") AS \"sum\" FROM \"bi\".\"daily\" WHERE " + OCTOBER_NOVEMBER
                + " AND (\"bi\".\"daily\".\"bot_id\" = '41') GROUP BY " + bucket + " ORDER BY " + bucket + " ASC";

            is(rows(query), typed("date::date, count", grain, "messages"), "a question by " + grain);
            readsNoMore(query, "a question by " + grain);
        }
        // weeks from Sunday
        is(rows("SELECT CAST((CAST(DATE_TRUNC('week', (CAST(\"bi\".\"daily\".\"date\" AS timestamp) + INTERVAL '1 day')) AS timestamp) + INTERVAL '-1 day') AS date) AS \"date\", SUM(\"bi\".\"daily\".\"messages\") AS \"sum\" FROM \"bi\".\"daily\" WHERE "
            + OCTOBER_NOVEMBER + " AND (\"bi\".\"daily\".\"bot_id\" = '41') GROUP BY 1 ORDER BY 1").get(1),
            rows("SELECT '2024-10-06', count FROM kindly_stats.stats_total('41', '2024-10-06', '2024-10-13', 'Europe/Oslo')").get(0), "weeks from Sunday");
        // an instant, in the report's time zone
        String instants = "SELECT DATE_TRUNC('month', \"bi\".\"daily\".\"starts_at\") AS \"starts_at\", SUM(\"bi\".\"daily\".\"messages\") AS \"sum\" FROM \"bi\".\"daily\" WHERE (\"bi\".\"daily\".\"starts_at\" >= timestamp with time zone '2024-10-01 00:00:00.000+02:00')"
            + " AND (\"bi\".\"daily\".\"starts_at\" < timestamp with time zone '2024-12-01 00:00:00.000+01:00') AND (\"bi\".\"daily\".\"bot_id\" = '41') GROUP BY 1 ORDER BY 1";
        is(rows(instants), typed("bucket, count", "month", "messages"), "months of instants");
        readsNoMore(instants, "months of instants");
        // hours, whose column is a timestamp
        String hours = "SELECT DATE_TRUNC('hour', \"bi\".\"hourly\".\"hour\") AS \"hour\", SUM(\"bi\".\"hourly\".\"messages\") AS \"sum\" FROM \"bi\".\"hourly\" WHERE (\"bi\".\"hourly\".\"hour\" >= timestamp '2024-10-05 00:00:00.000') AND (\"bi\".\"hourly\".\"hour\" < timestamp '2024-10-07 00:00:00.000')"
            + " AND (\"bi\".\"hourly\".\"bot_id\" = '41') GROUP BY DATE_TRUNC('hour', \"bi\".\"hourly\".\"hour\") ORDER BY DATE_TRUNC('hour', \"bi\".\"hourly\".\"hour\") ASC";
        is(rows(hours), rows("SELECT date, count FROM kindly_stats.stats_series('41', '2024-10-05', '2024-10-07', 'Europe/Oslo', 'hour')"), "hours");
        readsNoMore(hours, "hours");
        // a model or saved question in a question, with the limit for what is shown
        String nested = "SELECT \"source\".\"bot_name\" AS \"bot_name\", SUM(\"source\".\"messages\") AS \"sum\" FROM (SELECT \"bi\".\"daily\".\"date\" AS \"date\", \"bi\".\"daily\".\"bot_id\" AS \"bot_id\", \"bi\".\"daily\".\"bot_name\" AS \"bot_name\","
            + " \"bi\".\"daily\".\"messages\" AS \"messages\", \"bi\".\"daily\".\"users\" AS \"users\" FROM \"bi\".\"daily\") AS \"source\" WHERE (\"source\".\"date\" BETWEEN DATE '2024-10-01' AND DATE '2024-11-30') AND (\"source\".\"bot_name\" = 'Shop') GROUP BY \"source\".\"bot_name\" ORDER BY \"source\".\"bot_name\" ASC LIMIT 2000";
        is(rows(nested).toString(), "[Shop " + rows("SELECT sum(c) FROM (" + String.format(TYPED, "count AS c", "month", "messages") + ") AS t").get(0) + "]", "a nested question");
        readsNoMore(nested, "a nested question");
        // a SQL question with variables
        String variables = "SELECT date, messages FROM bi.daily WHERE bot_id = ? AND date >= ? AND date < ? ORDER BY date";
        Object[] values = {"41", java.sql.Date.valueOf("2024-10-01"), java.sql.Date.valueOf("2024-12-01")};
        is(rows(variables, values), typed("date::date, count", "day", "messages"), "variables, 20 rows at a time");
        readsNoMore(variables, "variables", values);
        is(rows("SELECT \"bi\".\"monthly\".\"date\" AS \"date\", \"bi\".\"monthly\".\"users\" AS \"users\" FROM \"bi\".\"monthly\" WHERE (\"bi\".\"monthly\".\"bot_id\" = '41') AND (\"bi\".\"monthly\".\"date\" >= DATE '2024-10-01') AND (\"bi\".\"monthly\".\"date\" < DATE '2024-12-01') ORDER BY 1 LIMIT 2000"),
            typed("date::date, distinct_count", "month", "users"), "users by month");
        is(rows("SELECT \"bi\".\"hourly\".\"hour\" AS \"hour\" FROM \"bi\".\"hourly\" WHERE (\"bi\".\"hourly\".\"date\" >= CAST((NOW() + INTERVAL '-30 day') AS date)) AND (\"bi\".\"hourly\".\"date\" < CAST(NOW() AS date)) LIMIT 2000").toString(), "[]", "the last 30 days");
    }

    public static void main(String[] arguments) throws SQLException {
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        connection = Jdbc.connect("ApplicationName", "Metabase v0.50", "prepareThreshold", "0");
        connection.setReadOnly(true);
        connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        connection.setAutoCommit(false);
        sync();
        connection.commit();
        try (PreparedStatement zone = connection.prepareStatement("SET SESSION TIMEZONE TO 'Europe/Oslo'")) {
            zone.execute();
        }
        try (PreparedStatement limit = connection.prepareStatement("SET statement_timeout TO 20000")) {
            limit.execute();
        }
        connection.commit();
        questions();
        connection.rollback();
        connection.close();
        System.out.println("1.." + number);
    }
}
