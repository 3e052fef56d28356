# shellcheck shell=sh
# dialects.sh: what the questions of the other systems cost, beside SQL as one
# would write it.

dialects
on dialects -c "SELECT kindly_stats.create_conversation_table('chat_conversation')" -c "SELECT bench.converse()" -c "CALL kindly_stats.compact()" \
	-c "VACUUM ANALYZE" >/dev/null
on dialects -v of=dialects -f "$bench/looked_at.sql"
on dialects -At <<-'SQL' >/dev/null
	SET work_mem = '256MB';
	SET timezone = 'Europe/Oslo';
	-- a processor that was idle takes half a second to come to its speed
	SELECT count(*) FROM generate_series(1, 20000000);
	SELECT format('INSERT INTO bench.result SELECT %1$L, ''json'', unnest(bench.run(%2$L, 50));'
		'INSERT INTO bench.result SELECT %1$L, ''hand'', unnest(bench.run(%3$L, 3))', number, 'SELECT * FROM ' || ours || ' AS answer', hand)
	FROM bench.dialect ORDER BY number \gexec
	SELECT format('INSERT INTO bench.result SELECT %L, ''fetching'', unnest(bench.run(%L, 50))', number, bench.fetching(looked_at))
	FROM bench.dialect WHERE looked_at IS NOT NULL ORDER BY number \gexec
SQL

section "The other systems' questions" <<MD
The same bot-year, whose events have topics, sentiments, countries, stories and responses here, and whose sessions are conversations, too
(test/bench/dialects.sql has both columns as they were asked). Milliseconds in the server: ours, with its JSON, the median of 50 runs; hand-written SQL as one would
write it, with the event table's primary key, the median of 3. That the answers are right is for the tests to say.
MD
report dialects <<'SQL'
SELECT '| Question | bound | ms | min–max | hand-written SQL, ms | times |';
SELECT '| --- | ---: | ---: | --- | ---: | ---: |';
SELECT format('| `%s` | %s | %s | %s–%s | %s | %s |', replace(regexp_replace(d.ours, '''2025-01-01'', ''2026-01-01''', '...'), '''''', ''''),
	d.bound_ms, bench.cell(o.median, o.median <= coalesce(d.bound_ms, 'Infinity')), bench.digits(o.min), bench.digits(o.max), bench.digits(h.median), bench.digits(h.median / o.median))
FROM bench.dialect AS d
JOIN bench.figure AS o ON o.question = d.number::text AND o.side = 'json'
JOIN bench.figure AS h ON h.question = d.number::text AND h.side = 'hand'
ORDER BY d.number;
SELECT '';
SELECT 'What two of them look at: each member''s hash and each visit that is not the first one, or each entry. *Fetching* is what it takes PostgreSQL alone to fetch as many bytes as';
SELECT 'these are, and to count their bits (test/bench/looked_at.sql).';
SELECT '';
SELECT '| Question | looked at | MB | ns each, of the question | fetching, ms | min–max |';
SELECT '| --- | ---: | ---: | ---: | ---: | --- |';
SELECT format('| %s | %s | %s | %s | %s | %s–%s |', d.looked_at, bench.digits(l.number), bench.digits(l.bytes / 1e6), bench.digits(o.median * 1e6 / l.number),
	bench.digits(f.median), bench.digits(f.min), bench.digits(f.max))
FROM bench.dialect AS d
JOIN (SELECT question, sum(number) AS number, sum(length(bytes))::float8 AS bytes FROM bench.looked_at GROUP BY question) AS l ON l.question = d.looked_at
JOIN bench.figure AS o ON o.question = d.number::text AND o.side = 'json'
JOIN bench.figure AS f ON f.question = d.number::text AND f.side = 'fetching'
ORDER BY d.number;
SQL
drop_database dialects
