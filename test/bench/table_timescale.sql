-- table_timescale.sql: a line a question, TimescaleDB's columnstore and continuous aggregates, and how many times as long as ours they take.

SELECT '| Question | typed function | columnstore | times | quarter hours | times | days of one zone | times |';
SELECT '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |';
SELECT format('| %s | %s | %s | %s | %s | %s | %s | %s |', q.label, bench.digits(t.median),
	bench.digits(c.median), bench.digits(c.median / t.median),
	coalesce(bench.digits(f.median), fs.remark), bench.digits(f.median / t.median),
	coalesce(bench.digits(d.median), ds.remark), bench.digits(d.median / t.median))
FROM bench.question AS q
JOIN bench.figure AS t ON t.question = q.name AND t.side = 'typed'
LEFT JOIN bench.figure AS c ON c.question = q.name AND c.side = 'columnstore'
LEFT JOIN bench.figure AS f ON f.question = q.name AND f.side = 'quarters'
LEFT JOIN bench.figure AS d ON d.question = q.name AND d.side = 'days'
LEFT JOIN bench.statement AS fs ON fs.question = q.name AND fs.side = 'quarters'
LEFT JOIN bench.statement AS ds ON ds.question = q.name AND ds.side = 'days'
WHERE q.name <> 'options'
ORDER BY q.number;
SELECT '';
