-- The rollup: aggregates that read it, triggers that write it, compaction.

-- Internal aggregates, one for each form of question: a question is a query for one bot whose SELECT list is one of these.
-- measure and tally come from the row, query says what is asked.

-- measure is the one asked for; edges and buckets say where instants go; filter holds conditions such as 0+web or 1-en.
CREATE TYPE kindly_stats.tally_query AS (measure text, edges timestamptz[], buckets integer[], "distinct" boolean, filter text[]);
COMMENT ON TYPE kindly_stats.tally_query IS 'internal: what is asked of the tallies of one measure';

CREATE FUNCTION kindly_stats.series_agg_step(internal, measure text, tally kindly_stats.tally, query kindly_stats.tally_query, first_seen boolean)
    RETURNS internal LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_series_agg_step';
CREATE FUNCTION kindly_stats.series_agg_final(internal)
    RETURNS bigint[] LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_series_agg_final';
CREATE AGGREGATE kindly_stats.series_agg(measure text, tally kindly_stats.tally, query kindly_stats.tally_query, first_seen boolean) (
    SFUNC = kindly_stats.series_agg_step, STYPE = internal, SSPACE = 100000,
    FINALFUNC = kindly_stats.series_agg_final, PARALLEL = SAFE
);

-- The keys of a list are grouped by so many parts, take, after the first ones, skip; apart makes a list of each of these parts, with_series
-- a series for each line.
CREATE TYPE kindly_stats.top_lines AS (skip integer, take integer, "limit" integer, apart boolean, with_series boolean);
COMMENT ON TYPE kindly_stats.top_lines IS 'internal: what lines a list has';

CREATE FUNCTION kindly_stats.top_agg_step(internal, measure text, tally kindly_stats.tally, query kindly_stats.tally_query, lines kindly_stats.top_lines)
    RETURNS internal LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_top_agg_step';
CREATE FUNCTION kindly_stats.top_agg_final(internal)
    RETURNS bytea LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_top_agg_final';
CREATE AGGREGATE kindly_stats.top_agg(measure text, tally kindly_stats.tally, query kindly_stats.tally_query, lines kindly_stats.top_lines) (
    SFUNC = kindly_stats.top_agg_step, STYPE = internal, SSPACE = 100000,
    FINALFUNC = kindly_stats.top_agg_final, PARALLEL = SAFE
);

CREATE FUNCTION kindly_stats.options_agg_step(internal, measure text, tally kindly_stats.tally, wanted text, month date, kept boolean)
    RETURNS internal LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_options_agg_step';
CREATE FUNCTION kindly_stats.options_agg_final(internal)
    RETURNS bytea LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_options_agg_final';
CREATE AGGREGATE kindly_stats.options_agg(measure text, tally kindly_stats.tally, wanted text, month date, kept boolean) (
    SFUNC = kindly_stats.options_agg_step, STYPE = internal, SSPACE = 100000,
    FINALFUNC = kindly_stats.options_agg_final, PARALLEL = SAFE
);

CREATE FUNCTION kindly_stats.presence_agg_step(internal, measure text, tally kindly_stats.tally, query kindly_stats.tally_query, windows integer[], cohorts boolean)
    RETURNS internal LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_presence_agg_step';
CREATE FUNCTION kindly_stats.presence_agg_final(internal)
    RETURNS bigint[] LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_presence_agg_final';
CREATE AGGREGATE kindly_stats.presence_agg(measure text, tally kindly_stats.tally, query kindly_stats.tally_query, windows integer[], cohorts boolean) (
    SFUNC = kindly_stats.presence_agg_step, STYPE = internal, SSPACE = 100000,
    FINALFUNC = kindly_stats.presence_agg_final, PARALLEL = SAFE
);

-- Questions run with the reader's rights, so readers may execute the aggregates; the right to execute their parts is checked for the aggregates' owner.
REVOKE EXECUTE ON FUNCTION kindly_stats.series_agg_step(internal, text, kindly_stats.tally, kindly_stats.tally_query, boolean),
    kindly_stats.series_agg_final(internal),
    kindly_stats.top_agg_step(internal, text, kindly_stats.tally, kindly_stats.tally_query, kindly_stats.top_lines),
    kindly_stats.top_agg_final(internal),
    kindly_stats.presence_agg_step(internal, text, kindly_stats.tally, kindly_stats.tally_query, integer[], boolean),
    kindly_stats.presence_agg_final(internal),
    kindly_stats.options_agg_step(internal, text, kindly_stats.tally, text, date, boolean),
    kindly_stats.options_agg_final(internal) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.series_agg_step(internal, text, kindly_stats.tally, kindly_stats.tally_query, boolean) IS 'internal: transition function of series_agg';
COMMENT ON FUNCTION kindly_stats.series_agg_final(internal) IS 'internal: final function of series_agg';
COMMENT ON AGGREGATE kindly_stats.series_agg(text, kindly_stats.tally, kindly_stats.tally_query, boolean) IS 'internal: series of one measure from rows of the rollup; first_seen: only members new to it';
COMMENT ON FUNCTION kindly_stats.top_agg_step(internal, text, kindly_stats.tally, kindly_stats.tally_query, kindly_stats.top_lines) IS 'internal: transition function of top_agg';
COMMENT ON FUNCTION kindly_stats.top_agg_final(internal) IS 'internal: final function of top_agg';
COMMENT ON AGGREGATE kindly_stats.top_agg(text, kindly_stats.tally, kindly_stats.tally_query, kindly_stats.top_lines) IS 'internal: top list of one measure from rows of the rollup';
COMMENT ON FUNCTION kindly_stats.presence_agg_step(internal, text, kindly_stats.tally, kindly_stats.tally_query, integer[], boolean) IS 'internal: transition function of presence_agg';
COMMENT ON FUNCTION kindly_stats.presence_agg_final(internal) IS 'internal: final function of presence_agg';
COMMENT ON AGGREGATE kindly_stats.presence_agg(text, kindly_stats.tally, kindly_stats.tally_query, integer[], boolean) IS 'internal: in which buckets members of one measure were, from rows of the rollup';
COMMENT ON FUNCTION kindly_stats.options_agg_step(internal, text, kindly_stats.tally, text, date, boolean) IS 'internal: transition function of options_agg';
COMMENT ON FUNCTION kindly_stats.options_agg_final(internal) IS 'internal: final function of options_agg';
COMMENT ON AGGREGATE kindly_stats.options_agg(text, kindly_stats.tally, text, date, boolean) IS 'internal: first and last event, sources and languages from rows of the rollup';

CREATE FUNCTION kindly_stats.cluster() RETURNS bigint LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_cluster';
COMMENT ON FUNCTION kindly_stats.cluster() IS 'internal: a number of this cluster, its timeline and the rollup''s file, of which marks speak';

CREATE FUNCTION kindly_stats.merged_id(spans boolean) RETURNS bigint LANGUAGE C STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'ks_merged_id';
REVOKE EXECUTE ON FUNCTION kindly_stats.merged_id(boolean) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.merged_id(boolean) IS 'internal: a new id for a row of the rollup that is merged, or that spans months';

-- Where the rollup's rows are: 39-distribute.sql.  Neither shows more than Citus tells everybody.
CREATE FUNCTION kindly_stats.place() RETURNS text LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_place_sql';
COMMENT ON FUNCTION kindly_stats.place() IS 'internal: coordinator or worker where the rollup is distributed, else here';
CREATE FUNCTION kindly_stats.is_shard(relation oid) RETURNS boolean LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'ks_is_shard_sql';
COMMENT ON FUNCTION kindly_stats.is_shard(oid) IS 'internal: whether a relation is a shard of a distributed table';

CREATE FUNCTION kindly_stats.can_ask_nodes() RETURNS boolean LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'ks_can_ask_nodes_sql';
REVOKE EXECUTE ON FUNCTION kindly_stats.can_ask_nodes() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.can_ask_nodes() IS 'internal: whether other sessions may do the work of this transaction';

-- Triggers.  Whoever may execute these can attach a table of his own and so write any bot's statistics: not for everybody.

CREATE FUNCTION kindly_stats.count_events() RETURNS trigger LANGUAGE C AS 'MODULE_PATHNAME', 'ks_count_events';
CREATE FUNCTION kindly_stats.refuse_truncate() RETURNS trigger LANGUAGE C AS 'MODULE_PATHNAME', 'ks_refuse_truncate';
CREATE FUNCTION kindly_stats.measure_changed() RETURNS trigger LANGUAGE C AS 'MODULE_PATHNAME', 'ks_measure_changed';
REVOKE EXECUTE ON FUNCTION kindly_stats.count_events() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION kindly_stats.refuse_truncate() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION kindly_stats.measure_changed() FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.count_events() IS
'trigger of event tables: adds inserted, takes away deleted, corrects updated events

Made by kindly_stats.attach(): AFTER ... FOR EACH STATEMENT, with transition tables; its arguments are the table''s name, the
grain of the measures that count it, and its column names.  It writes with the rights of the rollup''s owner.';
COMMENT ON FUNCTION kindly_stats.refuse_truncate() IS 'trigger of event tables: TRUNCATE would leave the statistics behind, so it is refused (55000)';
COMMENT ON FUNCTION kindly_stats.measure_changed() IS 'trigger of kindly_stats.measure: makes every session read the measures anew';

-- For everybody who may ask what is attached: these reveal nothing.
CREATE FUNCTION kindly_stats.trigger_arguments(arguments bytea) RETURNS text[]
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_trigger_arguments';
COMMENT ON FUNCTION kindly_stats.trigger_arguments(bytea) IS 'internal: the arguments of a trigger, as pg_trigger.tgargs has them';

-- Administrators can create triggers with any arguments, which must not cause errors for whoever asks what is attached.
CREATE FUNCTION kindly_stats.mapping(argument text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    -- most mappings have names alone, which is quicker to see
    SELECT CASE WHEN argument ~ $names$^\{("([^"\\\x01-\x1f]|\\["\\/bfnrt]|\\u00(0[1-9a-f]|1[0-9a-f]))*": ("([^"\\\x01-\x1f]|\\["\\/bfnrt]|\\u00(0[1-9a-f]|1[0-9a-f]))*"|null)(, "([^"\\\x01-\x1f]|\\["\\/bfnrt]|\\u00(0[1-9a-f]|1[0-9a-f]))*": ("([^"\\\x01-\x1f]|\\["\\/bfnrt]|\\u00(0[1-9a-f]|1[0-9a-f]))*"|null))*)?\}\Z$names$ THEN argument::jsonb
                -- from the inside out: a text T; an object V of texts and nulls; a rule R
                WHEN argument ~ replace(replace(replace(
                    $mapping$^\{T: (?:T|null|R)(?:, T: (?:T|null|R))*\}\Z$mapping$,
                    'R', $rule$\{T: (?:T|\[T(?:, T)*\]|V)(?:, T: (?:T|\[T(?:, T)*\]|V))*\}$rule$),
                    'V', $values$\{T: (?:T|null)(?:, T: (?:T|null))*\}$values$),
                    'T', $text$"(?:[^"\\\x01-\x1f]|\\["\\/bfnrt]|\\u00(?:0[1-9a-f]|1[0-9a-f]))*"$text$) THEN argument::jsonb END
$$;
COMMENT ON FUNCTION kindly_stats.mapping(text) IS 'internal: the mapping that an argument of a trigger has as attach() writes it, else NULL';

-- The event tables, recognized by their statement triggers after INSERT, whatever these are called by now; partitions are covered by their
-- parent's line.  The triggers' arguments are the table, the grain and the columns; a trigger with others was not made by attach().  This
-- is a function that everybody may call, so that readers need no right on the view, which tools would then list.
CREATE FUNCTION kindly_stats.event_tables() RETURNS TABLE (event_table regclass, columns jsonb, grain text, known_as text)
    LANGUAGE sql STABLE COST 100 ROWS 10
BEGIN ATOMIC
    SELECT t.tgrelid::regclass AS event_table, kindly_stats.mapping(a.arguments[3]) AS columns, a.arguments[2] AS grain, a.arguments[1] AS known_as
      FROM pg_catalog.pg_trigger AS t, LATERAL (SELECT kindly_stats.trigger_arguments(t.tgargs) AS arguments) AS a
     WHERE t.tgfoid = 'kindly_stats.count_events()'::regprocedure AND t.tgtype = 4
       AND (t.tgnargs = 3
            -- DETACH PARTITION CONCURRENTLY has begun: queries on the parent do not see the partition any more
            OR t.tgnargs = 4 AND EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = t.tgrelid AND i.inhdetachpending))
       AND a.arguments[2] IN ('event', 'conversation_start', 'conversation_end') AND kindly_stats.mapping(a.arguments[3]) IS NOT NULL
       AND NOT kindly_stats.is_shard(t.tgrelid);
END;
COMMENT ON FUNCTION kindly_stats.event_tables() IS 'internal: what view kindly_stats.event_table shows';
CREATE VIEW kindly_stats.event_table AS SELECT t.event_table, t.columns, t.grain, t.known_as FROM kindly_stats.event_tables() AS t;
COMMENT ON VIEW kindly_stats.event_table IS
'attached tables, how they name the columns that measures read, and which measures count them

grain: event; a table of conversations has two lines, conversation_start and conversation_end.  known_as: the name that it had when it
was attached.';

-- Compaction

CREATE PROCEDURE kindly_stats.compact(bot kindly_stats.bot_id DEFAULT NULL, local boolean DEFAULT false) LANGUAGE C AS 'MODULE_PATHNAME', 'ks_compact_all';
REVOKE EXECUTE ON PROCEDURE kindly_stats.compact(kindly_stats.bot_id, boolean) FROM PUBLIC;
COMMENT ON PROCEDURE kindly_stats.compact(kindly_stats.bot_id, boolean) IS
'merges the many small rows of each bot, measure and month into few

bot: one bot only; NULL for all; local: of bots whose rows are on this node only, where they are distributed: without it each node is told to compact its own,
at the same time.  Each month is a transaction of its own, unless the caller has one open.  Nobody waits for it:
rows that others hold are left for the next time.  It changes no answer, only how fast it comes.  Works as the rollup''s owner.';
