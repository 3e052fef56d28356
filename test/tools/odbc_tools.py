"""Power BI and Tableau over ODBC: what they ask of the catalog, the subselects that Power Query folds steps into, Tableau's aliases and cursors."""
import datetime

import pyodbc

from common import DATABASE, HOST, PORT, RELATIONS, USER, is_, is_read, plain, run, typed

OCTOBER = datetime.date(2024, 10, 1)
DECEMBER = datetime.date(2024, 12, 1)


def connect(**options):
    options = dict({'Driver': '{PostgreSQL Unicode}', 'Server': HOST, 'Port': PORT, 'UID': USER, 'Database': DATABASE, 'BoolsAsChar': 0, 'MaxVarcharSize': 2000}, **options)
    connection = pyodbc.connect(';'.join('%s=%s' % option for option in options.items()), autocommit=True)
    connection.execute("SET TimeZone = 'Europe/Oslo'")
    return connection


def power_bi(rows, plan):
    # the navigator
    is_(rows('select character_set_name from INFORMATION_SCHEMA.character_sets'), [('UTF8',)], 'Power BI: encoding')
    listed = rows("select TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE\r\nfrom INFORMATION_SCHEMA.tables\r\nwhere TABLE_SCHEMA not in ('information_schema', 'pg_catalog')\r\norder by TABLE_SCHEMA, TABLE_NAME")
    is_([row[1:] for row in listed if row[0] == 'bi'], [(name, 'VIEW') for name in RELATIONS], 'Power BI: relations')
    columns = rows("select COLUMN_NAME, ORDINAL_POSITION, IS_NULLABLE, case when (data_type like '%unsigned%') then DATA_TYPE || ' unsigned' else DATA_TYPE end as DATA_TYPE\r\n"
                   "from INFORMATION_SCHEMA.columns\r\nwhere TABLE_SCHEMA = 'bi' and TABLE_NAME = 'daily'\r\norder by TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION")
    is_([row[3] for row in columns if row[0] in ('date', 'bot_id', 'messages', 'fallback_rate', 'is_partial', 'starts_at')],
        ['date', 'text', 'bigint', 'double precision', 'boolean', 'timestamp with time zone'], 'Power BI: columns')
    # a preview
    is_(len(rows('select "$Table"."date" as "date",\r\n    "$Table"."bot_id" as "bot_id",\r\n    "$Table"."messages" as "messages"\r\nfrom "bi"."daily" "$Table"\r\nlimit 101')), 101, 'Power BI: a preview')
    # filtered and grouped rows, folded
    folded = ('select "rows"."month" as "month",\r\n    sum("rows"."messages") as "messages"\r\nfrom\r\n(\r\n    select "_"."bot_id",\r\n        "_"."messages",\r\n'
              '        date_trunc(\'month\', "_"."date") as "month"\r\n    from\r\n    (\r\n        select "_"."date",\r\n            "_"."bot_id",\r\n            "_"."messages"\r\n        from "bi"."daily" "_"\r\n'
              '        where ("_"."date" >= %s and "_"."date" < %s) and ("_"."bot_id" = \'41\' and "_"."bot_id" is not null)\r\n    ) "_"\r\n) "rows"\r\ngroup by "month"')
    for kind, first, last in ('a date', "date '2024-10-01'", "date '2024-12-01'"), ('a timestamp', "timestamp '2024-10-01 00:00:00'", "timestamp '2024-12-01 00:00:00'"):
        statement = folded % (first, last)
        is_(sorted(row[1] for row in rows(statement)), sorted(row[0] for row in rows(typed(41))), 'Power BI: months, folded, by %s' % kind)
        is_read(plan(statement), 'date >= ', True, 'Power BI: months, folded, by %s, read no more' % kind)
    # DirectQuery: a column and a sum of a visual, with a limit that says too many
    direct = ('select "_"."bot_name",\r\n    "_"."a0"\r\nfrom \r\n(\r\n    select "rows"."bot_name" as "bot_name",\r\n        sum(cast("rows"."messages" as decimal)) as "a0"\r\n    from \r\n    (\r\n'
              '        select "bot_name",\r\n            "messages"\r\n        from "bi"."daily" "$Table"\r\n        where "date" >= timestamp \'2024-10-01 00:00:00\' and "date" < timestamp \'2024-12-01 00:00:00\' and "bot_name" in (\'Shop\', \'Support\')\r\n'
              '    ) "rows"\r\n    group by "bot_name"\r\n) "_"\r\nwhere not "_"."a0" is null\r\nlimit 1000001')
    is_(sorted(rows(direct)), [('Shop', sum(row[0] for row in rows(typed(41)))), ('Support', sum(row[0] for row in rows(typed(42))))], 'Power BI: DirectQuery')
    is_read(plan(direct), 'date >= ', True, 'Power BI: DirectQuery reads no more')
    # two relations, related by bot and date
    joined = ('select "$Outer"."date", "$Outer"."messages", "$Inner"."clicks" from (select "date", "bot_id", "messages" from "bi"."daily" where "bot_id" = \'41\' and "date" = date \'2024-10-26\') "$Outer"\r\n'
              'left outer join (select "date" as "d", "bot_id" as "b", sum("clicks") as "clicks" from "bi"."buttons" where "date" = date \'2024-10-26\' group by 1, 2) "$Inner" on ("$Outer"."date" = "$Inner"."d" and "$Outer"."bot_id" = "$Inner"."b")')
    is_([row[1:] for row in rows(joined)],
        rows("SELECT t.count, c.count FROM kindly_stats.stats_total('41', '2024-10-26', '2024-10-27') AS t, kindly_stats.stats_total('41', '2024-10-26', '2024-10-27', measure => 'buttons') AS c"),
        'Power BI: two relations')
    # incremental refresh asks for a month at a time, and for its latest change
    is_(len(rows('select * from "bi"."daily" "_" where "_"."starts_at" >= timestamp \'2024-10-01 00:00:00\' and "_"."starts_at" < timestamp \'2024-11-01 00:00:00\' and "_"."bot_id" = \'41\'')), 31, 'Power BI: a partition')
    is_(rows('select max("rows"."date") as "Item" from (select "date" from "bi"."daily" "$Table") "rows"')[0][0] >= OCTOBER, True, 'Power BI: the latest date')


def tableau(rows, plan, kind):
    is_(rows('SELECT "daily"."bot_id" AS "bot_id" FROM "bi"."daily" "daily" WHERE 1=0'), [], 'Tableau: a probe of none, %s' % kind)
    is_(len(rows('SELECT *\nFROM "bi"."daily" "daily"\nLIMIT 100')), 100, 'Tableau: a preview, %s' % kind)
    trunc = 'DATE_TRUNC( \'MONTH\', CAST("daily"."date" AS TIMESTAMP) )'
    condition = '(("daily"."bot_id" = \'41\') AND ("daily"."date" >= (DATE \'2024-10-01\')) AND ("daily"."date" <= (DATE \'2024-11-30\')))'
    statement = 'SELECT SUM("daily"."messages") AS "sum:messages:ok",\n  %s AS "tmn:date:ok"\nFROM "bi"."daily" "daily"\nWHERE %s\nGROUP BY 2' % (trunc, condition)
    is_([row[0] for row in sorted(rows(statement), key=lambda row: row[1])], [row[0] for row in rows(typed(41))], 'Tableau: months, %s' % kind)
    is_read(plan(statement), 'date >= ', True, 'Tableau: months read no more, %s' % kind)
    # a filter on the month itself, as a click on a mark makes it
    statement = ('SELECT CAST("daily"."date" AS DATE) AS "date", SUM("daily"."messages") AS "sum:messages:ok" FROM "bi"."daily" "daily" WHERE (("daily"."bot_id" = \'41\')'
                 ' AND (%s = (TIMESTAMP \'2024-10-01 00:00:00.000\'))) GROUP BY 1 HAVING (COUNT(1) > 0)' % trunc)
    is_(sum(row[1] for row in rows(statement)), rows(typed(41))[0][0], 'Tableau: the days of a month, %s' % kind)
    is_read(plan(statement), 'date = ', True, 'Tableau: the days of a month read no more, %s' % kind)
    # a filter of years
    statement = ('SELECT SUM("daily"."messages") AS "sum:messages:ok" FROM "bi"."daily" "daily" WHERE ((CAST(EXTRACT(YEAR FROM "daily"."date") AS INTEGER) = 2024) AND ("daily"."bot_id" = \'41\'))'
                 ' HAVING (COUNT(1) > 0)')
    is_(rows(statement), rows("SELECT sum(count) FROM kindly_stats.stats_series('41', '2024-01-01', '2025-01-01', 'Europe/Oslo', 'year')"), 'Tableau: a year, %s' % kind)
    is_read(plan(statement), 'date = ', True, 'Tableau: a year reads no more, %s' % kind)
    # custom SQL, and quarters and weekdays of it
    statement = ('SELECT CAST(EXTRACT(QUARTER FROM "Custom SQL Query"."date") AS INTEGER) AS "qr:date:ok",\n  SUM("Custom SQL Query"."messages") AS "sum:messages:ok"\nFROM (\n  SELECT * FROM bi.daily WHERE bot_id IN (\'41\', \'42\')\n'
                 '    AND date BETWEEN \'2024-10-01\' AND \'2024-11-30\'\n) "Custom SQL Query"\nGROUP BY 1')
    is_(rows(statement), [(4.0, sum(row[0] for row in rows(typed(41)) + rows(typed(42))))], 'Tableau: custom SQL, %s' % kind)
    # the domain of a quick filter, and the range of a date filter
    is_(sorted(rows('SELECT "monthly"."bot_name" AS "bot_name"\nFROM "bi"."monthly" "monthly"\nGROUP BY 1')), [('Shop',), ('Support',)], 'Tableau: a quick filter, %s' % kind)
    is_(rows('SELECT MIN("daily"."date") AS "min", MAX("daily"."date") AS "max"\nFROM "bi"."daily" "daily"\nHAVING (COUNT(1) > 0)')[0][0], OCTOBER, 'Tableau: the range of a date, %s' % kind)
    # a top of bots, which joins its own rows
    statement = ('SELECT "daily"."bot_name" AS "bot_name", SUM("daily"."messages") AS "sum:messages:ok" FROM "bi"."daily" "daily" INNER JOIN ( SELECT "daily"."bot_name" AS "bot_name", SUM("daily"."messages") AS "$__alias__0"'
                 ' FROM "bi"."daily" "daily" GROUP BY 1 ORDER BY 2 DESC, 1 ASC LIMIT 1) "t0" ON ("daily"."bot_name" IS NOT DISTINCT FROM "t0"."bot_name") WHERE (("daily"."date" >= (DATE \'2024-10-01\')) AND ("daily"."date" <= (DATE \'2024-11-30\'))) GROUP BY 1')
    is_(rows(statement), [('Shop', sum(row[0] for row in rows(typed(41))))], 'Tableau: the top of bots, %s' % kind)


def main():
    # as they are, and through cursors that fetch some rows at a time
    for kind, options in ('whole', {}), ('by cursor', {'UseDeclareFetch': 1, 'Fetch': 10}), ('prepared', {'UseServerSidePrepare': 1, 'UseDeclareFetch': 1, 'Fetch': 100}):
        connection = connect(**options)

        def rows(query, *parameters):
            return [plain(row) for row in connection.execute(query, parameters).fetchall()]

        def plan(statement):
            return [row[0] for row in rows('EXPLAIN (COSTS OFF) ' + statement)]

        if kind == 'whole':
            cursor = connection.cursor()
            is_(sorted(row.table_name for row in cursor.tables(schema='bi', tableType='TABLE,VIEW')), RELATIONS, 'SQLTables')
            is_([(row.column_name, row.type_name) for row in cursor.columns(table='daily', schema='bi')][:4], [('date', 'date'), ('bot_id', 'text'), ('bot_name', 'text'), ('messages', 'int8')], 'SQLColumns')
            is_([list(cursor.primaryKeys('daily', schema='bi')), list(cursor.statistics('daily', schema='bi'))], [[], []], 'SQLPrimaryKeys, SQLStatistics')
            power_bi(rows, plan)
        tableau(rows, plan, kind)
        is_([row[0] for row in rows('SELECT messages FROM bi.monthly WHERE bot_id = ? AND date >= ? AND date < ? ORDER BY date', '41', OCTOBER, DECEMBER)], [row[0] for row in rows(typed(41))], 'parameters, %s' % kind)
        is_(sum(row[0] for row in rows("SELECT messages FROM bi.hourly WHERE bot_id = '41' AND date >= ? AND date < ?", OCTOBER, DECEMBER)), sum(row[0] for row in rows(typed(41))), 'many rows, %s' % kind)
        connection.autocommit = False
        cursor = connection.execute("SELECT hour FROM bi.hourly WHERE bot_id = '41' AND date >= '2024-10-01'")
        first = cursor.fetchmany(15)
        connection.commit()
        is_(len(first), 15, 'a cursor that is left open at the end of a transaction, %s' % kind)
        connection.rollback()
        connection.close()


run(main)
