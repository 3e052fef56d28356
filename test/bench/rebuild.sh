# shellcheck shell=sh
# rebuild.sh: how quickly the statistics are counted anew from the events.

rebuilds=3

# Prints how many processes work on it at most, looking ten times a second.
most_processes()
{
	on reference -At <<-SQL
		DO \$\$
		DECLARE
			most integer := 1;
			there integer;
		BEGIN
			LOOP
				SELECT count(*) INTO there FROM pg_stat_activity
				WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker';
				EXIT WHEN EXISTS (SELECT FROM bench.rebuilt WHERE n = $1);
				most := greatest(most, there);
				PERFORM pg_stat_clear_snapshot(), pg_sleep(0.1);
			END LOOP;
			UPDATE bench.rebuilt SET processes = most WHERE n = $1;
		END \$\$;
	SQL
}

rebuild_once()
{
	most_processes "$1" &
	watcher=$!
	on reference -v n="$1" <<-'SQL'
		SELECT clock_timestamp() AS began \gset
		SELECT kindly_stats.rebuild() \g /dev/null
		INSERT INTO bench.rebuilt (n, seconds) VALUES (:n, extract(epoch FROM clock_timestamp() - :'began'::timestamptz));
	SQL
	wait "$watcher"
	on reference -c "VACUUM ANALYZE kindly_stats.rollup"
}

reference
on reference -c "DROP TABLE IF EXISTS bench.rebuilt" -c "CREATE TABLE bench.rebuilt (n integer, seconds float8, processes integer)"
turn=1
while [ "$turn" -le "$rebuilds" ]; do
	rebuild_once "$turn"
	turn=$((turn + 1))
done
differences=$(value reference "SELECT count(*) FROM kindly_stats.verify()")
[ "$differences" -eq 0 ] || die "verify() finds $differences differences after rebuild()"

section "Rebuild" <<MD
\`kindly_stats.rebuild()\` counts all events anew, for every measure; median of $rebuilds runs. \`verify()\` finds no difference afterwards.
MD
report reference <<'SQL'
SELECT '| Events | seconds | min–max | processes | events a second and process | bound |';
SELECT '| ---: | ---: | --- | ---: | ---: | ---: |';
SELECT format('| %s | %s | %s–%s | %s | %s | 1,000,000 |', to_char(events, 'FM999,999,999'), bench.digits(seconds), bench.digits(least), bench.digits(most), processes,
	bench.cell(events / seconds / processes, events / seconds / processes >= 1e6))
FROM (SELECT count(*) AS events FROM chat_event) AS e,
	 (SELECT bench.median(array_agg(r.seconds)) AS seconds, min(r.seconds) AS least, max(r.seconds) AS most, max(processes) AS processes
		FROM bench.rebuilt AS r) AS r;
SQL
