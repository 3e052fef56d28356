--
-- Ids and paths that strangers have chosen: counted as many as they are, and the same in every session
--
SET timezone = 'UTC';

-- Texts of 64 bytes that XXH64 takes for one and the same, whatever its seed: each of its four lanes is brought to one
-- state in nine ways, by a word of the first 32 bytes and one of the others.
CREATE TABLE way (lane integer, a text, b text);
INSERT INTO way VALUES
	(0, 'uggflxky', 'GWs1PLkY'), (0, 'dnszrpej', 'pBvpp?7@'), (0, 'npgejknt', 'o>Mme5my'), (0, 'crbprnex', 'qfiOardN'), (0, 'uoispqvy', '[E<1ZcHS'), (0, 'ijpanszy', 'I>mqx4wB'), (0, 'jhbdrsis', 'N621Fw`G'), (0, 'pnmdyuwn', 'HTw:ogyq'), (0, 'ottamfea', 'IAdmm0>o'),
	(1, 'hrohvfip', 'W55pWYtZ'), (1, 'fuicrdfh', 'ZhF;=CBP'), (1, 'cljefxpz', 'ED`?WxG`'), (1, 'gcxdsawu', '8HS1TuBn'), (1, 'eufelyca', 'qvNU;^XC'), (1, 'fjabemgi', '0=:ZwUU6'), (1, 'ijmhrwmi', 'k>t9`Nc<'), (1, 'rnuindkf', 'mATA_pSD'), (1, 'oyropvzw', 'T;aHx<kp'),
	(2, 'mkuhhhvr', 'lUkUS_9D'), (2, 'cbiptcfp', '_cl6E<oE'), (2, 'qtxzhdho', 'aDZ=Bmtp'), (2, 'vjphuvie', 'WsxIZ5QP'), (2, 'jnivkhkt', 'dz`DlOUm'), (2, 'wfwmacwb', 'yatV9]cI'), (2, 'mdbtdtim', 'XxIrgBO['), (2, 'fqqlhzta', 'eCSEbO;]'), (2, 'bnigeaey', 'ZtfzH7F`'),
	(3, 'nkoenkgq', 'NeJT0OHH'), (3, 'omnjwyzb', 'bigfnY^b'), (3, 'hiqfxvug', '_=[>8<nu'), (3, 'gujwgqbg', 'Pau[NmVn'), (3, 'jjjadgep', 'rYhM2lKK'), (3, 'btofshtq', 'N7jayPom'), (3, 'bbntmnxp', 'U?y>WhNR'), (3, 'zwzlhtoy', '2VM02Ls]'), (3, 'mocxhfzi', '<WV;`1AD');
CREATE TABLE forged AS
SELECT concat(w.a, x.a, y.a, z.a, w.b, x.b, y.b, z.b) AS id FROM way w, way x, way y, way z
WHERE w.lane = 0 AND x.lane = 1 AND y.lane = 2 AND z.lane = 3
ORDER BY concat(w.a, x.a, y.a, z.a, w.b, x.b, y.b, z.b) COLLATE "C" LIMIT 5000;
SELECT count(DISTINCT id), min(octet_length(id)), max(octet_length(id)) FROM forged;

-- as sessions and as paths: at once, one by one, and counted anew
SELECT kindly_stats.create_event_table('forged_event');
INSERT INTO forged_event (bot_id, occurred_at, kind, session_id, web_host, web_path)
SELECT 1, '2024-05-01 10:00Z', 'user_message', id, 'example.com', '/' || id FROM forged;
DO $$
DECLARE
	f record;
BEGIN
	FOR f IN SELECT id FROM forged LIMIT 100 LOOP
		INSERT INTO forged_event (bot_id, occurred_at, kind, session_id) VALUES (2, '2024-05-01 10:00Z', 'user_message', f.id);
	END LOOP;
END $$;
SELECT bot_id, count, distinct_count FROM (VALUES (1), (2)) AS b(bot_id), kindly_stats.stats_total(bot_id, '2024-05-01', '2024-05-02', 'UTC', measure => 'messages');
SELECT count(*) AS pages FROM kindly_stats.stats_top(1, '2024-05-01', '2024-05-02', 'UTC', measure => 'pages', "limit" => 10000);
SELECT * FROM kindly_stats.verify();

-- the member's hash, as doc/format.md tells it
SELECT member, encode(substr(t, length(t) - 7, 8), 'hex') AS hash FROM (
	SELECT member, kindly_stats.tally_send(kindly_stats.tally_agg('2024-05-01 10:00Z', '{}', member)) AS t FROM (VALUES ('anna'), ('bo'), ('')) AS v(member) GROUP BY member) AS x
ORDER BY member;

-- tables in memory have a secret of the session, what is stored has not
CREATE TABLE kept AS
SELECT kindly_stats.tally_agg('2024-05-01 10:00Z'::timestamptz + n % 50 * interval '1 hour', ARRAY['web', '/' || id], id)::text AS t
FROM (SELECT id, row_number() OVER (ORDER BY id COLLATE "C") AS n FROM forged) AS f;
\c -
SELECT count(*) AS sessions, count(DISTINCT t) AS tallies FROM (
	SELECT t FROM kept UNION ALL
	SELECT kindly_stats.tally_agg('2024-05-01 10:00Z'::timestamptz + n % 50 * interval '1 hour', ARRAY['web', '/' || id], id)::text
	FROM (SELECT id, row_number() OVER (ORDER BY id COLLATE "C") AS n FROM forged) AS f) AS x;

SELECT kindly_stats.detach('forged_event');
DROP TABLE forged_event, forged, way, kept;
