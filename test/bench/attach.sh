# shellcheck shell=sh
# attach.sh: how long writers wait while a table that is full is attached, a measure
# is added and statistics are rebuilt; eight write all the time.  And how much
# memory it takes to attach tables of few and of many bots.

writers=8
timings=$results/attach.tsv
latencies=$results/writers

now() { date +%s.%N; }

# Peak of the memory that the session of that name has for itself, in MB, to the file.
watch_memory()
{
	pid=
	while [ -z "$pid" ]; do
		pid=$(value attach "SELECT pid FROM pg_stat_activity WHERE application_name = 'operation'")
	done
	most=0
	while used=$(sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status" 2>/dev/null) && [ -n "$used" ]; do
		[ "$used" -le "$most" ] || most=$used
		sleep 0.1
	done
	echo "$most" >"$results/memory"
}

# attach_bots BOTS EVENTS: a line about a table of so many bots.
attach_bots()
{
	on attach -c "CREATE TABLE of_bots AS SELECT i % $1 AS bot_id, timestamptz '2025-01-01' + i * 30 * interval '1 second' AS occurred_at,
		'user_message' AS kind, 's' || i % 99991 AS session_id, 'web' AS source FROM generate_series(1, $2) AS i"
	rm -f "$results/memory"
	watch_memory &
	watcher=$!
	PGAPPNAME=operation on attach -c "SET maintenance_work_mem = '16MB'" -c "SELECT kindly_stats.attach('of_bots')" >/dev/null
	wait "$watcher"
	on attach -c "DROP TABLE of_bots" -c "TRUNCATE kindly_stats.rollup"
	echo "| $1 | $2 | $(awk '{ printf "%.0f", $1 / 1024 }' "$results/memory") |"
}

# operate NAME STATEMENT: runs it, and notes when, and how much memory it had.
operate()
{
	say "  $1"
	rm -f "$results/memory"
	watch_memory &
	watcher=$!
	began=$(now)
	PGAPPNAME=operation on attach -c "SET maintenance_work_mem = '64MB'" -c "$2" >/dev/null
	ended=$(now)
	wait "$watcher"
	printf '%s\t%s\t%s\t%s\n' "$1" "$began" "$ended" "$(cat "$results/memory")" >>"$timings"
	# one statement, so one snapshot, while they go on writing
	differences=$(value attach "SELECT count(*) FROM kindly_stats.verify()")
	[ "$differences" -eq 0 ] || die "verify() finds $differences differences after $1"
}

# processor_seconds STATEMENT: that it takes of a processor.
processor_seconds()
{
	on attach -At <<-SQL | awk -v ticks="$(getconf CLK_TCK)" 'NR == 1 { began = $1 } END { printf "%.2f", ($1 - began) / ticks }'
		SELECT pg_backend_pid() AS pid \\gset
		SET max_parallel_workers_per_gather = 0;
		\\setenv PID :pid
		\\! awk '{ print \$14 + \$15 }' /proc/\$PID/stat
		$1 \\g /dev/null
		\\! awk '{ print \$14 + \$15 }' /proc/\$PID/stat
	SQL
}

say_processor_time()
{
	rebuilding=$(processor_seconds "SELECT kindly_stats.rebuild()")
	reading=$(processor_seconds "SELECT $(value attach "SELECT string_agg(format('count(%I)', attname), ', ') FROM pg_attribute
		WHERE attrelid = 'chat_event'::regclass AND attnum > 0 AND NOT attisdropped") FROM chat_event")
	value attach "SELECT count(*) FROM chat_event" | awk -v rebuilding="$rebuilding" -v reading="$reading" '{
		printf "Without writers, `rebuild()` takes %s seconds of a processor, %.0f events a second; to read all columns takes %s of them.\n\n", rebuilding, $1 / rebuilding, reading }'
}

# idle SECONDS: nothing but writers, for comparison.
idle()
{
	began=$(now)
	sleep "$1"
	printf '%s\t%s\t%s\t0\n' "nothing" "$began" "$(now)" >>"$timings"
}

make_database attach
on attach -c "SELECT kindly_stats.detach('chat_event')" -c "INSERT INTO chat_event SELECT * FROM bench.event" -c "VACUUM ANALYZE" >/dev/null
events=$(value attach "SELECT count(*) FROM chat_event")
rm -rf "$latencies" "$timings"
mkdir -p "$latencies"
(cd "$latencies" && exec pgbench -n -c "$writers" -j 1 -T 36000 -l --log-prefix=writers -f "$bench/insert.pgbench" attach) >"$latencies/said" 2>&1 &
pgbench_pid=$!
sleep 2
idle 10
operate "attach_concurrently()" "CALL kindly_stats.attach_concurrently('chat_event')"
operate "add_measure_concurrently()" "CALL kindly_stats.add_measure_concurrently('by_country', keys => '{country,source}', member => 'session_id')"
operate "rebuild()" "SELECT kindly_stats.rebuild()"
on attach -c "SELECT kindly_stats.detach('chat_event')" >/dev/null
operate "attach()" "SELECT kindly_stats.attach('chat_event')"
kill "$pgbench_pid"
wait "$pgbench_pid" || true
grep -q ERROR "$latencies/said" && die "a writer failed: $(grep ERROR "$latencies/said" | head -n 1)"

section "Beside writers" <<MD
$writers clients insert single events without a pause into a table of $(echo "$events" | awk '{ printf "%.1f", $1 / 1e6 }') million, while it is attached, gets a measure more, and is rebuilt,
with 64 MB of \`maintenance_work_mem\`; longest wait of a writer's transaction, and what the session that counts has of memory for itself. \`verify()\`
finds no difference after each, in a snapshot amid the writers. Reading is not done in parallel: the counting is what takes its time, in one process.
MD
say_processor_time >>"$results/attach.md"
# client, number, microseconds, script, when it ended
cat "$latencies"/writers.* | awk -v timings="$timings" -v events="$events" '
	BEGIN {
		while ((getline line < timings) > 0) {
			n++
			split(line, t, "\t")
			name[n] = t[1]; began[n] = t[2]; ended[n] = t[3]; memory[n] = t[4]
		}
	}
	{
		at = $5 + $6 / 1e6
		for (i = 1; i <= n; i++)
			if (at >= began[i] && at - $3 / 1e6 <= ended[i]) {
				if ($3 > most[i]) most[i] = $3
				if (at <= ended[i]) count[i]++
			}
	}
	END {
		print "| Meanwhile | seconds | events a second | longest wait of a writer, ms | transactions a second | memory, MB |"
		print "| --- | ---: | ---: | ---: | ---: | ---: |"
		for (i = 1; i <= n; i++) {
			seconds = ended[i] - began[i]
			printf "| %s | %.1f | %s | %.0f | %.0f | %s |\n", name[i] == "nothing" ? name[i] : "`" name[i] "`", seconds,
				name[i] == "nothing" ? "" : sprintf("%.0f", events / seconds), most[i] / 1000, count[i] / seconds, memory[i] == 0 ? "" : sprintf("%.0f", memory[i] / 1024)
		}
	}' >>"$results/attach.md"
on attach -c "SELECT kindly_stats.detach('chat_event')" -c "TRUNCATE kindly_stats.rollup" >/dev/null
{
	printf '\n%s\n\n' "Tables of as many events, in the months of a year, attached with 16 MB of \`maintenance_work_mem\`: a few times that is the most, however many events there are, for what does not fit goes to a sort on disk."
	echo '| Bots | events | memory, MB |'
	echo '| ---: | ---: | ---: |'
	for bots in 20 1000 20000; do
		attach_bots "$bots" $((sessions * 5 / 2))
	done
} >>"$results/attach.md"
drop_database attach
