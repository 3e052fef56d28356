# shellcheck shell=sh
# profile.sh: where the time of the hottest questions goes, by samples of a server
# process that asks them over and over.  Named to run.sh only, never by default;
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
		sed -n "s/^\(static inline [a-z0-9_ ]*\)\{0,1\}\([a-z][a-z0-9_]*\)(.*/\2 ${room##*/}/p" "$file"
	done >"$results/rooms"
}

# ask_on QUERY: a connection that asks for as long as the samples take.
ask_on()
{
	PGAPPNAME=profiled on reference -At -v query="$1" -v seconds="$((profile_seconds + 3))" <<-'SQL'
		SELECT format('PREPARE question AS %s', bench.fill(:'query')) \gexec
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
	pid=$(value reference "SELECT pid FROM pg_stat_activity WHERE application_name = 'profiled'")
	perf record -q -e cpu-clock:u -F 499 --call-graph dwarf,32768 -o "$1" -p "$pid" -- sleep "$profile_seconds" 2>/dev/null
}

# shares: reads stacks, a function a line from the innermost on; each sample
# belongs to the innermost function that says what it is for.
shares()
{
	awk -v ms="$1" '
		FILENAME != "-" { room[$1] = $2; next }
		BEGIN {
			label["tally"] = "decode, query (tally)"
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

# profile NAME SIDE
profile()
{
	query=$(value reference "SELECT query FROM bench.statement WHERE question = '$1' AND side = '$2'")
	ms=$(value reference "SELECT bench.median(bench.run(bench.fill(\$query\$$query\$query\$), 500))")
	ask_on "$query" &
	asking=$!
	sample "$results/perf.data"
	wait "$asking"
	printf '%s (%s): %.3f ms\n' "$(value reference "SELECT label FROM bench.question WHERE name = '$1'")" "$2" "$ms"
	perf script -i "$results/perf.data" -F ip,sym,dso 2>/dev/null | shares "$ms"
	rm -f "$results/perf.data"
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
