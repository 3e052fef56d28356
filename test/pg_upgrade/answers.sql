-- What must be the same after as before: every stored byte, and every answer.
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only on
SET timezone = 'UTC';
SET jit = off;
SELECT 'stored', count(*), md5(string_agg(concat_ws(' ', bot_id, measure, month, id, kept, encode(kindly_stats.tally_send(tally), 'hex')), '|' ORDER BY bot_id, id)) FROM kindly_stats.rollup;
SELECT 'mine', bot_id, md5(kindly_stats.tally_send(tally)) FROM mine ORDER BY bot_id;
SELECT 'text', count(*) FROM kindly_stats.rollup WHERE tally::text::kindly_stats.tally::text = tally::text;
SELECT 'extension', extversion, extowner::regrole FROM pg_extension WHERE extname = 'kindly_stats';
SELECT 'bot', id, number, name FROM kindly_stats.bot ORDER BY id COLLATE "C";
SELECT 'series', m.name, count(*), coalesce(sum(s.count), 0), md5(string_agg(b.number || s::text, '|' ORDER BY b.number, s.bucket))
  FROM kindly_stats.bot AS b, kindly_stats.measure AS m, kindly_stats.stats_series(b.id, '2024-12-01', '2026-02-01', 'Europe/Oslo', measure => m.name) AS s
 GROUP BY m.name ORDER BY m.name;
SELECT 'top', md5(string_agg(b.number || m.name || s::text, '|' ORDER BY b.number, m.name, s::text COLLATE "C"))
  FROM kindly_stats.bot AS b, kindly_stats.measure AS m, kindly_stats.stats_top(b.id, '2024-12-01', '2026-02-01', 'UTC', m.name, 1000) AS s WHERE m.keys <> '{}';
SELECT 'sage', md5(concat_ws('|', sage.meta_options(1), sage.sessions_chats(1, '2025-01-01', '2025-12-31'), sage.chatbubble_pages(1, '2025-01-01', '2025-12-31')));
SELECT 'daily', count(*), md5(string_agg(d::text, '|' ORDER BY d::text COLLATE "C")) FROM daily AS d;
SELECT 'talks', b, count(f) FROM unnest(ARRAY[1, 2, 3]) AS b, ultimate.first_last_intent(b, '2025-01-01', '2026-01-01') AS f GROUP BY b ORDER BY b;
SELECT 'kept', bot_id, sum(kindly_stats.total(tally)) FROM kindly_stats.rollup WHERE kept GROUP BY bot_id ORDER BY bot_id;
SELECT 'trigger', tgrelid::regclass, md5(string_agg(pg_get_triggerdef(oid) || tgenabled::text, '|' ORDER BY tgname)) FROM pg_trigger
 WHERE NOT tgisinternal GROUP BY tgrelid ORDER BY tgrelid::regclass::text COLLATE "C";
SELECT 'event trigger', evtname, evtevent, evtenabled FROM pg_event_trigger ORDER BY evtname;
-- 17 counts array and row types, too
SELECT 'member', o.type, count(*) FROM pg_depend AS d JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid,
       pg_identify_object(d.classid, d.objid, 0) AS o WHERE e.extname = 'kindly_stats' AND d.deptype = 'e' AND o.type <> 'type' GROUP BY o.type ORDER BY o.type COLLATE "C";
SELECT 'key', prefix, bot_id, is_valid FROM kindly_stats.api_keys();
SELECT 'policy', polrelid::regclass, polname FROM pg_policy ORDER BY 1, 2, 3;
SELECT 'verify', v.* FROM kindly_stats.verify() AS v;
SELECT 'health', h.* FROM kindly_stats.health() AS h WHERE h.severity = 'error' ORDER BY 2, 3;
