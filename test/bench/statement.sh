# shellcheck shell=sh
# statement.sh: what one statement with ten times the events takes, when it is
# counted and when it is not.

# one_copy TABLE: prints the seconds and the server process's own memory at its
# peak in kB.  Of its peak the shared buffers are taken off that it touched:
# counting begins when all rows are there, and then no more of them are to come.
one_copy()
{
	on tenfold -c "COPY (SELECT * FROM bench.event) TO STDOUT (FORMAT binary)" |
		on tenfold -At -c CHECKPOINT -c "CREATE TEMP TABLE began AS SELECT clock_timestamp() AS at" \
			-c "COPY $1 ($columns) FROM STDIN (FORMAT binary)" \
			-c "SELECT extract(epoch FROM clock_timestamp() - at), kb('VmHWM') - kb('RssShmem') FROM began"
}

make_database tenfold $((sessions * 10))
on tenfold <<'SQL'
CREATE TABLE plain (LIKE chat_event INCLUDING ALL);
CREATE FUNCTION kb(field text) RETURNS bigint LANGUAGE sql VOLATILE AS
	$$ SELECT substring(pg_read_file('/proc/self/status') FROM field || ':\s+(\d+) kB')::bigint $$;
SQL
columns=$(event_columns tenfold)
one_copy plain >"$results/statement.tsv"
on tenfold -c "DROP TABLE plain" -c "CHECKPOINT"
one_copy chat_event >>"$results/statement.tsv"

section "One statement of any size" <<MD
One COPY of ten times the events, at the \`work_mem\` above: the server process's own memory at its peak, and the time.
PostgreSQL keeps the rows of a statement for its triggers, on disk beyond \`work_mem\`.
MD
report tenfold <<SQL
CREATE TEMP TABLE copy (n integer GENERATED ALWAYS AS IDENTITY, seconds float8, kb bigint);
\\copy copy (seconds, kb) FROM '$results/statement.tsv' (DELIMITER '|')
SELECT '| ' || to_char(count(*), 'FM999,999,999') || ' events | seconds | memory, MB |' FROM chat_event;
SELECT '| --- | ---: | ---: |';
SELECT format('| %s | %s | %s |', CASE n WHEN 1 THEN 'not counted' ELSE 'counted' END, bench.digits(seconds), bench.digits(kb / 1024.0))
FROM copy ORDER BY n;
SQL
