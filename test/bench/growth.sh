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

# spent DATABASE LABEL QUERY: milliseconds of the session's process for one question, and pages.
spent()
{
	on "$1" -At -F "$(printf '\t')" -v query="$3" -v question="$2" -v times="$times" <<-'SQL' | sed -n '$p' >>"$results/growth.tsv"
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

# asked DATABASE QUESTION: in SQL; fetching DATABASE QUESTION: what fetches as much as it has to look at.
asked() { value "$1" "SELECT bench.fill(query) FROM bench.statement WHERE question = '$2' AND side = 'typed'"; }
fetching() { value "$1" "SELECT bench.fetching('$2')"; }

reference
ten_fold
on reference -v of=growth -f "$bench/looked_at.sql"
on tenfold -v of=growth -f "$bench/looked_at.sql"
# The ten-fold set has no index for hand-written SQL, which is asked once for what it says.
on tenfold -f "$bench/hand.sql"
answer tenfold typed
answer tenfold hand
same_answers tenfold
: >"$results/growth.tsv"
round=1
while [ "$round" -le "$rounds" ]; do
	for question in $(value reference "SELECT name FROM bench.question WHERE bound_growth IS NOT NULL ORDER BY number"); do
		spent reference "$question" "$(asked reference "$question")"
		spent tenfold "$question" "$(asked tenfold "$question")"
	done
	for question in $(value reference "SELECT DISTINCT question FROM bench.looked_at"); do
		spent reference "fetching $question" "$(fetching reference "$question")"
		spent tenfold "fetching $question" "$(fetching tenfold "$question")"
	done
	round=$((round + 1))
done

for database in reference tenfold; do
	on "$database" -At -F "$(printf '\t')" -c "SELECT current_database(), question, sum(number), sum(length(bytes)) FROM bench.looked_at GROUP BY question"
done >"$results/looked_at.tsv"

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
SELECT '';
SELECT 'Three of them look at members: at the hashes of all, or at the entries of some keys. *Fetching* is what it takes PostgreSQL alone to fetch as many bytes as these are,';
SELECT 'and to count their bits (test/bench/looked_at.sql); *allowed* is what the bound leaves for the whole question.';
SELECT '';
SELECT '| Question | looked at | tenfold | MB | tenfold | ns each, of those more | fetching, ms | tenfold | allowed, tenfold |';
SELECT '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |';
CREATE TEMP TABLE looked_at (database text, question text, number bigint, bytes bigint);
\\copy looked_at FROM '$results/looked_at.tsv'
WITH least AS (SELECT database, question, min(ms) AS ms FROM spent GROUP BY 1, 2)
SELECT format('| %s | %s | %s | %s | %s | %s | %s | %s | %s |', label, bench.digits(s.number), bench.digits(l.number), bench.digits(s.bytes / 1e6), bench.digits(l.bytes / 1e6),
	bench.digits((large.ms - small.ms) * 1e6 / (l.number - s.number)), bench.digits(fs.ms), bench.digits(fl.ms), bench.digits(small.ms * bound_growth))
FROM bench.question
JOIN looked_at AS s ON s.question = name AND s.database = 'reference'
JOIN looked_at AS l ON l.question = name AND l.database = 'tenfold'
JOIN least AS small ON small.question = name AND small.database = 'reference'
JOIN least AS large ON large.question = name AND large.database = 'tenfold'
JOIN least AS fs ON fs.question = 'fetching ' || name AND fs.database = 'reference'
JOIN least AS fl ON fl.question = 'fetching ' || name AND fl.database = 'tenfold'
ORDER BY bench.question.number;
SQL
