-- What the page for people shows, in one answer and from one snapshot.  Functions of other schemas are called from SQL bodies that were
-- parsed beforehand, so that the role of a link needs no rights on those schemas.

CREATE TYPE kindly_stats.overview_question AS (
    bot kindly_stats.bot_id, "from" kindly_stats.moment, "to" kindly_stats.moment, tz text, granularity text, locale text, sources text[], language_codes text[],
    compare text, previous_from kindly_stats.moment, previous_to kindly_stats.moment, measure text, key text[], top integer
);
COMMENT ON TYPE kindly_stats.overview_question IS 'internal: what kindly_api.overview() was asked for, once it is clear what that is';

-- The local date of an instant, in any zone that statistics accept.
CREATE FUNCTION kindly_stats.local_date(instant timestamptz, tz text) RETURNS date
    LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 20
    RETURN (SELECT p."from" FROM kindly_stats.period('today', tz, instant) AS p);
COMMENT ON FUNCTION kindly_stats.local_date(timestamptz, text) IS 'internal: the date that a local clock shows';

-- first, last: dates of the first and last event, used where no range is given.
CREATE FUNCTION kindly_stats.overview_range(
    INOUT period text, INOUT "from" kindly_stats.moment, INOUT "to" kindly_stats.moment, tz text, INOUT granularity text, locale text, first date, last date,
    OUT from_date date, OUT to_date date)
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 100 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    today date := (SELECT p."from" FROM kindly_stats.period('today', tz) AS p);
    fitting text;
    days integer;
BEGIN
    IF period IS NULL AND "from" IS NULL AND "to" IS NULL THEN
        IF last < today - 29 THEN
            "from" := kindly_stats.moment(last - 29);
            "to" := kindly_stats.moment(last + 1);
        ELSE
            period := 'last30days';
        END IF;
    END IF;
    IF period = 'all' THEN
        from_date := coalesce(first, today);
        to_date := coalesce(last, today) + 1;
    ELSIF period IS NOT NULL THEN
        SELECT p."from", p."to", p.granularity INTO from_date, to_date, fitting FROM kindly_stats.period(period, tz, NULL, locale) AS p;
    END IF;
    IF period IS NOT NULL THEN
        "from" := kindly_stats.moment(from_date);
        "to" := kindly_stats.moment(to_date);
    ELSIF "from" IS NOT NULL AND "to" IS NOT NULL THEN
        IF "from"::text ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' AND "to"::text ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' THEN
            from_date := "from"::text;
            to_date := "to"::text;
        ELSE
            SELECT kindly_stats.local_date(e.edges[1], tz), kindly_stats.local_date(e.edges[cardinality(e.edges)] - interval '1 microsecond', tz) + 1
              INTO from_date, to_date FROM kindly_stats.edges("from", "to", tz, 'day') AS e (edges);
        END IF;
    END IF;
    days := to_date - from_date;
    IF granularity IS NULL OR (granularity = 'hour' AND days > 7) THEN
        granularity := coalesce(fitting, CASE WHEN days <= 2 THEN 'hour' WHEN days <= 92 THEN 'day' WHEN days <= 550 THEN 'week' WHEN days <= 3000 THEN 'month' WHEN days <= 9000 THEN 'quarter' ELSE 'year' END);
    END IF;
END
$$;
COMMENT ON FUNCTION kindly_stats.overview_range(text, kindly_stats.moment, kindly_stats.moment, text, text, text, date, date) IS 'internal: the range that is meant, and a granularity that suits it';

-- Values by bucket, beside those of the earlier range if there is one.
CREATE FUNCTION kindly_stats.overview_series(q kindly_stats.overview_question, measure text, key text[] DEFAULT NULL)
    RETURNS TABLE (bucket timestamptz, date timestamp, previous_date timestamp, count bigint, members bigint, previous_count bigint, previous_members bigint)
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 2000 ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF q.compare IS NULL THEN
        RETURN QUERY SELECT s.bucket, s.date, NULL::timestamp, s.count, s.distinct_count, NULL::bigint, NULL::bigint
          FROM kindly_stats.stats_series(q.bot, q."from", q."to", q.tz, q.granularity, overview_series.measure, q.sources, q.language_codes, overview_series.key, q.locale) AS s;
    ELSE
        RETURN QUERY SELECT s.bucket, s.date, s.previous_date, s.count, s.distinct_count, s.previous_count, s.previous_distinct_count
          FROM kindly_stats.stats_series_compared(q.bot, q."from", q."to", q.tz, q.granularity, overview_series.measure, q.sources, q.language_codes, overview_series.key, q.locale, q.compare) AS s;
    END IF;
END
$$;
COMMENT ON FUNCTION kindly_stats.overview_series(kindly_stats.overview_question, text, text[]) IS 'internal: a measure bucket by bucket, beside those of an earlier range where there is one';

CREATE FUNCTION kindly_stats.overview_total(q kindly_stats.overview_question, measure text, key text[] DEFAULT NULL, OUT count bigint, OUT members bigint, OUT previous_count bigint, OUT previous_members bigint)
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 2000 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF q.compare IS NULL THEN
        SELECT t.count, t.distinct_count INTO count, members
          FROM kindly_stats.stats_total(q.bot, q."from", q."to", q.tz, q.granularity, overview_total.measure, q.sources, q.language_codes, overview_total.key, q.locale) AS t;
    ELSE
        SELECT t.count, t.distinct_count, t.previous_count, t.previous_distinct_count INTO count, members, previous_count, previous_members
          FROM kindly_stats.stats_total_compared(q.bot, q."from", q."to", q.tz, q.granularity, overview_total.measure, q.sources, q.language_codes, overview_total.key, q.locale, q.compare) AS t;
    END IF;
END
$$;
COMMENT ON FUNCTION kindly_stats.overview_total(kindly_stats.overview_question, text, text[]) IS 'internal: a measure in all, beside that of an earlier range where there is one';

-- Tables are read in statements of their own: where they are distributed, statistics cannot be asked in the middle.
CREATE FUNCTION kindly_stats.existing_measure(measure text) RETURNS SETOF text
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 100 ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT m.name FROM kindly_stats.measure AS m WHERE m.name = existing_measure.measure;
END
$$;
COMMENT ON FUNCTION kindly_stats.existing_measure(text) IS 'internal: the name of a measure, if there is one of that name';
CREATE FUNCTION kindly_stats.interaction_names(bot bigint) RETURNS TABLE (id text, name text)
    LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 100 AS 'MODULE_PATHNAME', 'ks_interaction_names';
COMMENT ON FUNCTION kindly_stats.interaction_names(bigint) IS 'internal: ids and names that kindly_stats.interaction has of a bot';

CREATE FUNCTION kindly_stats.overview_list(q kindly_stats.overview_question, measure text) RETURNS json
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(json_agg(json_build_object('key', t.key, 'count', t.count, 'members', t.distinct_count, 'ratio', t.ratio)), '[]')
      FROM kindly_stats.existing_measure(overview_list.measure) AS m (name), kindly_stats.stats_top(q.bot, q."from", q."to", q.tz, m.name, q.top, q.sources, q.language_codes) AS t
$$;
COMMENT ON FUNCTION kindly_stats.overview_list(kindly_stats.overview_question, text) IS 'internal: the most frequent keys of a measure as JSON, none where there is no such measure';

-- Buttons and their dialogues are counted by ids: their names are those of the interactions with these ids.
CREATE FUNCTION kindly_stats.overview_buttons(q kindly_stats.overview_question) RETURNS json
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 SET search_path = pg_catalog, pg_temp AS $$
    WITH button (line, place) AS MATERIALIZED (SELECT b.* FROM json_array_elements(kindly_stats.overview_list(q, 'buttons')) WITH ORDINALITY AS b),
    name (id, name) AS MATERIALIZED (
        SELECT i.id, i.name FROM kindly_stats.interaction_names(q.bot::bigint) AS i
        UNION ALL
        SELECT t.key[3], t.key[2] FROM kindly_stats.existing_measure('interactions') AS m (name), kindly_stats.stats_top(q.bot, q."from", q."to", q.tz, m.name, 1000) AS t
         WHERE t.key[3] IS NOT NULL AND t.key[2] IS NOT NULL AND EXISTS (SELECT FROM button))
    SELECT coalesce(json_agg(b.line::jsonb || jsonb_build_object(
               'name', (SELECT min(n.name) FROM name AS n WHERE n.id = b.line #>> '{key,0}'),
               'dialogue', (SELECT min(n.name) FROM name AS n WHERE n.id = b.line #>> '{key,2}')) ORDER BY b.place), '[]')
      FROM button AS b
$$;
COMMENT ON FUNCTION kindly_stats.overview_buttons(kindly_stats.overview_question) IS 'internal: buttons with the names of interactions that have their, or their dialogues'', ids';

CREATE FUNCTION kindly_stats.overview_breakdown(q kindly_stats.overview_question, by text) RETURNS json
    LANGUAGE sql STABLE PARALLEL SAFE COST 5000 SET search_path = pg_catalog, pg_temp AS $$
    -- values as filters take them: chr(92) is a backslash
    SELECT coalesce(json_agg(json_build_object('value', CASE WHEN t.value IS NOT NULL THEN concat(CASE WHEN t.value = '' OR left(t.value, 1) IN ('-', chr(92)) THEN chr(92) END, t.value) END, 'count', t.count, 'members', t.distinct_count)), '[]')
      FROM kindly_stats.stats_total_by(q.bot, q."from", q."to", q.tz, overview_breakdown.by, 'day', coalesce(q.measure, 'messages'), q.sources, q.language_codes, q.key) AS t
$$;
COMMENT ON FUNCTION kindly_stats.overview_breakdown(kindly_stats.overview_question, text) IS 'internal: a measure, by default messages, by source or language as JSON, most events first';

CREATE FUNCTION kindly_stats.overview_feedback(q kindly_stats.overview_question, "from" kindly_stats.moment, "to" kindly_stats.moment) RETURNS json
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000
    RETURN sage.feedback_summary((q).bot, "from", "to", (q).tz, array_to_json((q).sources)::text, array_to_json((q).language_codes)::text) -> 'data';
COMMENT ON FUNCTION kindly_stats.overview_feedback(kindly_stats.overview_question, kindly_stats.moment, kindly_stats.moment) IS 'internal: ratings of either scale';

CREATE FUNCTION kindly_stats.overview_rates(q kindly_stats.overview_question, "from" kindly_stats.moment, "to" kindly_stats.moment) RETURNS json
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000
    RETURN (SELECT row_to_json(m) FROM ultimate.metrics((q).bot, "from", "to", 'end', array_to_json((q).sources)::text, array_to_json((q).language_codes)::text, (q).tz) AS m);
COMMENT ON FUNCTION kindly_stats.overview_rates(kindly_stats.overview_question, kindly_stats.moment, kindly_stats.moment) IS 'internal: rates of conversations that ended';

CREATE FUNCTION kindly_stats.overview_intents(q kindly_stats.overview_question) RETURNS json
    LANGUAGE sql STABLE PARALLEL RESTRICTED COST 10000
    RETURN (SELECT coalesce(json_agg(i), '[]') FROM (
        SELECT m.* FROM ultimate.metrics_by_first_meaningful_intent((q).bot, (q)."from", (q)."to", '{}', 'end', (q).tz) AS m LIMIT (q).top) AS i);
COMMENT ON FUNCTION kindly_stats.overview_intents(kindly_stats.overview_question) IS 'internal: conversations by their first meaningful intent';

CREATE FUNCTION kindly_stats.overview_card(card text, q kindly_stats.overview_question) RETURNS json
    LANGUAGE plpgsql STABLE PARALLEL RESTRICTED COST 10000 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    compared boolean := q.compare IS NOT NULL;
    series json;
    total record;
    more record;
    member text;
BEGIN
    CASE card
    WHEN 'chats', 'messages' THEN
        total := kindly_stats.overview_total(q, 'messages');
        RETURN (SELECT json_build_object('now', json_build_object('chats', total.members, 'messages', total.count, 'series', json_agg(CASE card WHEN 'chats' THEN s.members ELSE s.count END)),
                    'before', CASE WHEN compared THEN json_build_object('chats', total.previous_members, 'messages', total.previous_count, 'series', json_agg(CASE card WHEN 'chats' THEN s.previous_members ELSE s.previous_count END)) END)
                  FROM kindly_stats.overview_series(q, 'messages') AS s);
    WHEN 'row' THEN
        IF q.measure IS NULL THEN
            RETURN NULL;
        END IF;
        total := kindly_stats.overview_total(q, q.measure, q.key);
        member := (SELECT m.member FROM kindly_stats.measure AS m WHERE m.name = q.measure);
        RETURN (SELECT json_build_object('member', member,
                    'now', json_build_object('count', total.count, 'members', total.members, 'series', json_agg(s.count), 'member_series', json_agg(s.members)),
                    'before', CASE WHEN compared THEN json_build_object('count', total.previous_count, 'members', total.previous_members, 'series', json_agg(s.previous_count), 'member_series', json_agg(s.previous_members)) END)
                  FROM kindly_stats.overview_series(q, q.measure, q.key) AS s);
    WHEN 'fallbacks' THEN
        -- ordered, for a join of many buckets is not
        total := kindly_stats.overview_total(q, 'fallbacks');
        more := kindly_stats.overview_total(q, 'replies');
        RETURN (SELECT json_build_object('now', json_build_object('fallbacks', total.count, 'replies', more.count, 'series', json_agg(f.count ORDER BY f.bucket), 'replied', json_agg(r.count ORDER BY f.bucket)),
                    'before', CASE WHEN compared THEN json_build_object('fallbacks', total.previous_count, 'replies', more.previous_count, 'series', json_agg(f.previous_count ORDER BY f.bucket), 'replied', json_agg(r.previous_count ORDER BY f.bucket)) END)
                  FROM kindly_stats.overview_series(q, 'fallbacks') AS f JOIN kindly_stats.overview_series(q, 'replies') AS r USING (bucket));
    WHEN 'handovers' THEN
        SELECT json_object_agg(n.name, json_build_object('now', (SELECT json_build_object('total', sum(s.count), 'series', json_agg(s.count)) FROM kindly_stats.overview_series(q, n.measure) AS s),
                                                         'before', CASE WHEN compared THEN (kindly_stats.overview_total(q, n.measure)).previous_count END)) INTO series
          FROM (VALUES ('requests', 'handover_requests'), ('requests_while_closed', 'handover_requests_closed'), ('started', 'handovers_started'), ('ended', 'handovers_ended')) AS n (name, measure);
        RETURN (SELECT json_build_object(
                    'now', json_build_object('totals', json_object_agg(e.key, e.value #> '{now,total}'), 'series', json_object_agg(e.key, e.value #> '{now,series}')),
                    'before', CASE WHEN compared THEN json_build_object('totals', json_object_agg(e.key, e.value -> 'before')) END) FROM json_each(series) AS e);
    WHEN 'users' THEN
        -- Members who came in the range and never before: all up to its end, less all up to its beginning.
        total := kindly_stats.overview_total(q, 'users');
        RETURN (SELECT json_build_object('now', json_build_object('users', total.members, 'created', until.distinct_count - before.distinct_count, 'series', (SELECT json_agg(s.members) FROM kindly_stats.overview_series(q, 'users') AS s)),
                    'before', CASE WHEN compared THEN json_build_object('users', total.previous_members, 'series', (SELECT json_agg(s.previous_members) FROM kindly_stats.overview_series(q, 'users') AS s)) END)
                  FROM kindly_stats.stats_total(q.bot, '0100-01-01', q."to", q.tz, 'day', 'users', q.sources, q.language_codes) AS until,
                       kindly_stats.stats_total(q.bot, '0100-01-01', q."from", q.tz, 'day', 'users', q.sources, q.language_codes) AS before);
    WHEN 'feedback' THEN
        RETURN json_build_object('now', kindly_stats.overview_feedback(q, q."from", q."to"), 'before', CASE WHEN compared THEN kindly_stats.overview_feedback(q, q.previous_from, q.previous_to) END);
    WHEN 'outcomes' THEN
        RETURN json_build_object('now', json_build_object('rates', kindly_stats.overview_rates(q, q."from", q."to"), 'list', kindly_stats.overview_list(q, 'outcomes_ended')),
            'before', CASE WHEN compared THEN json_build_object('rates', kindly_stats.overview_rates(q, q.previous_from, q.previous_to)) END);
    WHEN 'buttons' THEN
        RETURN json_build_object('now', kindly_stats.overview_buttons(q));
    WHEN 'sources' THEN
        RETURN json_build_object('now', kindly_stats.overview_breakdown(q, 'source'));
    WHEN 'languages' THEN
        RETURN json_build_object('now', kindly_stats.overview_breakdown(q, 'language_code'));
    WHEN 'heatmap' THEN
        -- whose hours are more than may be asked for at once; a day has 25 at times
        IF (SELECT 24 * count(*) + 2 FROM kindly_stats.buckets(q."from", q."to", q.tz, 'day')) > current_setting('kindly_stats.max_buckets')::bigint THEN
            RETURN json_build_object('now', NULL);
        END IF;
        RETURN (SELECT json_build_object('now', json_build_object('counts', json_agg(h.count ORDER BY h.day, h.hour), 'occurrences', json_agg(h.occurrences ORDER BY h.day, h.hour),
                    'days', (SELECT json_agg(w.day ORDER BY w.place) FROM kindly_stats.weekdays(q.locale) AS w)))
                  FROM kindly_stats.stats_heatmap(q.bot, q."from", q."to", q.tz, coalesce(q.measure, 'messages'), q.sources, q.language_codes, q.key) AS h);
    WHEN 'intents' THEN
        -- Left out under filters by channel and language, where there is no conversation table, and for callers who may not read them.
        IF q.sources IS NULL AND q.language_codes IS NULL AND EXISTS (SELECT FROM kindly_stats.conversation_tables()) THEN
            BEGIN
                RETURN json_build_object('now', kindly_stats.overview_intents(q));
            EXCEPTION WHEN insufficient_privilege THEN
                NULL;
            END;
        END IF;
        RETURN json_build_object('now', NULL);
    ELSE
        RETURN json_build_object('now', kindly_stats.overview_list(q, CASE card WHEN 'events' THEN 'triggered_events' ELSE card END));
    END CASE;
END
$$;
COMMENT ON FUNCTION kindly_stats.overview_card(text, kindly_stats.overview_question) IS 'internal: what one card of kindly_api.overview() shows';

-- The buckets that all series of an answer have.
CREATE FUNCTION kindly_stats.overview_buckets(q kindly_stats.overview_question) RETURNS json
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 2000 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    shape text := CASE q.granularity WHEN 'hour' THEN 'YYYY-MM-DD"T"HH24:MI' ELSE 'YYYY-MM-DD' END;
    named boolean := q.granularity NOT IN ('hour', 'day');
BEGIN
    RETURN (SELECT json_build_object('date', json_agg(to_char(s.date, shape)), 'label', CASE WHEN named THEN json_agg(kindly_stats.bucket_label(s.date, q.granularity, q.locale)) END,
                       'before', CASE WHEN q.compare IS NOT NULL THEN json_agg(to_char(s.previous_date, shape)) END,
                       -- where the last one would end, whether or not the range ends there
                       'end', CASE WHEN named THEN (SELECT kindly_stats.local_date(e.edges[2] - interval '1 microsecond', q.tz) + 1
                            FROM kindly_stats.edges(kindly_stats.moment(max(s.date)::date), kindly_stats.moment(least(max(s.date)::date, date '9997-01-01') + 800), q.tz, q.granularity, q.locale) AS e (edges))
                          ELSE max(s.date)::date + 1 END)
              FROM kindly_stats.overview_series(q, 'messages') AS s);
END
$$;
COMMENT ON FUNCTION kindly_stats.overview_buckets(kindly_stats.overview_question) IS 'internal: labels of the buckets, those that they are compared with, and the day after the last';

CREATE FUNCTION kindly_stats.validated(answer json) RETURNS json
    LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 10 AS 'MODULE_PATHNAME', 'ks_validated';
COMMENT ON FUNCTION kindly_stats.validated(json) IS 'internal: an answer with its validator in the header ETag, or HTTP 304 for who has it';

CREATE FUNCTION kindly_stats.overview_periods(tz text, locale text) RETURNS json
    LANGUAGE sql STABLE PARALLEL SAFE COST 200 SET search_path = pg_catalog, pg_temp AS $$
    SELECT json_object_agg(n.name, json_build_array(p."from", p."to") ORDER BY n.place)
      FROM unnest('{today,yesterday,last7days,last30days,thisWeek,lastWeek,thisMonth,lastMonth,last3Months,thisQuarter,lastQuarter,thisYear,lastYear}'::text[]) WITH ORDINALITY AS n (name, place),
           kindly_stats.period(n.name, overview_periods.tz, NULL, overview_periods.locale) AS p
$$;
COMMENT ON FUNCTION kindly_stats.overview_periods(text, text) IS 'internal: what periods by name are today';

CREATE FUNCTION kindly_api.overview(
    bot kindly_stats.bot_id DEFAULT NULL, period text DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC',
    granularity text DEFAULT NULL, compare text DEFAULT NULL, sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, locale text DEFAULT NULL,
    cards text[] DEFAULT NULL, top integer DEFAULT 5, measure text DEFAULT NULL, key text[] DEFAULT NULL)
    RETURNS json
    LANGUAGE plpgsql STABLE PARALLEL RESTRICTED COST 100000 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    me kindly_stats.bot_id := kindly_stats.require_bot(bot);
    every text[] := '{chats,messages,fallbacks,handovers,users,feedback,outcomes,row,pages,labels,buttons,sources,languages,heatmap,intents,topics,sentiments,responses,interactions,events,links}';
    unknown text := (SELECT min(c) FROM unnest(cards) AS c WHERE c <> ALL (every));
    q kindly_stats.overview_question;
    life record;
    shown record;
    first date;
BEGIN
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION 'there is no card "%"', unknown USING ERRCODE = '22023', HINT = concat('There are ', array_to_string(every, ', '), '.');
    ELSIF (measure IS NULL) <> (key IS NULL) THEN
        RAISE EXCEPTION '"measure" and "key" go together' USING ERRCODE = '22023', HINT = 'Pass both, or neither.';
    ELSIF period IS NOT NULL AND ("from" IS NOT NULL OR "to" IS NOT NULL) THEN
        RAISE EXCEPTION '"period" stands in the place of "from" and "to"' USING ERRCODE = '22023', HINT = 'Pass either.';
    END IF;
    SELECT o.* INTO life FROM kindly_stats.stats_options(me) AS o;
    first := kindly_stats.local_date(life.first, tz);
    SELECT r.* INTO shown FROM kindly_stats.overview_range(period, "from", "to", tz, granularity, locale, first, kindly_stats.local_date(life.last, tz)) AS r;
    q := ROW(me, shown."from", shown."to", tz, shown.granularity, locale, sources, language_codes, NULL, NULL, NULL, measure, key, top);
    IF compare IS NOT NULL THEN
        -- a range that begins before the bot's first event is not compared
        SELECT compare, kindly_stats.moment(t.previous_from), kindly_stats.moment(t.previous_to) INTO q.compare, q.previous_from, q.previous_to
          FROM kindly_stats.stats_total_compared(me, q."from", q."to", tz, q.granularity, 'messages', sources, language_codes, compare => overview.compare) AS t
         WHERE t.previous_from >= first;
    END IF;
    RETURN kindly_stats.validated(json_build_object(
        'bot', json_build_object('id', kindly_stats.bot_text(me::bigint), 'name', (SELECT min(n.name) FROM kindly_stats.bot_name AS n WHERE n.bot_id = me::bigint)),
        'range', json_build_object('period', shown.period, 'from', shown.from_date, 'to', shown.to_date, 'granularity', q.granularity, 'today', (SELECT p."from" FROM kindly_stats.period('today', tz) AS p)),
        'before', CASE WHEN q.compare IS NOT NULL THEN json_build_object('from', left(q.previous_from::text, 10), 'to', left(q.previous_to::text, 10)) END,
        'life', CASE WHEN first IS NOT NULL THEN json_build_object('from', first, 'to', kindly_stats.local_date(life.last, tz) + 1) END,
        'sources', life.sources, 'language_codes', life.language_codes, 'periods', kindly_stats.overview_periods(tz, locale),
        'buckets', kindly_stats.overview_buckets(q),
        'cards', (SELECT json_object_agg(c.card, kindly_stats.overview_card(c.card, q)) FROM unnest(coalesce(cards, every)) AS c (card))));
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_api.overview(kindly_stats.bot_id, text, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text, text[], integer, text, text[]) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.overview(kindly_stats.bot_id, text, kindly_stats.moment, kindly_stats.moment, text, text, text, text[], text[], text, text[], integer, text, text[]) IS
'many statistics of one range in one answer and of one snapshot, as the page shows them

bot: by default the token''s; period: one of kindly_stats.period(), or all, from the first event to the last; or from, to: as those of stats_series; without either the last 30 days, those that end with
the last event where it is older; tz: default UTC; granularity: as that of stats_series, by default, and where hours would be those of more than a week, what suits the range; compare: as that of
kindly_stats.stats_total_compared(), default nothing, nor where that range begins before the bot''s first event; sources, language_codes, locale: as those of stats_series;
cards: which statistics, default all of chats, messages, fallbacks, handovers, users, feedback, outcomes, row, pages, labels,
buttons, sources, languages, heatmap, intents, topics, sentiments, responses, interactions, events, links; top: lines of lists, default 5; measure, key: one line of a list, whose events row, heatmap, sources and
languages then are of.
The answer says bot, range (period, from, to, granularity, today), before (from, to), life (from, to), sources and language_codes that there are, periods by name as [from, to], all as local dates, to exclusive;
buckets (date, label in the locale''s language, before, end: the day after the last); and cards, each with now, and before where it is compared.  Series are lists of counts, one a bucket; rates parts of 1.  users.created: users who
wrote in the range and never before; sources, languages: null is without one; heatmap: by hour of the week, 168 counts, Sunday first, how often each of these hours was in the range, null where it has more hours than the setting kindly_stats.max_buckets lets through, and days as weeks have them by the locale; outcomes: conversations that ended in the
range; intents: null under a filter, for conversations are not filtered there, and with a link that was shared.  The header ETag has a validator.
Errors: 400 for arguments that are missing or make no sense, 403 for another bot than the token''s.';

CREATE FUNCTION kindly_api.bots() RETURNS TABLE (bot text, name text)
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 100 ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT kindly_stats.bot_text(b.bot), (SELECT min(n.name) FROM kindly_stats.bot_name AS n WHERE n.bot_id = b.bot)
      FROM unnest(kindly_stats.visible_bots()) AS b (bot);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_api.bots() FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.bots() IS
'lists the bots that the token is for

A token of one bot has that, one of a login those that kindly_stats.grant_bot() gave to its role; name: of kindly_stats.bot_name, or NULL.';

CREATE FUNCTION kindly_api.bots_overview(
    period text DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT 'UTC', compare text DEFAULT NULL,
    sources text[] DEFAULT NULL, language_codes text[] DEFAULT NULL, locale text DEFAULT NULL)
    RETURNS json
    LANGUAGE plpgsql STABLE PARALLEL RESTRICTED COST 100000 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    bots bigint[] := kindly_stats.visible_bots();
    q kindly_stats.overview_question;
    life record;
    shown record;
    previous_from timestamp;
    previous_to timestamp;
BEGIN
    IF period IS NOT NULL AND ("from" IS NOT NULL OR "to" IS NOT NULL) THEN
        RAISE EXCEPTION '"period" stands in the place of "from" and "to"' USING ERRCODE = '22023', HINT = 'Pass either.';
    END IF;
    SELECT min(o.first) AS first, max(o.last) AS last, array_agg(DISTINCT s.value) FILTER (WHERE NOT s.is_language) AS sources, array_agg(DISTINCT s.value) FILTER (WHERE s.is_language) AS language_codes INTO life
      FROM unnest(bots) AS b (bot), kindly_stats.stats_options(b.bot) AS o
      LEFT JOIN LATERAL (SELECT v, false FROM unnest(o.sources) AS v UNION ALL SELECT v, true FROM unnest(o.language_codes) AS v) AS s (value, is_language) ON true;
    SELECT r.* INTO shown FROM kindly_stats.overview_range(period, "from", "to", tz, 'day', locale, kindly_stats.local_date(life.first, tz), kindly_stats.local_date(life.last, tz)) AS r;
    q := ROW(NULL, shown."from", shown."to", tz, 'day', locale, sources, language_codes, compare, NULL, NULL, NULL, NULL, 0);
    IF compare IS NOT NULL AND cardinality(bots) > 0 THEN
        SELECT t.previous_from, t.previous_to INTO previous_from, previous_to
          FROM kindly_stats.stats_total_compared(bots[1], q."from", q."to", tz, 'day', 'messages', compare => bots_overview.compare) AS t;
        -- a range that begins before the first event of all of them is not compared
        IF (previous_from < kindly_stats.local_date(life.first, tz)) IS NOT FALSE THEN
            q.compare := NULL;
        END IF;
    END IF;
    RETURN kindly_stats.validated(json_build_object(
        'range', json_build_object('period', shown.period, 'from', shown.from_date, 'to', shown.to_date, 'granularity', 'day', 'today', (SELECT p."from" FROM kindly_stats.period('today', tz) AS p)),
        'before', CASE WHEN q.compare IS NOT NULL AND cardinality(bots) > 0 THEN json_build_object('from', previous_from::date, 'to', previous_to::date) END,
        'life', CASE WHEN life.first IS NOT NULL THEN json_build_object('from', kindly_stats.local_date(life.first, tz), 'to', kindly_stats.local_date(life.last, tz) + 1) END,
        'sources', coalesce(life.sources, '{}'), 'language_codes', coalesce(life.language_codes, '{}'), 'periods', kindly_stats.overview_periods(tz, locale),
        'bots', (SELECT coalesce(json_agg(json_build_object('id', kindly_stats.bot_text(b.bot), 'name', (SELECT min(n.name) FROM kindly_stats.bot_name AS n WHERE n.bot_id = b.bot),
                        'messages', m.count, 'chats', m.members, 'previous_messages', m.previous_count, 'previous_chats', m.previous_members,
                        'fallbacks', f.count, 'replies', r.count, 'handovers', h.count) ORDER BY m.count DESC, b.place), '[]')
                   FROM unnest(bots) WITH ORDINALITY AS b (bot, place),
                        LATERAL kindly_stats.overview_total(ROW(b.bot, q."from", q."to", q.tz, q.granularity, q.locale, q.sources, q.language_codes, q.compare, NULL, NULL, NULL, NULL, 0)::kindly_stats.overview_question, 'messages') AS m,
                        LATERAL kindly_stats.stats_total(b.bot, q."from", q."to", tz, 'day', 'fallbacks', q.sources, q.language_codes) AS f,
                        LATERAL kindly_stats.stats_total(b.bot, q."from", q."to", tz, 'day', 'replies', q.sources, q.language_codes) AS r,
                        LATERAL kindly_stats.stats_total(b.bot, q."from", q."to", tz, 'day', 'handovers_started', q.sources, q.language_codes) AS h)));
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_api.bots_overview(text, kindly_stats.moment, kindly_stats.moment, text, text, text[], text[], text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_api.bots_overview(text, kindly_stats.moment, kindly_stats.moment, text, text, text[], text[], text) IS
'a few totals of each bot that the token is for, of one snapshot

Arguments and answer as those of overview(), and in the place of cards bots, those with most messages first: id, name, messages and chats, the same before where there is something to compare with, fallbacks, replies, and handovers that
started.  The header ETag has a validator.
Errors: 400 for arguments that make no sense.';
