-- table_peers.sql: a line a question, DuckDB and the materialized views, and how many times as long as ours they take.

SELECT '| Question | DuckDB | times | DuckDB, UTC days | times | materialized view | times |';
SELECT '| --- | ---: | ---: | ---: | ---: | ---: | ---: |';
SELECT format('| %s | %s | %s | %s | %s | %s | %s |', label,
	coalesce(bench.digits(d.median), 'not run'), bench.digits(d.median / t.median),
	coalesce(bench.digits(u.median), 'not run'), bench.digits(u.median / t.median),
	coalesce(bench.digits(v.median), s.remark), bench.digits(v.median / t.median))
FROM bench.question
JOIN bench.figure AS t ON t.question = name AND t.side = 'typed'
LEFT JOIN bench.figure AS d ON d.question = name AND d.side = 'duckdb'
LEFT JOIN bench.figure AS u ON u.question = name AND u.side = 'duckdb utc'
LEFT JOIN bench.figure AS v ON v.question = name AND v.side = 'view'
LEFT JOIN bench.statement AS s ON s.question = name AND s.side = 'view'
ORDER BY number;
SELECT '';
SELECT '| View | rows | refresh, seconds | min–max |';
SELECT '| --- | ---: | ---: | --- |';
SELECT format('| %s | %s | %s | %s–%s |', c.relname, to_char(c.reltuples, 'FM999,999,990'), bench.digits(median / 1000), bench.digits(min / 1000), bench.digits(max / 1000))
FROM bench.figure
JOIN pg_class AS c ON c.oid = to_regclass(question)
WHERE side = 'refresh'
ORDER BY c.oid;
SELECT '';
