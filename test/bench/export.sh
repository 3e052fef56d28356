# shellcheck shell=sh
# export.sh: what it takes to export a day of a million conversations.
#
#     sh test/bench/run.sh export            BENCH_CONVERSATIONS=100000 for fewer
#
# Prints the table of doc/ultimate.md.

conversations=${BENCH_CONVERSATIONS:-1000000}

# watch PID: every 50 ms what the process has for itself in memory, and at most had, until it ends.
watch()
{
	most=0
	while state=$(awk '/^RssAnon|^RssFile/ { own += $2 } END { print own }' "/proc/$1/status" 2>/dev/null) && [ -n "$state" ]; do
		[ "$state" -gt "$most" ] && most=$state
		echo "$most" >"$results/most"
		sleep 0.05
	done
}

# taken LABEL STATEMENT: a line of the table: seconds, megabytes that the backend had at most beyond the server's shared memory,
# bytes that came.
taken()
{
	rm -f "$results/pid" "$results/most"
	printf '%s\n' "SELECT pg_backend_pid() \\g '$results/pid'" "SELECT pg_sleep(0.2) \\g /dev/null" '\timing on' "$2" '\timing off' \
		"SELECT pg_sleep(0.2) \\g /dev/null" | on export -At >"$results/rows" 2>"$results/error" &
	client=$!
	while ! [ -s "$results/pid" ] && kill -0 "$client" 2>/dev/null; do
		sleep 0.02
	done
	watch "$(cat "$results/pid")" &
	wait "$client" || { cat "$results/error" >&2; die "$1 failed"; }
	wait
	seconds=$(sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' "$results/rows" | awk '{ printf ($1 < 100 ? "%.4f" : "%.2f"), $1 / 1000 }')
	bytes=$(grep -v '^Time: \|^Timing is' "$results/rows" | wc -c)
	printf '| %s | %s | %s | %s |\n' "$1" "$seconds" "$(awk '{ printf "%.0f", $1 / 1024 }' "$results/most")" "$(awk -v b="$bytes" 'BEGIN { printf "%.0f", b / 1e6 }')"
}

on postgres -c "DROP DATABASE IF EXISTS export" -c "CREATE DATABASE export"
on export -c "CREATE EXTENSION kindly_stats" -c "SELECT kindly_stats.create_conversation_table('conversation')" \
	-v conversations="$conversations" -f "$bench/conversations.sql" >/dev/null
on export -c "INSERT INTO conversation SELECT * FROM staged" -c "UPDATE staged SET bot_id = 2" \
	-c "INSERT INTO conversation SELECT * FROM staged LIMIT $conversations / 2" -c "DROP TABLE staged" -c "VACUUM ANALYZE" -c "CHECKPOINT"
say "| $conversations conversations that ended on one day | seconds | peak RSS, MB | MB received |"
say "| --- | ---: | ---: | ---: |"
taken "\`close_day\`" "SELECT kindly_stats.close_day(1, '2025-01-01');"
taken "\`COPY (SELECT ultimate.export_rows(...)) TO STDOUT\`" "COPY (SELECT ultimate.export_rows(1, '2025-01-01')) TO STDOUT;"
taken "once more" "COPY (SELECT ultimate.export_rows(1, '2025-01-01')) TO STDOUT;"
taken "the first ten of them" "SELECT ultimate.export_rows(1, '2025-01-01') LIMIT 10;"
taken "\`SELECT count(*) FROM ultimate.export_rows(...)\`, through a temporary file" "SELECT count(*) FROM ultimate.export_rows(1, '2025-01-01');"
taken "\`ultimate.export(...)\`, one document of half of them" "SELECT ultimate.export(2, '2025-01-01');"
taken "\`ultimate.metrics(...)\`" "SELECT * FROM ultimate.metrics(1, '2025-01-01', '2025-01-02');"
taken "\`ultimate.metrics_by_first_meaningful_intent(...)\`" "SELECT * FROM ultimate.metrics_by_first_meaningful_intent(1, '2025-01-01', '2025-01-02', '{Greeting}');"
taken "\`COPY (SELECT ultimate.first_last_intent(...)) TO STDOUT\`" "COPY (SELECT ultimate.first_last_intent(1, '2025-01-01', '2025-01-02')) TO STDOUT;"
drop_database export
