-- table_hand.sql: a line a question, hand-written SQL and how many times as long as ours it takes.

SELECT '| Question | bound | hand-written SQL | min–max | times | the best of it | min–max | times |';
SELECT '| --- | ---: | ---: | --- | ---: | ---: | --- | ---: |';
SELECT format('| %s | %s | %s | %s–%s | %s | %s | %s–%s | %s |', label, bound_times,
	bench.digits(h.median), bench.digits(h.min), bench.digits(h.max), bench.cell(h.median / t.median, h.median >= t.median * bound_times),
	bench.digits(b.median), bench.digits(b.min), bench.digits(b.max), bench.cell(b.median / t.median, b.median >= t.median * bound_times))
FROM bench.question
JOIN bench.figure AS t ON t.question = name AND t.side = 'typed'
JOIN bench.figure AS h ON h.question = name AND h.side = 'hand'
JOIN bench.figure AS b ON b.question = name AND b.side = 'best'
ORDER BY number;
SELECT '';
