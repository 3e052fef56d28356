-- table_ours.sql: a line a question, the time of ours beside :factor times its bound.

SELECT '| Question | bound | typed function | min–max | JSON | min–max |';
SELECT '| --- | ---: | ---: | --- | ---: | --- |';
SELECT format('| %s | %s | %s | %s–%s | %s | %s |', label, bound, bench.cell(t.median, t.median <= bound), bench.digits(t.min),
	bench.digits(t.max), bench.cell(j.median, j.median <= bound + 0.2), bench.digits(j.min) || '–' || bench.digits(j.max))
FROM (SELECT *, bound_ms * :factor AS bound FROM bench.question) AS q
JOIN bench.figure AS t ON t.question = name AND t.side = 'typed'
LEFT JOIN bench.figure AS j ON j.question = name AND j.side = 'json'
ORDER BY number;
SELECT '';
