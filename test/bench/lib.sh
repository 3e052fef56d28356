# shellcheck shell=sh
# lib.sh: what the parts of the benchmark share.  Sourced by run.sh, after
# test/lib.sh.

# Of the reference workload; a year of the ten-fold one has ten times as many.
sessions=${BENCH_SESSIONS:-400000}
bench=$top/test/bench
document=$top/doc/performance.md

# on DATABASE [psql argument]...
on()
{
	on_database=$1
	shift
	PGOPTIONS='-c client_min_messages=warning' sql -d "$on_database" "$@"
}

value() { on "$1" -At -c "$2"; }

# report DATABASE [psql argument]...: what it prints belongs in the document.
report() { on "$@" -At >>"$results/$part.md"; }

# make_database NAME [SESSIONS]: an empty event table chat_event, and bench.event
# to fill it from.
make_database()
{
	on postgres -c "DROP DATABASE IF EXISTS $1" -c "CREATE DATABASE $1"
	on "$1" -c "CREATE EXTENSION kindly_stats" -c "SELECT kindly_stats.create_event_table('chat_event')" >/dev/null
	on "$1" -v sessions="${2:-$sessions}" -f "$bench/workload.sql" -f "$bench/measure.sql"
}

# breakdown DATABASE: what is in the files of the rollup, and how many rows and chunks were written for each that is left.
breakdown()
{
	on "$1" -c "CREATE EXTENSION IF NOT EXISTS pgstattuple" -c "SELECT pg_stat_force_next_flush()" >/dev/null
	report "$1" <<-'SQL'
		SELECT E'\n| What is in it, kB | all | live | dead | free | line pointers, page headers | written for one that is left |';
		SELECT '| --- | ---: | ---: | ---: | ---: | ---: | ---: |';
		SELECT format('| %s | %s | %s | %s | %s | %s | %s |', name, round(t.table_len / 1024.0), round(t.tuple_len / 1024.0), round(t.dead_tuple_len / 1024.0),
			round(t.free_space / 1024.0), round((t.table_len - t.tuple_len - t.dead_tuple_len - t.free_space) / 1024.0),
			CASE WHEN number < 3 THEN bench.digits(pg_stat_get_tuples_inserted(relid)::float8 / nullif(t.tuple_count, 0)) END)
		FROM (SELECT 1 AS number, 'table' AS name, oid AS relid FROM pg_class WHERE oid = 'kindly_stats.rollup'::regclass
			UNION ALL SELECT 2, 'TOAST', reltoastrelid FROM pg_class WHERE oid = 'kindly_stats.rollup'::regclass
			UNION ALL SELECT 3, 'index `' || relname || '`', c.oid FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid WHERE i.indrelid = 'kindly_stats.rollup'::regclass
			UNION ALL SELECT 4, 'index of TOAST', i.indexrelid FROM pg_index AS i JOIN pg_class AS r ON r.reltoastrelid = i.indrelid
				WHERE r.oid = 'kindly_stats.rollup'::regclass) AS r, pgstattuple(relid) AS t
		ORDER BY number, name;
	SQL
}

# many_bots DATABASE BOTS EVENTS: an empty event table, and in table source so many events of so many bots, in any
# order, over a year.
many_bots()
{
	make_database "$1" 10
	on "$1" -v bots="$2" -v events="$3" <<-'SQL'
		CREATE TABLE source (LIKE chat_event INCLUDING DEFAULTS);
		INSERT INTO source (bot_id, occurred_at, kind, session_id, user_id, source, language_code)
		SELECT 1 + (hashint4(n)::bigint + 2147483648) % :bots, timestamptz '2025-01-01Z' + (hashint4(n + :events)::bigint + 2147483648) % 31536000 * interval '1 second',
			CASE n % 2 WHEN 0 THEN 'user_message' ELSE 'bot_reply' END, 's' || n / 4, 'u' || n / 8, CASE n % 3 WHEN 0 THEN 'app' ELSE 'web' END, 'en'
		FROM generate_series(1, :events) AS n;
		VACUUM ANALYZE source;
	SQL
}

# processor_seconds DATABASE SQL: what its session has taken for it, figures that a busy machine changes little.
processor_seconds()
{
	on "$1" -At -c "SET max_parallel_workers_per_gather = 0" -c "$2" \
		-c "SELECT (s[14]::float8 + s[15]::float8) / $(getconf CLK_TCK) FROM string_to_array(pg_read_file('/proc/self/stat'), ' ') AS s" | tail -n 1
}

# event_columns DATABASE: what bench.event has of an event table's columns.
event_columns() { value "$1" "SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'bench.event'::regclass AND attnum > 0"; }

drop_database() { on postgres -c "DROP DATABASE IF EXISTS $1"; }

has_database() { [ "$(value postgres "SELECT count(*) FROM pg_database WHERE datname = '$1'")" -gt 0 ]; }

# The reference set, loaded once a run for the parts that only read it: history
# first, then attached, as one would do with a table that is there.
reference()
{
	if ! has_database reference; then
		say "loading the reference workload, $sessions sessions"
		make_database reference
		on reference -c "SELECT kindly_stats.detach('chat_event')" -c "INSERT INTO chat_event SELECT * FROM bench.event" \
			-c "SELECT kindly_stats.attach('chat_event')" -c "VACUUM ANALYZE" >/dev/null
		ask reference chat_event
	fi
}

# The same with what the other systems ask about, in database dialects.
dialects()
{
	say "loading the workload with topics, responses and stories, $sessions sessions"
	make_database dialects
	on dialects -f "$bench/dialects.sql" -c "SELECT kindly_stats.detach('chat_event')" -c "INSERT INTO chat_event SELECT * FROM bench.dialect_event" \
		-c "SELECT kindly_stats.attach('chat_event')" -c "INSERT INTO kindly_stats.bot_name VALUES (1, 'shop')" -c "VACUUM ANALYZE" >/dev/null
}

# ask DATABASE TABLE [NAME=VALUE]...: makes the questions known there, of the
# year and bot that the workload has, unless other settings are given.
ask()
{
	database=$1
	table=$2
	shift 2
	on "$database" -f "$bench/questions.sql"
	for setting in "table=$table" bot=1 from=2025-01-01 to=2026-01-01 zone=Europe/Oslo monday=2025-06-02 next_monday=2025-06-09 \
		sources=web,app language=en "$@"; do
		on "$database" -v name="${setting%%=*}" -v value="${setting#*=}" <<-'SQL'
			INSERT INTO bench.setting VALUES (:'name', :'value') ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value;
		SQL
	done
}

# measure DATABASE SIDE:TIMES...: asks each question of these sides so often, all
# sides of one question after the other, while the machine is in the same mood.
# Hand-written SQL may have parallel workers.
measure()
{
	measured=$1
	shift
	on "$measured" -At -v sides="$*" <<-'SQL' >/dev/null
		SET work_mem = '256MB';
		SET timezone = 'Europe/Oslo';
		-- a processor that was idle takes half a second to come to its speed
		SELECT count(*) FROM generate_series(1, 20000000) \g /dev/null
		SELECT format('CALL bench.measure(%L, %L, %s, %L)', name, side, times, CASE WHEN side IN ('hand', 'best') THEN '{0,2}' ELSE '{0}' END)
		FROM (SELECT split_part(s, ':', 1) AS side, split_part(s, ':', 2) AS times, place
			FROM string_to_table(:'sides', ' ') WITH ORDINALITY AS t (s, place)) AS sides,
			 bench.question
		WHERE EXISTS (SELECT FROM bench.ways(name, side))
		ORDER BY number, place \gexec
	SQL
}

# answer DATABASE SIDE: asks each question once, for what it says.
answer()
{
	on "$1" -At -v side="$2" <<-'SQL' >/dev/null
		SET work_mem = '256MB';
		SELECT format('CALL bench.answer(%L, %L)', name, :'side') FROM bench.question WHERE EXISTS (SELECT FROM bench.ways(name, :'side')) \gexec
	SQL
}

same_answers()
{
	different=$(value "$1" "SELECT string_agg(question || ' (' || side || ')', ', ') FROM bench.difference")
	if [ -n "$different" ]; then
		die "answers differ in $1: $different"
	fi
}

# ---------------------------------------------------------------- the document

# section TITLE: begins a part's section; what it says follows on standard input.
section()
{
	{
		printf '<!-- bench: %s -->\n### %s\n\n' "$part" "$1"
		cat
		echo
	} >"$results/$part.md"
}

machine()
{
	cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | sort -u | head -n 1)
	memory=$(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)
	extension=$(sed -n "s/^default_version = '\(.*\)'/\1/p" "$top/kindly_stats.control")
	cat <<-MD
		Measured by \`make bench\` on ${cpu:-an unknown CPU}, $(getconf _NPROCESSORS_ONLN) cores, $memory GB of memory, shared with other work:
		PostgreSQL $(value postgres "SHOW server_version" | cut -d ' ' -f 1), kindly_stats $extension.
		Settings, for all sides: $(value postgres "SELECT string_agg(format('\`%s = %s\`', name, current_setting(name)), ', ' ORDER BY name)
			FROM pg_settings WHERE name IN ('shared_buffers', 'work_mem', 'maintenance_work_mem', 'max_wal_size', 'jit', 'fsync',
				'synchronous_commit', 'full_page_writes', 'random_page_cost', 'effective_cache_size')").
		A figure in bold misses its bound.
	MD
}

# The section of a part as the document has it from an earlier run.
earlier_section()
{
	awk -v part="$1" '/^<!-- bench: / { on = $0 == "<!-- bench: " part " -->" } on' "$document"
}

# Puts the sections of this run in the place of the earlier ones.
write_document()
{
	{
		echo '<!-- bench: begin -->'
		machine
		echo
		for section_of in $all_parts; do
			cat "$results/$section_of.md" 2>/dev/null || earlier_section "$section_of"
			echo
		done
		echo '<!-- bench: end -->'
	} | cat -s >"$results/document.md"
	awk -v new="$results/document.md" '
		/^<!-- bench: begin -->/ { while ((getline line < new) > 0) print line; inside = 1 }
		!inside
		/^<!-- bench: end -->/ { inside = 0 }
	' "$document" >"$results/performance.md"
	cat "$results/performance.md" >"$document"
}
