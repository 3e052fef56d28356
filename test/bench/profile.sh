# shellcheck shell=sh
# profile.sh: where the time of the hottest questions goes, of those that miss their bounds, and of
# writing, by samples of a server process that does it over and over.  Named to run.sh only, never by default;
# prints and writes no document.  As root it installs linux-perf where it is missing.

profile_seconds=${BENCH_SECONDS:-8}

find_perf()
{
	if ! command -v perf >/dev/null 2>&1; then
		# shellcheck disable=SC2034 # install_packages writes it
		install_log=$results/perf_install.log
		install_packages linux-perf
	fi
}

# Which room a function of ours is in: names at the beginning of a line are definitions.
write_rooms()
{
	for file in "$top"/src/*/*.c "$top"/src/*/*.h; do
		room=${file%/*}
		# fetching is told apart
		[ "${file##*/}" = toast.c ] && room=detoast
		sed -n "s/^\(static inline [a-z0-9_ ]*\)\{0,1\}\([a-z][a-z0-9_]*\)(.*/\2 ${room##*/}/p" "$file"
	done >"$results/rooms"
}

# ask_on DATABASE QUERY: a connection that asks for as long as the samples take.
ask_on()
{
	PGAPPNAME=profiled on "$1" -At -v query="$2" -v seconds="$((profile_seconds + 3))" <<-'SQL'
		SELECT format('PREPARE question AS %s', :'query') \gexec
		SET bench.seconds = :seconds;
		DO $$
		DECLARE
			ends timestamptz := clock_timestamp() + current_setting('bench.seconds')::integer * interval '1 second';
		BEGIN
			WHILE clock_timestamp() < ends LOOP
				EXECUTE 'EXECUTE question';
			END LOOP;
		END $$;
	SQL
}

# sample FILE: of the process that asks on.
sample()
{
	sleep 1
	pid=$(value postgres "SELECT pid FROM pg_stat_activity WHERE application_name = 'profiled'")
	perf record -q -e cpu-clock:u -F 499 --call-graph dwarf,32768 -o "$1" -p "$pid" -- sleep "$profile_seconds" 2>/dev/null
}

# shares: reads stacks, a function a line from the innermost on; each sample
# belongs to the innermost function that says what it is for.
shares()
{
	awk -v ms="$1" '
		FILENAME != "-" { room[$1] = $2; next }
		BEGIN {
			label["tally"] = "decode (tally)"
			label["query"] = "count (query)"
			label["dialect"] = "output (dialect)"
			label["stats"] = "output (stats)"
			label["bucket"] = "zones, edges (bucket)"
		}
		function purpose(name, object)
		{
			if (object ~ /kindly_stats/)
				return !(name in room) ? "other of ours" : room[name] in label ? label[room[name]] : room[name]
			if (name ~ /toast/)
				return "detoast"
			if (name ~ /^(SPI_|Executor|standard_Executor|Exec|GetCachedPlan|CreateQueryDesc|PushActiveSnapshot|CreateExecutorState)/)
				return "SPI, executor"
			return ""
		}
		function finish(   i, ours, what)
		{
			if (depth == 0)
				return
			for (i = 1; i <= depth && what == ""; i++)
				what = purpose(names[i], objects[i])
			for (; i <= depth && !ours; i++)
				ours = objects[i] ~ /kindly_stats/
			if (what == "" || what == "SPI, executor" && !ours)
				what = "the statement itself"
			samples++
			group[what]++
			self[names[1] " (" what ")"]++
			depth = 0
		}
		NF == 0 { finish(); next }
		{
			names[++depth] = $2
			sub(/\..*/, "", names[depth])
			objects[depth] = $NF
		}
		END {
			finish()
			for (what in group)
				printf "1 %07d   %5.1f %%  %7.1f us  %s\n", group[what], 100 * group[what] / samples, 1000 * ms * group[what] / samples, what
			for (what in self)
				printf "2 %07d   %5.1f %%  %7.1f us    %s\n", self[what], 100 * self[what] / samples, 1000 * ms * self[what] / samples, what
		}
	' "$results/rooms" - | sort -k 1,1n -k 2,2nr | awk '$1 == 1 || ++n <= 14 { sub(/^[12] [0-9]+/, ""); print }'
}

# profile_query DATABASE LABEL QUERY [TIMES]
profile_query()
{
	ms=$(value "$1" "SELECT bench.median(bench.run(\$query\$$3\$query\$, ${4:-500}))")
	ask_on "$1" "$3" &
	asking=$!
	sample "$results/perf.data"
	wait "$asking"
	printf '%s: %.3f ms\n' "$2" "$ms"
	perf script -i "$results/perf.data" -F ip,sym,dso 2>/dev/null | shares "$ms"
	rm -f "$results/perf.data"
}

# profile NAME SIDE
profile()
{
	query=$(value reference "SELECT bench.fill(query) FROM bench.statement WHERE question = '$1' AND side = '$2'")
	profile_query reference "$(value reference "SELECT label FROM bench.question WHERE name = '$1'") ($2)" "$query"
}

# profile_dialect PATTERN: of what bench.dialect asks.
profile_dialect()
{
	query=$(value dialects "SELECT ours FROM bench.dialect WHERE ours LIKE '$1'")
	profile_query dialects "$query" "SELECT * FROM $query AS answer" 50
}

# One statement that writes 240,000 events, taken back each time.
profile_writing()
{
	make_database writing $((sessions / 20))
	on writing <<-SQL
		CREATE TABLE source AS SELECT * FROM bench.event;
		CREATE FUNCTION bench.write() RETURNS void LANGUAGE plpgsql AS \$\$
		BEGIN
			INSERT INTO chat_event ($(event_columns writing)) SELECT * FROM source;
			RAISE EXCEPTION 'enough';
		EXCEPTION WHEN raise_exception THEN
		END
		\$\$;
	SQL
	profile_query writing 'INSERT ... SELECT' 'SELECT bench.write()' 3
	drop_database writing
}

find_perf
reference
write_rooms
say "SELECT 1: $(value reference "SELECT bench.digits(bench.median(bench.run('SELECT 1', 1000)))") ms"
profile messages json
profile chats typed
profile filtered typed
profile pages json
profile sessions typed
dialects
profile_dialect '%heatmap%'
profile_dialect '%storyId%'
profile_dialect '%user_detail%'
drop_database dialects
profile_writing
