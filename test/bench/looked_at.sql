-- looked_at.sql: what questions about members have to look at, as bytes to be fetched.
--
--     psql -v of=growth|dialects -f test/bench/looked_at.sql
--
-- Some questions cannot be answered without a look at each hash of a member, or at each entry of some keys
-- (doc/format.md has both).  Here are as many bytes, a value a month, stored as tallies are.  To fetch them and
-- count their bits is work for PostgreSQL alone, and less than any question that needs them can take.

CREATE TABLE bench.looked_at (question text, number bigint, bytes bytea);
ALTER TABLE bench.looked_at ALTER bytes SET STORAGE EXTERNAL;

-- The members of each month of bot 1, and the bytes of the number of one.
CREATE VIEW bench.month_members AS
SELECT month, measure, sum(members) AS members, CASE WHEN sum(members) <= 256 THEN 1 WHEN sum(members) <= 65536 THEN 2 ELSE 4 END AS width
FROM (SELECT month, measure, (kindly_stats.info(tally)).members FROM kindly_stats.rollup WHERE bot_id = 1 AND measure <> '') AS r
GROUP BY month, measure;

-- The user messages of bot 1, by quarter hour.
CREATE VIEW bench.quarter_message AS
SELECT date_trunc('month', occurred_at AT TIME ZONE 'UTC')::date AS month, date_bin('15 minutes', occurred_at, '2000-01-01 00:00Z') AS quarter, e.*
FROM chat_event AS e
WHERE bot_id = 1 AND kind = 'user_message';

CREATE FUNCTION bench.bytes(size numeric) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT decode(repeat('5a', size::integer), 'hex') $$;

CREATE FUNCTION bench.fetching(asked text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT format('SELECT sum(bit_count(bytes)) FROM bench.looked_at WHERE question = %L', asked)
$$;

SELECT :'of' = 'dialects' AS dialects \gset
\if :dialects

-- The hours of the week: all hashes, since anybody may come again, and who visits an hour for other than the first time.
INSERT INTO bench.looked_at
SELECT 'heatmap', visits, bench.bytes(8 * members + width * (visits - members))
FROM (SELECT month, count(*) AS visits FROM (SELECT DISTINCT month, quarter, session_id FROM bench.quarter_message) AS v GROUP BY month) AS v
JOIN bench.month_members AS m USING (month)
WHERE measure = 'messages';

-- Days and stories: the entries of all keys, and three bytes for each quarter hour of a key.
INSERT INTO bench.looked_at
SELECT 'storyId', entries, bench.bytes(width * entries + 3 * quarters)
FROM (SELECT month, count(*) AS entries, count(DISTINCT (quarter, source, language_code, story_id)) AS quarters
		FROM (SELECT DISTINCT month, quarter, session_id, source, language_code, story_id FROM bench.quarter_message) AS e
		GROUP BY month) AS e
JOIN bench.month_members AS m USING (month)
WHERE measure = 'stories';

\else

-- Whom several months may share: all hashes.
INSERT INTO bench.looked_at
SELECT 'sessions', members, bench.bytes(8 * members) FROM bench.month_members WHERE measure = 'messages';

-- A filter: the entries of the keys that pass.
INSERT INTO bench.looked_at
SELECT 'filtered', entries, bench.bytes(width * entries)
FROM (SELECT month, count(*) AS entries
		FROM (SELECT DISTINCT month, quarter, session_id, source FROM bench.quarter_message WHERE source IN ('web', 'app') AND language_code = 'en') AS e
		GROUP BY month) AS e
JOIN bench.month_members AS m USING (month)
WHERE measure = 'messages';

-- A top list: the entries of its three lines, and all hashes.
INSERT INTO bench.looked_at
SELECT 'pages', entries + members, bench.bytes(width * entries + 8 * members)
FROM (SELECT month, count(*) AS entries
		FROM (SELECT DISTINCT month, quarter, session_id, source, language_code, web_path FROM bench.quarter_message
			WHERE web_path IN (SELECT web_path FROM bench.quarter_message GROUP BY web_path ORDER BY count(*) DESC LIMIT 3)) AS e
		GROUP BY month) AS e
JOIN bench.month_members AS m USING (month)
WHERE measure = 'pages';

\endif
