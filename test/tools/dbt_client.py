"""dbt: the project of bi/dbt, its templates expanded, in the statements and transactions that dbt makes of models, sources and tests."""
import os
import re

import jinja2
import psycopg2

from common import HOST, PORT, RELATIONS, USER, is_, is_read, plain, run, typed

PROJECT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'bi', 'dbt')
COMMENT = '/* {"app": "dbt", "dbt_version": "1.9.0", "profile_name": "chatbot", "target_name": "dev", "node_id": "model.chatbot"} */\n'
DATABASE = 'tools'


def compiled(model, incremental=False):
    with open(os.path.join(PROJECT, 'models', model + '.sql')) as file:
        text = file.read()
    settings = {}
    return jinja2.Template(text).render(
        config=lambda **given: settings.update(given) or '', source=lambda schema, name: '"%s"."%s"."%s"' % (DATABASE, schema, name),
        ref=lambda name: '"%s"."analytics"."%s"' % (DATABASE, name), this='"%s"."analytics"."%s"' % (DATABASE, model),
        var={'zone': 'Europe/Oslo'}.get, is_incremental=lambda: incremental).strip()


def main():
    connection = psycopg2.connect(host=HOST, port=PORT, user='dbt', dbname=DATABASE, application_name='dbt', keepalives_idle=0)
    connection.autocommit = True
    cursor = connection.cursor()

    def execute(statement):
        cursor.execute(COMMENT + statement)

    def rows(statement):
        execute(statement)
        return [plain(row) for row in cursor.fetchall()]

    # what a run begins with
    is_('bi' in [row[0] for row in rows('select distinct nspname from pg_namespace')], True, 'schemas')
    listed = rows("select 'tools' as database, tablename as name, schemaname as schema, 'table' as type from pg_tables where schemaname ilike 'bi'\n"
                  "union all\nselect 'tools' as database, viewname as name, schemaname as schema, 'view' as type from pg_views where schemaname ilike 'bi'\n"
                  "union all\nselect 'tools' as database, matviewname as name, schemaname as schema, 'materialized_view' as type from pg_matviews where schemaname ilike 'bi'")
    is_(sorted((row[1], row[3]) for row in listed), [(name, 'view') for name in RELATIONS], 'relations, which it takes for views')
    is_(rows("select column_name, data_type, character_maximum_length, numeric_precision, numeric_scale from \"tools\".INFORMATION_SCHEMA.columns"
             " where table_name = 'daily' and table_schema = 'bi' order by ordinal_position")[:4],
        [('date', 'date', None, None, None), ('bot_id', 'text', None, None, None), ('bot_name', 'text', None, None, None), ('messages', 'bigint', None, 64.0, 0.0)], 'columns')
    # dbt docs generate
    catalog = rows("select sch.nspname, tbl.relname, case tbl.relkind when 'v' then 'VIEW' when 'm' then 'MATERIALIZED VIEW' else 'BASE TABLE' end, tbl_desc.description,"
                   " col.attname, col.attnum, pg_catalog.format_type(col.atttypid, col.atttypmod), col_desc.description, pg_get_userbyid(tbl.relowner)"
                   " from pg_catalog.pg_namespace sch join pg_catalog.pg_class tbl on tbl.relnamespace = sch.oid join pg_catalog.pg_attribute col on col.attrelid = tbl.oid"
                   " left outer join pg_catalog.pg_description tbl_desc on (tbl_desc.objoid = tbl.oid and tbl_desc.objsubid = 0)"
                   " left outer join pg_catalog.pg_description col_desc on (col_desc.objoid = tbl.oid and col_desc.objsubid = col.attnum)"
                   " where upper(sch.nspname) = upper('bi') and not pg_is_other_temp_schema(sch.oid) and tbl.relpersistence in ('p', 'u') and tbl.relkind in ('r', 'v', 'f', 'p', 'm')"
                   " and col.attnum > 0 and not col.attisdropped order by sch.nspname, tbl.relname, col.attnum")
    is_([row for row in catalog if None in (row[3], row[7])], [], 'each relation and column has a description')

    # a view
    monthly = compiled('chatbot_monthly')
    execute('BEGIN')
    execute('create view "tools"."analytics"."chatbot_monthly__dbt_tmp"\n  as (\n    %s\n  );' % monthly)
    execute('alter table "tools"."analytics"."chatbot_monthly__dbt_tmp" rename to "chatbot_monthly"')
    execute('COMMIT')
    is_(rows("select messages from analytics.chatbot_monthly where bot_id = '41' and month between '2024-10-01' and '2024-11-01' order by month"), rows(typed(41)), 'a view')
    is_read([row[0] for row in rows("explain (costs off) select messages from analytics.chatbot_monthly where bot_id = '41' and month >= '2024-10-01'")], 'date >= ', True,
            'conditions on a view decide what is read')

    # a table that grows, twice, with late events and a day more in between
    execute('BEGIN')
    execute('create  table "tools"."analytics"."chatbot_daily"\n  as\n  (\n    %s\n  );' % compiled('chatbot_daily'))
    execute('COMMIT')
    days = rows("select count(*), sum(messages) from analytics.chatbot_daily where bot_id = '41'")
    is_(days[0][1], sum(row[0] for row in rows(typed(41))) + rows("SELECT sum(messages) FROM bi.daily WHERE bot_id = '41' AND tz = 'Europe/Oslo' AND date >= '2024-12-01'")[0][0], 'a table')
    execute("delete from analytics.chatbot_daily where date > '2024-11-20'")
    execute("update analytics.chatbot_daily set messages = 0 where date >= '2024-11-19'")
    increment = compiled('chatbot_daily', True)
    is_read([row[0] for row in rows('explain (costs off) ' + increment)], 'date >= ', False, 'only new days are read')
    execute('BEGIN')
    execute('create temporary table "chatbot_daily__dbt_tmp101010"\n  as\n  (\n    %s\n  );' % increment)
    execute('delete from "tools"."analytics"."chatbot_daily" using "chatbot_daily__dbt_tmp101010" where ("chatbot_daily__dbt_tmp101010".date = "tools"."analytics"."chatbot_daily".date'
            ' and "chatbot_daily__dbt_tmp101010".bot_id = "tools"."analytics"."chatbot_daily".bot_id)')
    columns = ', '.join('"%s"' % name for name in 'date bot_id bot_name messages chats users new_users replies fallbacks handovers ratings'.split())
    execute('insert into "tools"."analytics"."chatbot_daily" (%s) (select %s from "chatbot_daily__dbt_tmp101010")' % (columns, columns))
    execute('COMMIT')
    is_(rows("select count(*), sum(messages) from analytics.chatbot_daily where bot_id = '41'"), days, 'a table that grows')

    # tests of data, and freshness
    for relation, condition in ('"tools"."bi"."daily"', 'date is null'), ('"tools"."bi"."daily"', 'bot_id is null'), ('"tools"."analytics"."chatbot_daily"', 'date is null'):
        is_(rows('select\n      count(*) as failures,\n      count(*) != 0 as should_warn,\n      count(*) != 0 as should_error\n    from (\n      select * from %s where %s\n    ) dbt_internal_test'
                 % (relation, condition)), [(0, False, False)], 'no %s where %s' % (relation, condition))
    fresh = 'select\n      max(starts_at) as max_loaded_at,\n      now() as snapshotted_at\n    from "tools"."bi"."hourly"\n      where starts_at > \'2024-11-29\'::timestamptz'
    is_(rows(fresh)[0][0] == rows("select max(starts_at) from bi.hourly where date > '2024-11-01'")[0][0], True, 'freshness')
    with open(os.path.join(PROJECT, 'models', 'sources.yml')) as file:
        condition = re.search(r'filter: (.*)', file.read()).group(1)
    fresh = fresh.replace("starts_at > '2024-11-29'::timestamptz", condition)
    is_(rows(fresh)[0][0], None, 'nothing in the last days')
    is_read([row[0] for row in rows('explain (costs off) ' + fresh)], 'starts_at > ', False, 'freshness reads the last days')

    # who reads the view has his own rights
    reader = psycopg2.connect(host=HOST, port=PORT, user=USER, dbname=DATABASE).cursor()
    cursor.execute('grant select on all tables in schema analytics to analyst')
    reader.execute("select count(*) from analytics.chatbot_monthly where bot_id = '41'")
    is_(reader.fetchone()[0] > 2, True, 'a view of somebody else')


run(main)
