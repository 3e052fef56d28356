-- ingest.sql: the table of ingest.sh, from its timings.

CREATE TEMP TABLE timing (way text, fsync text, schema text, round integer, seconds float8);
\copy timing FROM pstdin

-- A COPY is told in seconds, the others in rows a second.
CREATE TEMP TABLE way (number integer GENERATED ALWAYS AS IDENTITY, way text, label text, rows integer, bound float8, bound_off float8);
INSERT INTO way (way, label, rows, bound, bound_off) VALUES
	('copy', 'COPY of all events in one statement: seconds', NULL, 1.10, 1.10),
	('batches', 'INSERT of 100 rows a statement: rows a second', :batches * 100, 0.90, 0.90),
	('1', 'INSERT of one row, 1 client: rows a second', 1000, 0.85, 0.75),
	('4', 'the same, 4 clients', 1000, 0.85, 0.75),
	('16', 'the same, 16 clients', 1000, 0.85, 0.75);

CREATE TEMP VIEW figure AS
SELECT number, label, rows, CASE fsync WHEN 'off' THEN bound_off ELSE bound END AS bound, fsync, bench.median(array_agg(counted)) AS counted, bench.median(array_agg(plain)) AS plain,
	   bench.median(array_agg(counted / plain)) AS ratio, min(counted / plain), max(counted / plain),
	   bench.median(array_agg(captured / plain)) AS captured, bench.median(array_agg(noted / plain)) AS noted
FROM way
JOIN (SELECT way, fsync, round,
			 max(coalesce(rows / seconds, seconds)) FILTER (WHERE schema = 'counted') AS counted,
			 max(coalesce(rows / seconds, seconds)) FILTER (WHERE schema = 'captured') AS captured,
			 max(coalesce(rows / seconds, seconds)) FILTER (WHERE schema = 'noted') AS noted,
			 max(coalesce(rows / seconds, seconds)) FILTER (WHERE schema = 'plain') AS plain
	  FROM timing JOIN way USING (way) GROUP BY way, fsync, round) AS t USING (way)
GROUP BY number, label, rows, bound, bound_off, fsync;

SELECT '| Events written | fsync | counted | not counted | ratio | min–max | bound | captured | with an empty row |';
SELECT '| --- | --- | ---: | ---: | ---: | --- | --- | ---: | ---: |';
SELECT format('| %s | %s | %s | %s | %s | %s–%s | %s | %s | %s |', label, fsync, bench.digits(counted), bench.digits(plain),
	bench.cell(ratio, CASE WHEN rows IS NULL THEN ratio <= bound ELSE ratio >= bound END),
	bench.digits(min), bench.digits(max), CASE WHEN rows IS NULL THEN '≤ ' ELSE '≥ ' END || to_char(bound, 'FM0.00'), bench.digits(captured), bench.digits(noted))
FROM figure ORDER BY fsync DESC, number;
