-- Relations for tools that list tables and views: src/bi.  Foreign tables, so that conditions are handed over and decide what is read
-- of the rollup; views over them, since some tools list nothing else.  Whoever asks, it is the caller's rights on the rollup that
-- count, as with every question.

CREATE FUNCTION kindly_stats.bi_handler() RETURNS fdw_handler
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_bi_handler';
CREATE FUNCTION kindly_stats.bi_validator(text[], oid) RETURNS void
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_bi_validator';
REVOKE EXECUTE ON FUNCTION kindly_stats.bi_handler(), kindly_stats.bi_validator(text[], oid) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.bi_handler() IS 'internal: handler of foreign data wrapper kindly_stats';
COMMENT ON FUNCTION kindly_stats.bi_validator(text[], oid) IS 'internal: checks options of its tables and columns';

CREATE FOREIGN DATA WRAPPER kindly_stats HANDLER kindly_stats.bi_handler VALIDATOR kindly_stats.bi_validator;
COMMENT ON FOREIGN DATA WRAPPER kindly_stats IS 'statistics as relations, read from kindly_stats.rollup';
CREATE SERVER kindly_stats FOREIGN DATA WRAPPER kindly_stats;
COMMENT ON SERVER kindly_stats IS 'statistics as relations, read from kindly_stats.rollup';

CREATE SCHEMA bi;
COMMENT ON SCHEMA bi IS 'statistics as relations, for BI tools';

-- Options of a table: unit; rows, the measures that decide which rows there are, by default events.  Of a column: measure, with value
-- (members or first_seen, by default events) and per, which makes it a rate; part, a part of the measures' key, of which 0 is the source.

CREATE FOREIGN TABLE kindly_stats.bi_hourly (
    date date,
    hour timestamp,
    bot_id text,
    bot_name text,
    messages bigint OPTIONS (measure 'messages'),
    chats bigint OPTIONS (measure 'messages', value 'members'),
    users bigint OPTIONS (measure 'users', value 'members'),
    new_users bigint OPTIONS (measure 'users', value 'first_seen'),
    replies bigint OPTIONS (measure 'replies'),
    fallbacks bigint OPTIONS (measure 'fallbacks'),
    fallback_rate double precision OPTIONS (measure 'fallbacks', per 'replies'),
    handover_requests bigint OPTIONS (measure 'handover_requests'),
    handovers bigint OPTIONS (measure 'handovers_started'),
    ratings bigint OPTIONS (measure 'feedback'),
    events bigint OPTIONS (measure 'events'),
    weekday integer,
    hour_of_day integer,
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'hour');
COMMENT ON FOREIGN TABLE kindly_stats.bi_hourly IS 'internal: what view bi.hourly shows';
CREATE VIEW bi.hourly AS SELECT * FROM kindly_stats.bi_hourly;
COMMENT ON VIEW bi.hourly IS 'statistics by local hour: a row for each hour from a bot''s first event to its last';

CREATE FOREIGN TABLE kindly_stats.bi_daily (
    date date,
    bot_id text,
    bot_name text,
    messages bigint OPTIONS (measure 'messages'),
    chats bigint OPTIONS (measure 'messages', value 'members'),
    users bigint OPTIONS (measure 'users', value 'members'),
    new_users bigint OPTIONS (measure 'users', value 'first_seen'),
    replies bigint OPTIONS (measure 'replies'),
    fallbacks bigint OPTIONS (measure 'fallbacks'),
    fallback_rate double precision OPTIONS (measure 'fallbacks', per 'replies'),
    handover_requests bigint OPTIONS (measure 'handover_requests'),
    handovers bigint OPTIONS (measure 'handovers_started'),
    ratings bigint OPTIONS (measure 'feedback'),
    events bigint OPTIONS (measure 'events'),
    weekday integer,
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day');
COMMENT ON FOREIGN TABLE kindly_stats.bi_daily IS 'internal: what view bi.daily shows';
CREATE VIEW bi.daily AS SELECT * FROM kindly_stats.bi_daily;
COMMENT ON VIEW bi.daily IS 'statistics by local day: a row for each day from a bot''s first event to its last';

CREATE FOREIGN TABLE kindly_stats.bi_weekly (
    date date,
    bot_id text,
    bot_name text,
    messages bigint OPTIONS (measure 'messages'),
    chats bigint OPTIONS (measure 'messages', value 'members'),
    users bigint OPTIONS (measure 'users', value 'members'),
    new_users bigint OPTIONS (measure 'users', value 'first_seen'),
    replies bigint OPTIONS (measure 'replies'),
    fallbacks bigint OPTIONS (measure 'fallbacks'),
    fallback_rate double precision OPTIONS (measure 'fallbacks', per 'replies'),
    handover_requests bigint OPTIONS (measure 'handover_requests'),
    handovers bigint OPTIONS (measure 'handovers_started'),
    ratings bigint OPTIONS (measure 'feedback'),
    events bigint OPTIONS (measure 'events'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'week');
COMMENT ON FOREIGN TABLE kindly_stats.bi_weekly IS 'internal: what view bi.weekly shows';
CREATE VIEW bi.weekly AS SELECT * FROM kindly_stats.bi_weekly;
COMMENT ON VIEW bi.weekly IS 'statistics by ISO week: a row for each week, dated by its Monday, from a bot''s first event to its last';

CREATE FOREIGN TABLE kindly_stats.bi_monthly (
    date date,
    bot_id text,
    bot_name text,
    messages bigint OPTIONS (measure 'messages'),
    chats bigint OPTIONS (measure 'messages', value 'members'),
    users bigint OPTIONS (measure 'users', value 'members'),
    new_users bigint OPTIONS (measure 'users', value 'first_seen'),
    replies bigint OPTIONS (measure 'replies'),
    fallbacks bigint OPTIONS (measure 'fallbacks'),
    fallback_rate double precision OPTIONS (measure 'fallbacks', per 'replies'),
    handover_requests bigint OPTIONS (measure 'handover_requests'),
    handovers bigint OPTIONS (measure 'handovers_started'),
    ratings bigint OPTIONS (measure 'feedback'),
    events bigint OPTIONS (measure 'events'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'month');
COMMENT ON FOREIGN TABLE kindly_stats.bi_monthly IS 'internal: what view bi.monthly shows';
CREATE VIEW bi.monthly AS SELECT * FROM kindly_stats.bi_monthly;
COMMENT ON VIEW bi.monthly IS 'statistics by local month: a row for each month, dated by its first day, from a bot''s first event to its last';

CREATE FOREIGN TABLE kindly_stats.bi_daily_by_source (
    date date,
    bot_id text,
    bot_name text,
    source text OPTIONS (part '0'),
    messages bigint OPTIONS (measure 'messages'),
    chats bigint OPTIONS (measure 'messages', value 'members'),
    users bigint OPTIONS (measure 'users', value 'members'),
    replies bigint OPTIONS (measure 'replies'),
    fallbacks bigint OPTIONS (measure 'fallbacks'),
    fallback_rate double precision OPTIONS (measure 'fallbacks', per 'replies'),
    handover_requests bigint OPTIONS (measure 'handover_requests'),
    handovers bigint OPTIONS (measure 'handovers_started'),
    ratings bigint OPTIONS (measure 'feedback'),
    events bigint OPTIONS (measure 'events'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day');
COMMENT ON FOREIGN TABLE kindly_stats.bi_daily_by_source IS 'internal: what view bi.daily_by_source shows';
CREATE VIEW bi.daily_by_source AS SELECT * FROM kindly_stats.bi_daily_by_source;
COMMENT ON VIEW bi.daily_by_source IS 'statistics by local day and source: a row for each source that had an event that day';

CREATE FOREIGN TABLE kindly_stats.bi_daily_by_language (
    date date,
    bot_id text,
    bot_name text,
    language_code text OPTIONS (part '1'),
    messages bigint OPTIONS (measure 'messages'),
    chats bigint OPTIONS (measure 'messages', value 'members'),
    users bigint OPTIONS (measure 'users', value 'members'),
    replies bigint OPTIONS (measure 'replies'),
    fallbacks bigint OPTIONS (measure 'fallbacks'),
    fallback_rate double precision OPTIONS (measure 'fallbacks', per 'replies'),
    handover_requests bigint OPTIONS (measure 'handover_requests'),
    handovers bigint OPTIONS (measure 'handovers_started'),
    ratings bigint OPTIONS (measure 'feedback'),
    events bigint OPTIONS (measure 'events'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day');
COMMENT ON FOREIGN TABLE kindly_stats.bi_daily_by_language IS 'internal: what view bi.daily_by_language shows';
CREATE VIEW bi.daily_by_language AS SELECT * FROM kindly_stats.bi_daily_by_language;
COMMENT ON VIEW bi.daily_by_language IS 'statistics by local day and language: a row for each language that had an event that day';

CREATE FOREIGN TABLE kindly_stats.bi_pages (
    date date,
    bot_id text,
    bot_name text,
    web_host text OPTIONS (part '2'),
    web_path text OPTIONS (part '3'),
    messages bigint OPTIONS (measure 'pages'),
    chats bigint OPTIONS (measure 'pages', value 'members'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day', rows 'pages');
COMMENT ON FOREIGN TABLE kindly_stats.bi_pages IS 'internal: what view bi.pages shows';
CREATE VIEW bi.pages AS SELECT * FROM kindly_stats.bi_pages;
COMMENT ON VIEW bi.pages IS 'messages and chats by local day and page';

CREATE FOREIGN TABLE kindly_stats.bi_buttons (
    date date,
    bot_id text,
    bot_name text,
    button_id text OPTIONS (part '2'),
    button_type text OPTIONS (part '3'),
    dialogue_id text OPTIONS (part '4'),
    clicks bigint OPTIONS (measure 'buttons'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day', rows 'buttons');
COMMENT ON FOREIGN TABLE kindly_stats.bi_buttons IS 'internal: what view bi.buttons shows';
CREATE VIEW bi.buttons AS SELECT * FROM kindly_stats.bi_buttons;
COMMENT ON VIEW bi.buttons IS 'clicks by local day and button';

CREATE FOREIGN TABLE kindly_stats.bi_labels (
    date date,
    bot_id text,
    bot_name text,
    label_text text OPTIONS (part '2'),
    label_id text OPTIONS (part '3'),
    labels bigint OPTIONS (measure 'labels'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day', rows 'labels');
COMMENT ON FOREIGN TABLE kindly_stats.bi_labels IS 'internal: what view bi.labels shows';
CREATE VIEW bi.labels AS SELECT * FROM kindly_stats.bi_labels;
COMMENT ON VIEW bi.labels IS 'labels added by local day and label';

CREATE FOREIGN TABLE kindly_stats.bi_topics (
    date date,
    bot_id text,
    bot_name text,
    topic text OPTIONS (part '2'),
    messages bigint OPTIONS (measure 'topics'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day', rows 'topics');
COMMENT ON FOREIGN TABLE kindly_stats.bi_topics IS 'internal: what view bi.topics shows';
CREATE VIEW bi.topics AS SELECT * FROM kindly_stats.bi_topics;
COMMENT ON VIEW bi.topics IS 'messages by local day and topic';

CREATE FOREIGN TABLE kindly_stats.bi_interactions (
    date date,
    bot_id text,
    bot_name text,
    interaction_type text OPTIONS (part '2'),
    interaction_name text OPTIONS (part '3'),
    interaction_id text OPTIONS (part '4'),
    interaction_parent_id text OPTIONS (part '5'),
    story_id text OPTIONS (part '6'),
    reached bigint OPTIONS (measure 'interactions'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day', rows 'interactions');
COMMENT ON FOREIGN TABLE kindly_stats.bi_interactions IS 'internal: what view bi.interactions shows';
CREATE VIEW bi.interactions AS SELECT * FROM kindly_stats.bi_interactions;
COMMENT ON VIEW bi.interactions IS 'interactions reached (nodes of stories, as ChatBot.com counts them) by local day and interaction';

CREATE FOREIGN TABLE kindly_stats.bi_responses (
    date date,
    bot_id text,
    bot_name text,
    response_id text OPTIONS (part '2'),
    sent bigint OPTIONS (measure 'responses'),
    likes bigint OPTIONS (measure 'response_likes'),
    dislikes bigint OPTIONS (measure 'response_dislikes'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day', rows 'responses,response_likes,response_dislikes');
COMMENT ON FOREIGN TABLE kindly_stats.bi_responses IS 'internal: what view bi.responses shows';
CREATE VIEW bi.responses AS SELECT * FROM kindly_stats.bi_responses;
COMMENT ON VIEW bi.responses IS 'responses sent, liked and disliked by local day and response';

CREATE FOREIGN TABLE kindly_stats.bi_ratings (
    date date,
    bot_id text,
    bot_name text,
    rating_type text OPTIONS (part '2'),
    rating text OPTIONS (part '3'),
    ratings bigint OPTIONS (measure 'feedback'),
    users bigint OPTIONS (measure 'feedback', value 'members'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day', rows 'feedback');
COMMENT ON FOREIGN TABLE kindly_stats.bi_ratings IS 'internal: what view bi.ratings shows';
CREATE VIEW bi.ratings AS SELECT * FROM kindly_stats.bi_ratings;
COMMENT ON VIEW bi.ratings IS 'ratings by local day, kind and value';

CREATE FOREIGN TABLE kindly_stats.bi_conversations_daily (
    date date,
    bot_id text,
    bot_name text,
    conversations_started bigint OPTIONS (measure 'conversations_started'),
    visitor_messages_started bigint OPTIONS (measure 'visitor_messages_started'),
    not_understood_started bigint OPTIONS (measure 'not_understood_started'),
    not_understood_rate_started double precision OPTIONS (measure 'not_understood_started', per 'visitor_messages_started'),
    conversations_ended bigint OPTIONS (measure 'conversations_ended'),
    visitor_messages_ended bigint OPTIONS (measure 'visitor_messages_ended'),
    not_understood_ended bigint OPTIONS (measure 'not_understood_ended'),
    not_understood_rate_ended double precision OPTIONS (measure 'not_understood_ended', per 'visitor_messages_ended'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day', rows 'conversations_started,conversations_ended');
COMMENT ON FOREIGN TABLE kindly_stats.bi_conversations_daily IS 'internal: what view bi.conversations_daily shows';
CREATE VIEW bi.conversations_daily AS SELECT * FROM kindly_stats.bi_conversations_daily;
COMMENT ON VIEW bi.conversations_daily IS 'conversations by the local day of their start and of their end';

CREATE FOREIGN TABLE kindly_stats.bi_outcomes_daily (
    date date,
    bot_id text,
    bot_name text,
    conversation_status text OPTIONS (part '2'),
    last_resolution text OPTIONS (part '3'),
    conversations_started bigint OPTIONS (measure 'outcomes_started'),
    conversations_ended bigint OPTIONS (measure 'outcomes_ended'),
    is_partial boolean,
    starts_at timestamptz,
    tz text
) SERVER kindly_stats OPTIONS (unit 'day', rows 'outcomes_started,outcomes_ended');
COMMENT ON FOREIGN TABLE kindly_stats.bi_outcomes_daily IS 'internal: what view bi.outcomes_daily shows';
CREATE VIEW bi.outcomes_daily AS SELECT * FROM kindly_stats.bi_outcomes_daily;
COMMENT ON VIEW bi.outcomes_daily IS 'conversations by outcome and the local day of their start and of their end';

CREATE VIEW bi.heatmap AS
SELECT h.date, h.weekday, h.hour_of_day, h.bot_id, h.bot_name, h.messages, h.chats, h.replies, h.fallbacks, h.events, h.starts_at, h.tz
  FROM kindly_stats.bi_hourly AS h;
COMMENT ON VIEW bi.heatmap IS 'statistics by local day, weekday and hour of the day: a row for each hour from a bot''s first event to its last';

-- What tools show beside a column's name is its comment.
DO $$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT a.attrelid::regclass AS relation, a.attname, d.what
          FROM (VALUES
            ('date', 'local day, or the first one of the week or month, in the zone of column tz'),
            ('hour', 'local hour; where the clock is set back, two rows have the same'),
            ('bot_id', 'the id that the user has for the bot, as text'),
            ('bot_name', 'the bot''s name, if kindly_stats.bot_name has one'),
            ('is_partial', 'whether the hour, day, week or month is not over yet'),
            ('starts_at', 'the instant at which it begins'),
            ('tz', 'time zone: the session''s TimeZone, or the one that a condition asks for, as in tz = ''Europe/Oslo'''),
            ('weekday', '1 is Monday, 7 is Sunday'),
            ('hour_of_day', '0 to 23, on the local clock'),
            ('messages', 'messages of users'),
            ('chats', 'sessions with a message of a user; a session counts once in each row'),
            ('users', 'distinct users who wrote, or in bi.ratings who rated; a user counts once in each row'),
            ('new_users', 'users who had no message in any hour, day, week or month before'),
            ('replies', 'replies of the bot'),
            ('fallbacks', 'replies in which the bot did not understand'),
            ('fallback_rate', 'fallbacks per reply, from 0 to 1; NULL without replies'),
            ('handover_requests', 'requests for a human'),
            ('handovers', 'how often a human took over'),
            ('ratings', 'ratings that users gave, of all kinds'),
            ('events', 'events of all kinds'),
            ('source', 'where the user wrote, such as web; NULL where events have none'),
            ('language_code', 'the user''s language; NULL where events have none'),
            ('web_host', 'host of the page that the user wrote on'),
            ('web_path', 'path of the page'),
            ('clicks', 'clicks'),
            ('button_id', 'the button'),
            ('button_type', 'its type'),
            ('dialogue_id', 'the dialogue that it stands in'),
            ('labels', 'how often it was added'),
            ('label_text', 'the label''s text'),
            ('label_id', 'the label'),
            ('topic', 'the topic'),
            ('interaction_type', 'its type'),
            ('interaction_name', 'its name'),
            ('interaction_id', 'the interaction'),
            ('interaction_parent_id', 'what it is a part of'),
            ('story_id', 'the story'),
            ('reached', 'how often it was reached'),
            ('response_id', 'the response'),
            ('sent', 'how often it was sent'),
            ('likes', 'how often it was liked'),
            ('dislikes', 'how often it was disliked'),
            ('rating_type', 'binary or emojis'),
            ('rating', 'the value, as text'),
            ('conversation_status', 'the conversation''s status'),
            ('last_resolution', 'how it was resolved last'),
            ('conversations_started', 'conversations that began then, those in which the bot wrote'),
            ('visitor_messages_started', 'messages of their visitors, of conversations that began then'),
            ('not_understood_started', 'messages that were not understood, of conversations that began then'),
            ('not_understood_rate_started', 'of the visitors'' messages, from 0 to 1; NULL without messages'),
            ('conversations_ended', 'conversations that ended then'),
            ('visitor_messages_ended', 'messages of their visitors, of conversations that ended then'),
            ('not_understood_ended', 'messages that were not understood, of conversations that ended then'),
            ('not_understood_rate_ended', 'of the visitors'' messages, from 0 to 1; NULL without messages')
          ) AS d (name, what)
          JOIN pg_catalog.pg_attribute AS a ON a.attname = d.name
          JOIN pg_catalog.pg_class AS r ON r.oid = a.attrelid AND r.relnamespace = 'bi'::regnamespace AND r.relkind = 'v'
    LOOP
        EXECUTE pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', c.relation, c.attname, c.what);
    END LOOP;
END
$$;
