# shellcheck shell=sh
# timescale.sh: what questions and writing cost beside TimescaleDB, where the server
# has it: its columnstore, and continuous aggregates of quarter hours and of days of one zone.

# preload SETTING: the server once more, with what it says of shared_preload_libraries.
preload()
{
	value postgres "ALTER SYSTEM $1"
	stop_server "$place/server" && serve || die "the server does not start after $1"
}

# timed STATEMENT: its seconds.
timed()
{
	on timescale -At -o /dev/null -c '\timing on' -c "$1" | awk '/^Time/ { printf "%.2f", $2 / 1000 }'
}

timescale_tables()
{
	on timescale -c "CREATE EXTENSION timescaledb" -f "$bench/timescale.sql"
	timescale_compressed=$(timed "SELECT count(compress_chunk(c)) FROM show_chunks('bench.hyper') AS c")
	timescale_refreshed=
	for view in quarters days button_days; do
		timescale_refreshed="$timescale_refreshed${timescale_refreshed:+, }\`$view\` $(timed "CALL refresh_continuous_aggregate('bench.$view', NULL, NULL)")"
	done
	on timescale -c "VACUUM ANALYZE"
}

if [ ! -f "$("$PG_CONFIG" --sharedir)/extension/timescaledb.control" ]; then
	say "TimescaleDB is not run: the server has no extension timescaledb"
else
	preload "SET shared_preload_libraries = 'timescaledb'"
	say "loading the reference workload, $sessions sessions"
	make_database timescale
	on timescale -c "SELECT kindly_stats.detach('chat_event')" -c "INSERT INTO chat_event SELECT * FROM bench.event" \
		-c "SELECT kindly_stats.attach('chat_event')" >/dev/null
	ask timescale chat_event
	on timescale -v table=chat_event -f "$bench/hand_indexes.sql" -f "$bench/hand.sql"
	timescale_tables
	measure timescale typed:200 columnstore:5 quarters:20 days:20
	same_answers timescale
	section "TimescaleDB" <<-MD
	The questions above, of the same events in TimescaleDB $(value timescale "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'") in the same server: in its columnstore, segmented by bot and kind (the quickest of the ways
	in hand-written SQL, without parallel workers; median of 5 runs), and from continuous aggregates, of quarter hours, which give the days of any zone, and of days of Europe/Oslo alone (medians of 20 runs). Milliseconds, and how
	many times as long as the typed function they take. All answers are equal. The aggregates are as old as their last refresh; making them took, in seconds, $timescale_refreshed, and compressing the chunks
	$timescale_compressed.

	MD
	report timescale -f "$bench/table_timescale.sql"
	drop_database timescale
	preload 'RESET shared_preload_libraries'
fi
