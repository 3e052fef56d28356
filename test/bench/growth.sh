# shellcheck shell=sh
# growth.sh: the same questions on ten times the events, by what they take of the
# processor and how many pages they look at, which a busy machine changes little or not at all.

rounds=5
times=40

# statement.sh has it loaded, if it was run before.
ten_fold()
{
	if ! has_database tenfold; then
		say "loading ten times the reference workload"
		make_database tenfold $((sessions * 10))
		on tenfold -c "INSERT INTO chat_event SELECT * FROM bench.event"
	fi
	on tenfold -c "CALL kindly_stats.compact()" -c "VACUUM ANALYZE"
	ask tenfold chat_event
}

# spent DATABASE QUESTION: milliseconds of the session's process for one question, and pages.
spent()
{
	query=$(value "$1" "SELECT bench.fill(query) FROM bench.statement WHERE question = '$2' AND side = 'typed'")
	on "$1" -At -F "$(printf '\t')" -v query="$query" -v question="$2" -v times="$times" <<-'SQL' | sed -n '$p' >>"$results/growth.tsv"
		SET timezone = 'Europe/Oslo';
		SET bench.times = :times;
		SET bench.query = :'query';
		PREPARE question AS :query;
		CREATE PROCEDURE pg_temp.ask(times integer) LANGUAGE plpgsql AS $$
		BEGIN
			FOR i IN 1..times LOOP
				EXECUTE 'EXECUTE question';
			END LOOP;
		END $$;
		CREATE FUNCTION pg_temp.pages() RETURNS bigint LANGUAGE plpgsql AS $$
		DECLARE
			plan json;
		BEGIN
			EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ' || current_setting('bench.query') INTO plan;
			RETURN (plan #>> '{0,Plan,Shared Hit Blocks}')::bigint + (plan #>> '{0,Plan,Shared Read Blocks}')::bigint;
		END $$;
		CALL pg_temp.ask(10);
		SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::bigint AS began \gset
		CALL pg_temp.ask(:times);
		SELECT (split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::bigint - :began) / 1e6 / :times AS ms \gset
		SELECT current_database(), :'question', :ms, pg_temp.pages();
	SQL
}

reference
ten_fold
# The ten-fold set has no index for hand-written SQL, which is asked once for what it says.
on tenfold -f "$bench/hand.sql"
answer tenfold typed
answer tenfold hand
same_answers tenfold
: >"$results/growth.tsv"
round=1
while [ "$round" -le "$rounds" ]; do
	for question in $(value reference "SELECT name FROM bench.question WHERE bound_growth IS NOT NULL ORDER BY number"); do
		spent reference "$question"
		spent tenfold "$question"
	done
	round=$((round + 1))
done

section "Ten times the events" <<MD
The same questions on a bot with ten times the sessions in the same year ($(value reference 'SELECT count(*) FROM chat_event') and $(value tenfold 'SELECT count(*) FROM chat_event') events), the typed function of each:
milliseconds of the processor in the session's process, the least of $rounds rounds, and pages that are looked at.
MD
report reference <<SQL
CREATE TEMP TABLE spent (database text, question text, ms float8, pages bigint);
\\copy spent FROM '$results/growth.tsv'
SELECT '| Question | bound | ms | tenfold | ratio | pages | tenfold | ratio |';
SELECT '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |';
SELECT format('| %s | %s | %s | %s | %s | %s | %s | %s |', label, bound_growth, bench.digits(small.ms), bench.digits(large.ms),
	bench.cell(large.ms / small.ms, large.ms <= small.ms * bound_growth), small.pages, large.pages, bench.digits(large.pages::float8 / small.pages))
FROM bench.question
JOIN (SELECT question, min(ms) AS ms, min(pages) AS pages FROM spent WHERE database = 'reference' GROUP BY 1) AS small ON small.question = name
JOIN (SELECT question, min(ms) AS ms, min(pages) AS pages FROM spent WHERE database = 'tenfold' GROUP BY 1) AS large ON large.question = name
ORDER BY number;
SQL
