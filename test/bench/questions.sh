# shellcheck shell=sh
# questions.sh: what a question costs, beside hand-written SQL, DuckDB and
# materialized views.

reference
measure reference typed 200
measure reference json 200
on reference -v table=chat_event -f "$bench/hand.sql"
measure reference hand 5 '0,2'
measure reference best 5 '0,2'
on reference -v table=chat_event -f "$bench/views.sql"
measure reference view 5
same_answers reference

section "Questions" <<MD
A year of the busiest of 20 bots in Europe/Oslo; milliseconds in a warm connection, measured in the server: medians of 200 runs of
prepared statements of ours, of 5 of the others.  All answers are equal, or there would be no table.

The hand-written SQL has indexes that cover each question, as few columns as it needs, and no parallel workers or two, whichever is quicker.  First
as one would write it, \`date_trunc\` or \`count(DISTINCT)\` over the range; then the quickest of several ways, which goes to the index once for each local day.
MD
report reference <<'SQL'
SELECT '| Question | bound | typed function | min–max | JSON | min–max |';
SELECT '| --- | ---: | ---: | --- | ---: | --- |';
SELECT format('| %s | %s | %s | %s–%s | %s | %s |', label, bound_ms, bench.cell(t.median, t.median <= bound_ms),
	bench.digits(t.min), bench.digits(t.max), bench.cell(j.median, j.median <= bound_ms + 0.2),
	bench.digits(j.min) || '–' || bench.digits(j.max))
FROM bench.question AS q
JOIN bench.figure AS t ON t.question = name AND t.side = 'typed'
LEFT JOIN bench.figure AS j ON j.question = name AND j.side = 'json'
ORDER BY number;
SELECT '';
SELECT '| Question | bound | hand-written SQL | times | the best of it | times | materialized view | times |';
SELECT '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |';
SELECT format('| %s | %s | %s | %s | %s | %s | %s | %s |', label, bound_times,
	bench.digits(h.median), bench.cell(h.median / t.median, h.median >= t.median * coalesce(bound_times, 0)),
	bench.digits(b.median), bench.cell(b.median / t.median, b.median >= t.median * coalesce(bound_times, 0)),
	coalesce(bench.digits(v.median), s.remark), bench.digits(v.median / t.median))
FROM bench.question AS q
JOIN bench.figure AS t ON t.question = name AND t.side = 'typed'
LEFT JOIN bench.figure AS h ON h.question = name AND h.side = 'hand'
LEFT JOIN bench.figure AS b ON b.question = name AND b.side = 'best'
LEFT JOIN bench.figure AS v ON v.question = name AND v.side = 'view'
LEFT JOIN bench.statement AS s ON s.question = name AND s.side = 'view'
ORDER BY number;
SQL
