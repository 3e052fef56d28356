-- Rules: how a logical column is read where it is not simply a column of the table (src/rollup/rule.c).

-- Queries that read raw events call these as the owner of an event table, who need not have any right in our other schemas.
CREATE SCHEMA kindly_rules;
GRANT USAGE ON SCHEMA kindly_rules TO PUBLIC;
COMMENT ON SCHEMA kindly_rules IS 'how values of event tables are read: fields of JSON, instants, booleans and whole numbers; pure functions for everybody';

CREATE FUNCTION kindly_rules.json_field(document text, path text[]) RETURNS text
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50 AS 'MODULE_PATHNAME', 'ks_json_field';
COMMENT ON FUNCTION kindly_rules.json_field(text, text[]) IS
'the scalar at the end of a path in a text that holds JSON, as text

document: JSON, or else the answer is NULL; path: 1 to 16 names of members or, in decimal digits, numbers of elements from 0 on.  NULL, too, where there is
nothing of that name, null, an object or an array, in documents nested more than 1000 deep, and where an escape stands for no text: \u0000, half a pair, or beyond
ASCII where the database is not UTF-8.  Of members of the same name the last one counts.  Errors: 22023 for a path that is none.';
CREATE FUNCTION kindly_rules.json_field(document jsonb, path text[]) RETURNS text
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5 AS 'MODULE_PATHNAME', 'ks_jsonb_field';
COMMENT ON FUNCTION kindly_rules.json_field(jsonb, text[]) IS
'the scalar at the end of a path in a jsonb document, as text

document: however deep; path: 1 to 16 names of members or, in decimal digits, numbers of elements from 0 on.  NULL where there is nothing of that name, null, an object or an
array.  Errors: 22023 for a path that is none.';
CREATE FUNCTION kindly_rules.zoned_instant(at timestamp, tz text) RETURNS timestamptz
    LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5 AS 'MODULE_PATHNAME', 'ks_zoned_instant';
COMMENT ON FUNCTION kindly_rules.zoned_instant(timestamp, text) IS
'the instant at which clocks in a zone show a time, as AT TIME ZONE has it

at: a local time: one that comes twice in autumn is taken for the later instant, one that spring leaves out for the time before the change going on; tz: a zone''s
name.  Infinite where it would be no timestamptz.  Errors: 22023 for an unknown zone.';
CREATE FUNCTION kindly_rules.number_instant(number bigint, unit text) RETURNS timestamptz
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_integer_instant';
CREATE FUNCTION kindly_rules.number_instant(number double precision, unit text) RETURNS timestamptz
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_float_instant';
CREATE FUNCTION kindly_rules.number_instant(number numeric, unit text) RETURNS timestamptz
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_numeric_instant';
COMMENT ON FUNCTION kindly_rules.number_instant(bigint, text) IS
'the instant so many seconds or milliseconds after 1970 began in UTC

number: of units, exactly; unit: seconds or milliseconds.  Infinite where it would be no timestamptz.  Errors: 22023 for another unit.';
COMMENT ON FUNCTION kindly_rules.number_instant(double precision, text) IS
'the instant so many seconds or milliseconds after 1970 began in UTC

number: of units, read as to_timestamp() does; NULL for NaN; unit: seconds or milliseconds.  Infinite where it would be no timestamptz.  Errors: 22023 for another unit.';
COMMENT ON FUNCTION kindly_rules.number_instant(numeric, text) IS
'the instant so many seconds or milliseconds after 1970 began in UTC

number: of units, read as double precision; NULL for NaN; unit: seconds or milliseconds.  Infinite where it would be no timestamptz.  Errors: 22023 for another unit.';
CREATE FUNCTION kindly_rules.boolean_of(value text) RETURNS boolean
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_text_boolean';
COMMENT ON FUNCTION kindly_rules.boolean_of(text) IS
'a text as boolean, NULL where it is none

value: what boolean''s input takes, such as true, t, yes, on and 1, in any case, blanks around it; no error for others.';
CREATE FUNCTION kindly_rules.whole_number(value text) RETURNS bigint
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_text_whole_number';
CREATE FUNCTION kindly_rules.whole_number(value numeric) RETURNS bigint
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'ks_numeric_whole_number';
COMMENT ON FUNCTION kindly_rules.whole_number(text) IS
'a text as bigint, NULL where it is no whole number of 64 bits

value: decimal digits, with a sign or zeros after a point at most: 12, -3, 4.0.';
COMMENT ON FUNCTION kindly_rules.whole_number(numeric) IS
'a numeric as bigint, NULL where it is no whole number of 64 bits

value: 12, -3, 4.0; NULL for a fraction, for NaN and for what is infinite.';

-- The column that a logical one is read from, NULL where there is none.
CREATE FUNCTION kindly_stats.mapped_column(mapped jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE jsonb_typeof(mapped) WHEN 'string' THEN mapped #>> '{}' WHEN 'object' THEN mapped ->> 'column' END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.mapped_column(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.mapped_column(jsonb) IS 'internal: the column of a table that a mapping names, also inside a rule';

-- Rules are looked into with ->, since ? takes a column of that name for one.
-- What a type must be so that triggers can read it (type_fits() of src/rollup/measure.c), or exports; role: of logical_columns() or conversation_columns().
CREATE FUNCTION kindly_stats.type_fits(role text, mapped jsonb, type oid) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
           WHEN role = 'instant' THEN CASE WHEN mapped -> 'tz' IS NOT NULL THEN b.base = 'timestamp'::regtype
                                           WHEN mapped -> 'unit' IS NOT NULL THEN b.is_integer OR b.base IN ('float8'::regtype, 'numeric'::regtype)
                                           ELSE b.base = 'timestamptz'::regtype END
           WHEN role = 'bot' THEN b.is_integer OR b.is_text OR b.base = 'uuid'::regtype
           WHEN mapped -> 'path' IS NOT NULL THEN b.is_text OR b.base IN ('json'::regtype, 'jsonb'::regtype)
           WHEN role = 'needed' AND mapped -> 'values' IS NULL THEN true
           WHEN role = 'weight' AND mapped -> 'values' IS NULL THEN b.is_integer OR b.base = 'numeric'::regtype
           WHEN role = 'condition' AND mapped -> 'values' IS NULL THEN b.is_integer OR b.is_text OR b.base IN ('bool'::regtype, 'numeric'::regtype)
           WHEN role = 'integer' THEN b.is_integer
           WHEN role = 'boolean' THEN b.base = 'bool'::regtype
           WHEN role = 'json' THEN b.base IN ('json'::regtype, 'jsonb'::regtype)
           WHEN role = 'texts' THEN b.base IN ('text[]'::regtype, 'varchar[]'::regtype)
           WHEN role = 'list' THEN b.base IN ('json'::regtype, 'jsonb'::regtype, 'text'::regtype, 'varchar'::regtype,
                                              'json[]'::regtype, 'jsonb[]'::regtype, 'text[]'::regtype, 'varchar[]'::regtype)
           ELSE b.is_integer OR b.is_text OR b.base IN ('name'::regtype, 'uuid'::regtype, 'bool'::regtype, 'numeric'::regtype) OR b.is_enum
           END
      FROM (SELECT t.oid AS base, t.typtype = 'e' AS is_enum, t.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) AS is_integer,
                   t.oid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype) AS is_text
              FROM pg_type AS t WHERE t.oid = kindly_stats.base_type(type)) AS b
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.type_fits(text, jsonb, oid) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.type_fits(text, jsonb, oid) IS 'internal: whether a column of a type can be read for a role, by a rule or as it is';

CREATE FUNCTION kindly_stats.fitting_types(role text, mapped jsonb, type oid) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
           WHEN role = 'instant' AND mapped -> 'tz' IS NOT NULL THEN 'Its type must be timestamp without time zone. One with time zone needs no tz: to change the type, detach the table first.'
           WHEN role = 'instant' AND mapped -> 'unit' IS NOT NULL THEN 'Its type must be double precision, numeric, smallint, integer or bigint.'
           WHEN role = 'instant' THEN 'Its type must be timestamp with time zone' || CASE
               WHEN kindly_stats.base_type(type) = 'timestamp'::regtype THEN '; say of which zone it is, such as tz => ''Europe/Oslo''.'
               WHEN kindly_stats.type_fits(role, '{"unit": "seconds"}', type) THEN '; of a number say what it counts since 1970: unit => ''seconds'' or ''milliseconds''.'
               ELSE ', timestamp with tz => ''Europe/Oslo'', or a number with unit => ''seconds''.' END
           WHEN role = 'bot' THEN 'Its type must be smallint, integer, bigint, text, character varying or uuid.'
           WHEN mapped -> 'path' IS NOT NULL THEN 'Its type must be jsonb, json or text.'
           WHEN role = 'weight' AND mapped -> 'values' IS NULL THEN 'Its type must be smallint, integer, bigint or numeric.'
           WHEN role = 'integer' THEN 'Its type must be smallint, integer or bigint.'
           WHEN role = 'boolean' THEN 'Its type must be boolean.'
           WHEN role = 'json' THEN 'Its type must be jsonb or json.'
           WHEN role = 'texts' THEN 'Its type must be text[] or character varying[].'
           WHEN role = 'list' THEN 'Its type must be jsonb, json, text, character varying, or an array of one of these.'
           WHEN role = 'condition' AND mapped -> 'values' IS NULL THEN 'Its type must be boolean, smallint, integer, bigint, numeric or text.'
           ELSE 'Its type must be text, character varying, uuid, an integer, numeric, boolean or an enum' || CASE
               WHEN kindly_stats.base_type(type) IN ('json'::regtype, 'jsonb'::regtype) THEN '; of a document name a field, such as "my_column->>my_field".'
               ELSE '.' END
           END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.fitting_types(text, jsonb, oid) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.fitting_types(text, jsonb, oid) IS 'internal: a hint where type_fits() says no';

-- What somebody wrote for a logical column, as triggers are told it.

-- The field of a document in SQL's words: payload->a->>b.
CREATE FUNCTION kindly_stats.field_rule(logical text, written text) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parts text[] := ARRAY(SELECT CASE WHEN q LIKE '_%_' AND left(q, 1) = '''' AND right(q, 1) = '''' THEN substr(q, 2, length(q) - 2) ELSE q END
                            FROM regexp_split_to_table(written, '->>?') WITH ORDINALITY AS p (p, number), LATERAL btrim(p) AS q ORDER BY number);
BEGIN
    IF written !~ '^[^>]*(->[^>]+)*->>[^>]+$' OR '' = ANY (parts) OR cardinality(parts) > 17 THEN
        RAISE EXCEPTION '"%" names no field of a document for "%"', written, logical
            USING ERRCODE = '22023', HINT = 'Write my_column->>my_field, or my_column->outer->>inner with 16 names at most; or {"column": "my_column", "path": ["outer", "inner"]}.';
    END IF;
    RETURN jsonb_build_object('column', parts[1], 'path', to_jsonb(parts[2:]));
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.field_rule(text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.field_rule(text, text) IS 'internal: a field of a document, written as in SQL, as a rule (22023)';

CREATE FUNCTION kindly_stats.check_zone(tz text) RETURNS void
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM kindly_rules.zoned_instant('2000-01-01', tz);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.check_zone(text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.check_zone(text) IS 'internal: refuses a zone that is not known (22023)';

CREATE FUNCTION kindly_stats.refuse_rule(logical text, reason text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'column "%" cannot be mapped like this: %', logical, reason
        USING ERRCODE = '22023', HINT = CASE logical
            WHEN 'occurred_at' THEN 'Write {"column": "my_column", "tz": "Europe/Oslo"} or {"column": "my_column", "unit": "seconds"}.'
            WHEN 'bot_id' THEN 'Map it to a column, or to one and the same bot for all rows: {"constant": 1}.'
            ELSE 'Write {"column": "my_column", "path": ["outer", "inner"]}, {"column": "my_column", "values": {"mine": "documented", "other": null}}, both together, or {"constant": "web"}.' END;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.refuse_rule(text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.refuse_rule(text, text) IS 'internal: says what a rule must be (22023)';

CREATE FUNCTION kindly_stats.scalar_texts(logical text, written jsonb) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF jsonb_typeof(written) <> 'object' OR EXISTS (SELECT FROM jsonb_each(written) AS v WHERE jsonb_typeof(v.value) IN ('object', 'array')) THEN
        PERFORM kindly_stats.refuse_rule(logical, 'values must be an object of texts or nulls');
    END IF;
    RETURN (SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each_text(written) AS v);
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.scalar_texts(text, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.scalar_texts(text, jsonb) IS 'internal: what values are counted as (22023)';

-- As bots are written elsewhere: of a number its whole, 1 for 1.0.
CREATE FUNCTION kindly_stats.constant_bot(written jsonb) RETURNS text
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    id text := CASE jsonb_typeof(written) WHEN 'number' THEN (written::numeric)::kindly_stats.bot_id::text ELSE written #>> '{}' END;
    number bigint := id::kindly_stats.bot_id::bigint;
BEGIN
    IF number < -4611686018427387904 AND number::text = id THEN
        PERFORM kindly_stats.refuse_rule('bot_id', 'numbers below -4611686018427387904 are those of bots whose ids are texts');
    END IF;
    RETURN id;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.constant_bot(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.constant_bot(jsonb) IS 'internal: the id of the one bot of a table (22003, 22023)';

CREATE FUNCTION kindly_stats.object_rule(logical text, written jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    keys text[] := ARRAY(SELECT k FROM jsonb_object_keys(written) AS k ORDER BY k COLLATE "C");
    result jsonb := written;
BEGIN
    IF NOT (CASE logical WHEN 'occurred_at' THEN keys IN ('{column}', '{column,tz}', '{column,unit}')
                         WHEN 'bot_id' THEN keys IN ('{column}', '{constant}')
                         ELSE keys IN ('{column}', '{column,path}', '{column,values}', '{column,path,values}', '{constant}') END) THEN
        PERFORM kindly_stats.refuse_rule(logical, format('an object of %s is no rule', coalesce(nullif(array_to_string(keys, ', '), ''), 'nothing')));
    ELSIF written ? 'column' AND jsonb_typeof(written -> 'column') <> 'string' THEN
        PERFORM kindly_stats.refuse_rule(logical, 'column must be a name');
    END IF;
    IF written ? 'constant' THEN
        IF jsonb_typeof(written -> 'constant') IN ('object', 'array', 'null') THEN
            PERFORM kindly_stats.refuse_rule(logical, 'constant must be a text');
        ELSIF logical = 'bot_id' THEN
            RETURN jsonb_build_object('constant', kindly_stats.constant_bot(written -> 'constant'));
        END IF;
        RETURN jsonb_build_object('constant', written ->> 'constant');
    END IF;
    IF written ? 'path' THEN
        IF jsonb_typeof(written -> 'path') <> 'array' OR jsonb_array_length(written -> 'path') NOT BETWEEN 1 AND 16
           OR EXISTS (SELECT FROM jsonb_array_elements(written -> 'path') AS p WHERE jsonb_typeof(p) NOT IN ('string', 'number')) THEN
            PERFORM kindly_stats.refuse_rule(logical, 'path must be an array of 1 to 16 names');
        END IF;
        result := jsonb_set(result, '{path}', to_jsonb(ARRAY(SELECT p FROM jsonb_array_elements_text(written -> 'path') WITH ORDINALITY AS p (p, number) ORDER BY number)));
    END IF;
    IF written ? 'values' THEN
        result := result || jsonb_build_object('values', kindly_stats.scalar_texts(logical, written -> 'values'));
        IF result -> 'values' = '{}' THEN
            result := result - 'values';
        END IF;
    END IF;
    IF written ? 'tz' THEN
        IF jsonb_typeof(written -> 'tz') <> 'string' THEN
            PERFORM kindly_stats.refuse_rule(logical, 'tz must be the name of a zone');
        END IF;
        PERFORM kindly_stats.check_zone(written ->> 'tz');
    END IF;
    IF written ? 'unit' AND written -> 'unit' NOT IN ('"seconds"', '"milliseconds"') THEN
        PERFORM kindly_stats.refuse_rule(logical, 'unit must be seconds or milliseconds');
    END IF;
    RETURN CASE WHEN (SELECT count(*) FROM jsonb_object_keys(result)) = 1 THEN result -> 'column' ELSE result END;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.object_rule(text, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.object_rule(text, jsonb) IS 'internal: a rule as triggers are told it (22023)';

CREATE FUNCTION kindly_stats.has_column(event_table regclass, name text) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = event_table AND a.attname = name AND a.attnum > 0 AND NOT a.attisdropped)
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.has_column(regclass, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.has_column(regclass, text) IS 'internal: whether a table has a column';

-- known: the rule that the kind would have without it.
CREATE FUNCTION kindly_stats.kinds_rule(known jsonb, kinds jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF jsonb_typeof(kinds) = 'string' THEN
        RETURN jsonb_build_object('constant', kinds #>> '{}');
    ELSIF jsonb_typeof(kinds) <> 'object' THEN
        RAISE EXCEPTION 'kinds must be a JSON object or a text' USING ERRCODE = '22023',
            HINT = 'Map your values to documented kinds, such as {"incoming": "user_message", "note": null}, or count every row as one kind: ''"user_message"''.';
    ELSIF kindly_stats.mapped_column(known) IS NULL THEN
        RAISE EXCEPTION 'kinds need a column that has them' USING ERRCODE = '22023', HINT = 'Name it in the argument columns, such as {"kind": "direction"}.';
    END IF;
    RETURN kindly_stats.object_rule('kind', CASE jsonb_typeof(known) WHEN 'object' THEN known ELSE jsonb_build_object('column', known) END || jsonb_build_object('values', kinds));
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.kinds_rule(jsonb, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.kinds_rule(jsonb, jsonb) IS 'internal: how kinds are read (22023)';

CREATE FUNCTION kindly_stats.instant_rule(known jsonb, tz text, unit text) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF tz IS NOT NULL AND unit IS NOT NULL THEN
        RAISE EXCEPTION 'tz and unit exclude each other' USING ERRCODE = '22023', HINT = 'tz is for timestamp without time zone, unit for numbers, which count from 1970 in UTC.';
    END IF;
    RETURN kindly_stats.object_rule('occurred_at', jsonb_strip_nulls(jsonb_build_object('column', kindly_stats.mapped_column(known), 'tz', tz, 'unit', unit)));
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.instant_rule(jsonb, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.instant_rule(jsonb, text, text) IS 'internal: how instants are read (22023)';

-- The mapping of an event table, as attach() is told it in all its arguments; what is no mapping at all is left to check_columns().
CREATE FUNCTION kindly_stats.written_columns(event_table regclass, columns jsonb, kinds jsonb, tz text, unit text) RETURNS jsonb
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known jsonb := coalesce(kindly_stats.attached_columns(event_table, 'event'), '{}');
    result jsonb := '{}';
    c record;
BEGIN
    IF columns IS NULL OR jsonb_typeof(columns) <> 'object' THEN
        RETURN columns;
    END IF;
    FOR c IN SELECT m.key, m.value, m.value #>> '{}' AS written FROM jsonb_each(columns) AS m
    LOOP
        result := result || jsonb_build_object(c.key, CASE
            WHEN jsonb_typeof(c.value) = 'object' THEN kindly_stats.object_rule(c.key, c.value)
            WHEN jsonb_typeof(c.value) = 'string' AND c.written ~ '->' AND NOT kindly_stats.has_column(event_table, c.written)
                THEN kindly_stats.object_rule(c.key, kindly_stats.field_rule(c.key, c.written))
            ELSE c.value END);
    END LOOP;
    known := '{"kind": "kind", "occurred_at": "occurred_at"}' || known || result;
    IF kinds IS NOT NULL THEN
        IF result -> 'kind' -> 'values' IS NOT NULL OR result -> 'kind' -> 'constant' IS NOT NULL THEN
            RAISE EXCEPTION 'kinds are said twice' USING ERRCODE = '22023', HINT = 'Say them in the argument kinds, or in columns.';
        END IF;
        result := result || jsonb_build_object('kind', kindly_stats.kinds_rule(known -> 'kind', kinds));
    END IF;
    IF tz IS NOT NULL OR unit IS NOT NULL THEN
        IF result -> 'occurred_at' -> 'tz' IS NOT NULL OR result -> 'occurred_at' -> 'unit' IS NOT NULL THEN
            RAISE EXCEPTION 'the zone or unit of instants is said twice' USING ERRCODE = '22023', HINT = 'Say it in the arguments tz or unit, or in columns.';
        END IF;
        result := result || jsonb_build_object('occurred_at', kindly_stats.instant_rule(known -> 'occurred_at', tz, unit));
    END IF;
    RETURN result;
END
$$;
REVOKE EXECUTE ON FUNCTION kindly_stats.written_columns(regclass, jsonb, jsonb, text, text) FROM PUBLIC;
COMMENT ON FUNCTION kindly_stats.written_columns(regclass, jsonb, jsonb, text, text) IS 'internal: what attach() was told, as a mapping that triggers understand (22023)';
