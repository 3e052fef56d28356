# shellcheck shell=sh
# scale.sh: one server beside coordinators with workers, on the same events: what questions take, and which node does what of the work.
#
# Wants Citus. A busy machine changes rows, WAL and processor time little, and milliseconds much.

counts=${BENCH_WORKERS:-1 2 4}
singles=$((sessions / 8))
batches=$((sessions / 200))
asks=$((sessions / 20))
node_bots=2000

# on_node NODE COMMAND...: a command that finds that node's server.
on_node()
(
	PGHOST=$place/$1/socket
	export PGHOST
	shift
	"$@"
)

# start_nodes WORKERS: coordinator node0 and workers, each with both extensions in database cluster.
start_nodes()
{
	for number in $(seq 0 "$1"); do
		start_server "$place/node$number" "shared_preload_libraries = 'citus'" "wal_level = logical" "max_prepared_transactions = 100" "max_connections = 200" \
			"shared_buffers = '1GB'" "work_mem = '64MB'" "jit = off" "random_page_cost = 1.1" "timezone = 'UTC'" "fsync = on" "synchronous_commit = on" "full_page_writes = on" \
			"autovacuum = off" "citus.local_hostname = '$place/node$number/socket'" "citus.enable_statistics_collection = off" || die "node$number does not start"
		on_node "node$number" on postgres -c "CREATE DATABASE cluster" 2>/dev/null
		on_node "node$number" on cluster -c "CREATE EXTENSION citus" -c "CREATE EXTENSION kindly_stats"
	done
	on_node node0 on cluster -c "SELECT citus_set_coordinator_host('$place/node0/socket', 5432)" >/dev/null
	for number in $(seq 1 "$1"); do
		on_node node0 on cluster -c "SELECT citus_add_node('$place/node$number/socket', 5432)" >/dev/null
	done
	export PGHOST="$place/server/socket"
}

stop_nodes()
{
	for node_directory in "$place"/node[0-9]*; do
		if [ -d "$node_directory" ]; then
			stop_server "$node_directory"
			rm -rf "$node_directory"
		fi
	done
}

# processor_of DIRECTORY: seconds that a server and all of its processes have taken so far, those that ended included.
processor_of()
{
	cat /proc/[0-9]*/stat 2>/dev/null |
		awk -v postmaster="$(head -n 1 "$1/data/postmaster.pid")" -v hz="$(getconf CLK_TCK)" '
			$1 == postmaster { sum += $14 + $15 + $16 + $17 }
			$4 == postmaster { sum += $14 + $15 }
			END { printf "%.2f", sum / hz }'
}

wal_of() { on_node "$1" value "$2" "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"; }

# rows_of NODE DATABASE: rows that were written into tables of events and statistics, and into their shards, which Citus hides.
rows_of()
{
	on_node "$1" on "$2" -At -c "SET citus.override_table_visibility = off" \
		-c "SELECT coalesce(sum(n_tup_ins), 0) FROM pg_stat_user_tables WHERE relname ~ '^(chat_event|rollup)(_[0-9]+)?\$'"
}

# note_work LOAD WORKERS EVENTS DATABASE NODE... -- COMMAND...: what the command took of each node.
note_work()
{
	work=$1 work_workers=$2 work_events=$3 work_database=$4
	shift 4
	work_nodes=
	while [ "$1" != -- ]; do
		work_nodes="$work_nodes $1"
		shift
	done
	shift
	for work_node in $work_nodes; do
		echo "$(processor_of "$place/$work_node") $(wal_of "$work_node" "$work_database") $(rows_of "$work_node" "$work_database")" >"$place/$work_node.before"
	done
	"$@" >"$place/work.log" 2>&1 || { tail -n 5 "$place/work.log" >&2; die "$work did not work with $work_workers workers"; }
	# statistics of tables come a moment later
	sleep 2
	for work_node in $work_nodes; do
		read -r cpu wal rows <"$place/$work_node.before"
		echo "$(processor_of "$place/$work_node") $(wal_of "$work_node" "$work_database") $(rows_of "$work_node" "$work_database")" |
			awk -v OFS='\t' -v work="$work" -v workers="$work_workers" -v node="$work_node" -v events="$work_events" -v cpu="$cpu" -v wal="$wal" -v rows="$rows" \
				'{ print work, workers, node, events, $1 - cpu, $2 - wal, $3 - rows }' >>"$results/work.tsv"
	done
}

# by_pgbench TIMES CLIENTS SCRIPT DATABASE [NODE]: so many transactions in all; of node0 unless another is named.
by_pgbench()
{
	on_node "${5:-node0}" "$bindir/pgbench" -n -M prepared -c "$2" -t $(($1 / $2)) -f "$3" "$4"
}

# By clients that know where a bot lies: through all workers at once, each by a client of its own.
by_workers()
{
	through=
	for number in $(seq 1 "$workers"); do
		by_pgbench $((singles / workers)) 1 "$place/data/single$number.pgbench" cluster "node$number" &
		through="$through $!"
	done
	for client in $through; do
		wait "$client" || return 1
	done
}

write_loads()
{
	mkdir -p "$place/data"
	cat >"$place/data/single.pgbench" <<-SQL
		\\set bot random(1, $node_bots)
		\\set session random(1, 1000)
		INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code)
		VALUES (:bot, now(), 'user_message', 'session-' || :session, 'user-' || :session, 'web', 'nb');
	SQL
	cat >"$place/data/bot.pgbench" <<-SQL
		\\set bot random(1, $node_bots)
		INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code)
		SELECT :bot, now() - n * interval '1 minute', 'user_message', 'session-' || n / 9, 'user-' || n / 20, 'web', 'nb' FROM generate_series(1, 100) AS n;
	SQL
	cat >"$place/data/ask.pgbench" <<-SQL
		\\set bot random(1, $node_bots)
		SELECT count(*) FROM kindly_stats.stats_series(:bot, '2025-01-01', '2026-01-01', 'Europe/Oslo');
	SQL
	on postgres -At -F '	' -v bots="$node_bots" -v events="$((sessions * 5 / 2))" >"$place/data/copy.csv" <<-'SQL'
		SELECT 1 + (hashint4(n)::bigint + 2147483648) % :bots, timestamptz '2025-01-01Z' + (hashint4(n + 7)::bigint + 2147483648) % 31536000 * interval '1 second',
			CASE n % 2 WHEN 0 THEN 'user_message' ELSE 'bot_reply' END, 's' || n / 4, 'u' || n / 8, CASE n % 3 WHEN 0 THEN 'app' ELSE 'web' END, 'en' FROM generate_series(1, :events) AS n;
	SQL
}

copy_events() { on_node "$1" on "$2" -c "\\copy chat_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code) from '$place/data/copy.csv'"; }

# Clients that ask the node that owns a bot: bots of which each worker has shards.
write_owned()
{
	for number in $(seq 1 "$workers"); do
		on_node node0 value cluster "SELECT string_agg(bot::text, ',') FROM (SELECT bot FROM generate_series(1, $node_bots) AS bot
			WHERE (SELECT s.nodename FROM citus_shards AS s WHERE s.shardid = get_shard_id_for_distribution_column('chat_event', bot)) = '$place/node$number/socket' LIMIT 200) AS b" >"$place/data/owned"
		cat >"$place/data/single$number.pgbench" <<-SQL
			\\set place random(1, 200)
			\\set session random(1, 1000)
			INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, user_id, source, language_code)
			VALUES ((ARRAY[$(cat "$place/data/owned")])[:place], now(), 'user_message', 'session-' || :session, 'user-' || :session, 'web', 'nb');
		SQL
	done
}

# all_loads NODE DATABASE WORKERS NODE...
all_loads()
{
	load_node=$1 load_database=$2 load_workers=$3
	shift 3
	events=$(wc -l <"$place/data/copy.csv")
	note_work copy "$load_workers" "$events" "$load_database" "$@" -- copy_events "$load_node" "$load_database"
	note_work single "$load_workers" "$singles" "$load_database" "$@" -- by_pgbench "$singles" 4 "$place/data/single.pgbench" "$load_database" "$load_node"
	note_work batch "$load_workers" "$((batches * 100))" "$load_database" "$@" -- by_pgbench "$batches" 4 "$place/data/bot.pgbench" "$load_database" "$load_node"
	note_work ask "$load_workers" "$asks" "$load_database" "$@" -- by_pgbench "$asks" 4 "$place/data/ask.pgbench" "$load_database" "$load_node"
	note_work compact "$load_workers" "$events" "$load_database" "$@" -- on_node "$load_node" on "$load_database" -c "CALL kindly_stats.compact()"
	note_work totals "$load_workers" "$node_bots" "$load_database" "$@" -- on_node "$load_node" on "$load_database" -c "SELECT count(*) FROM kindly_stats.stats_total_by_bot('2025-01-01', '2026-01-01', 'Europe/Oslo')"
}

# The ten questions, of a bot of the reference workload, to one server and to a coordinator, in turns.
ask_both()
{
	reference
	on_node node0 on cluster -c "CREATE SCHEMA reference"
	on_node node0 on cluster -c "SELECT kindly_stats.create_event_table('reference.chat_event')" -c "SELECT kindly_stats.distribute()" >/dev/null
	on reference -c "\\copy chat_event ($(event_columns reference)) to '$place/data/reference.csv' csv"
	on_node node0 on cluster -c "\\copy reference.chat_event ($(event_columns reference)) from '$place/data/reference.csv' csv" -c "CALL kindly_stats.compact()"
	rm -f "$place/data/reference.csv"
	on_node node0 on cluster -v sessions=10 -f "$bench/workload.sql" -f "$bench/measure.sql"
	on_node node0 ask cluster reference.chat_event
	for turn in 1 2 3; do
		measure reference typed:70
		on_node node0 measure cluster typed:70
	done
	answer reference typed
	on_node node0 answer cluster typed
	on reference -c "\\copy (SELECT question, answer FROM bench.answer WHERE side = 'typed' ORDER BY 1) to '$place/data/answers'"
	on_node node0 on cluster -c "\\copy (SELECT question, answer FROM bench.answer WHERE side = 'typed' ORDER BY 1) to '$place/data/answers.cluster'"
	cmp "$place/data/answers" "$place/data/answers.cluster" || die "one server and a cluster answer differently"
	on_node node0 on cluster -c "\\copy bench.result to '$place/data/results.cluster'"
}

# What each node has taken, an event or a question.
report_work()
{
	on single <<SQL >>"$results/scale.md"
\\pset format unaligned
\\pset tuples_only on
CREATE TEMP TABLE work (load text, workers integer, node text, events float8, processor float8, wal float8, rows bigint);
\\copy work FROM '$results/work.tsv'
SELECT '| Load | workers | one server, µs | coordinator, µs | workers, µs | busiest worker | one server, WAL | coordinator, WAL | workers, WAL | rows on workers |';
SELECT '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |';
SELECT format('| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |', l.label, coalesce(w.workers::text, ''), bench.digits(s.processor / s.events * 1e6), bench.digits(w.coordinator / s.events * 1e6),
	bench.digits(w.on_workers / s.events * 1e6), to_char(100 * w.busiest / nullif(w.on_workers, 0), 'FM990" %"'), bench.digits(s.wal / s.events), bench.digits(w.coordinator_wal / s.events),
	bench.digits(w.workers_wal / s.events), w.rows)
  FROM (VALUES (1, 'copy', 'COPY of all events'), (2, 'single', 'INSERT of one row'), (3, 'owners', 'the same, through the workers that have the bots'), (4, 'batch', 'INSERT of 100 rows of a bot'),
		(5, 'ask', 'a question about a bot''s year'), (6, 'totals', 'totals of all bots, a bot'), (7, 'compact', '\`compact()\`, an event')) AS l (number, load, label)
  JOIN work AS s ON s.load = CASE l.load WHEN 'owners' THEN 'single' ELSE l.load END AND s.workers = 0
  LEFT JOIN (SELECT load, workers, sum(processor) FILTER (WHERE node = 'node0') AS coordinator, sum(processor) FILTER (WHERE node <> 'node0') AS on_workers, max(processor) FILTER (WHERE node <> 'node0') AS busiest,
			sum(wal) FILTER (WHERE node = 'node0') AS coordinator_wal, sum(wal) FILTER (WHERE node <> 'node0') AS workers_wal,
			min(rows) FILTER (WHERE node <> 'node0') || '–' || max(rows) FILTER (WHERE node <> 'node0') AS rows
		FROM work WHERE workers > 0 GROUP BY 1, 2) AS w ON w.load = l.load
 ORDER BY l.number, w.workers;
SQL
}

# The ten questions, milliseconds of both sides.
report_questions()
{
	on reference -At <<SQL >>"$results/scale.md"
CREATE TEMP TABLE cluster (question text, side text, ms float8);
\\copy cluster FROM '$place/data/results.cluster'
SELECT E'\n| Question | one server, ms | min–max | through the coordinator, ms | min–max | more |';
SELECT '| --- | ---: | --- | ---: | --- | ---: |';
SELECT format('| %s | %s | %s–%s | %s | %s–%s | %s |', q.label, bench.digits(o.median), bench.digits(o.least), bench.digits(o.most), bench.digits(c.median), bench.digits(c.least), bench.digits(c.most),
	bench.digits(c.median - o.median))
  FROM bench.question AS q
  JOIN LATERAL (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY r.ms) AS median, min(r.ms) AS least, max(r.ms) AS most FROM bench.result AS r WHERE r.question = q.name AND r.side = 'typed') AS o ON true
  JOIN LATERAL (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY r.ms) AS median, min(r.ms) AS least, max(r.ms) AS most FROM cluster AS r WHERE r.question = q.name AND r.side = 'typed') AS c ON true
 ORDER BY q.number;
SQL
}

# Puts the section into doc/scale.md, in the place of the earlier one.
write_scale()
{
	awk -v new="$results/scale.md" '
		/^<!-- bench: scale -->/ { while ((getline line < new) > 0) print line; inside = 1 }
		/^<!-- bench: end -->/ { inside = 0 }
		!inside
	' "$top/doc/scale.md" | cat -s >"$results/document.scale"
	cat "$results/document.scale" >"$top/doc/scale.md"
}

if ! [ -e "$("$PG_CONFIG" --sharedir)/extension/citus.control" ]; then
	say "scale: skipped, CREATE EXTENSION citus does not work here: Citus is not installed"
else
	: >"$results/work.tsv"
	write_loads
	make_database single 10
	all_loads server single 0 server
	for workers in $counts; do
		start_nodes "$workers"
		on_node node0 on cluster -c "SELECT kindly_stats.create_event_table('chat_event')" -c "SELECT kindly_stats.distribute(32)" >/dev/null
		citus_version=$(on_node node0 value cluster "SELECT extversion FROM pg_extension WHERE extname = 'citus'")
		write_owned
		names=$(seq -f 'node%g' -s ' ' 0 "$workers")
		# shellcheck disable=SC2086
		all_loads node0 cluster "$workers" $names
		# shellcheck disable=SC2086
		note_work owners "$workers" "$singles" cluster $names -- by_workers
		stop_nodes
	done
	start_nodes 2
	ask_both
	stop_nodes
	section "What the nodes of a cluster do" <<-MD
		As \`BENCH_SESSIONS=$sessions sh test/bench/run.sh scale\` prints it: $(wc -l <"$place/data/copy.csv") events of $node_bots bots by COPY, $singles by single INSERTs, $((batches * 100)) by INSERTs of 100, and
		$asks questions, by 4 clients through the coordinator of 1, 2 and 4 workers, with Citus $citus_version; on one server alike. Microseconds of the processor in all processes of a node, and bytes
		of WAL, an event or a question; *workers* are all of them together.

	MD
	report_work
	printf '\nThe same ten questions of the same %s events in the same run, to one server and to the coordinator of two workers, in turns, 210 times each; all answers are equal.\n' "$(value reference "SELECT to_char(count(*), 'FM999,999,999') FROM chat_event")" >>"$results/scale.md"
	report_questions
	if [ "$sessions" -ge 20000 ]; then
		write_scale
	fi
fi
