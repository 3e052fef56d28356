"""Superset: SQLAlchemy and psycopg2, a dataset as a table or as a subquery called virtual_table, time grains by DATE_TRUNC."""
import sqlalchemy

from common import DATABASE, HOST, PORT, RELATIONS, USER, is_, is_read, plain, run, typed

GRAINS = {'hour': 'hourly', 'day': 'daily', 'week': 'daily', 'month': 'daily', 'quarter': 'daily', 'year': 'daily'}
RANGE = "date >= TO_DATE('2024-10-01', 'YYYY-MM-DD') AND date < TO_DATE('2024-12-01', 'YYYY-MM-DD')"
TIMES = "{0} >= TO_TIMESTAMP('2024-10-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') AND {0} < TO_TIMESTAMP('2024-12-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')"


def main():
    engine = sqlalchemy.create_engine('postgresql+psycopg2://%s@/%s?host=%s&port=%d' % (USER, DATABASE, HOST, PORT),
                                      connect_args={'options': '-c TimeZone=Europe/Oslo -c statement_timeout=60000'})
    connection = engine.connect()

    def rows(statement):
        return [plain(row) for row in connection.exec_driver_sql(statement)]

    def plan(statement):
        return [row[0] for row in rows('EXPLAIN (COSTS OFF) ' + statement)]

    # what the schema and table selectors, and the dataset's columns, come from
    inspector = sqlalchemy.inspect(engine)
    is_(rows('SELECT datname FROM pg_database WHERE datistemplate = false') != [], True, 'catalogs')
    is_('bi' in inspector.get_schema_names(), True, 'the schema is listed')
    is_(sorted(set(inspector.get_table_names('bi')) | set(inspector.get_foreign_table_names('bi'))), [], 'no tables')
    is_(sorted(inspector.get_view_names('bi')), RELATIONS, 'relations are listed as views')
    columns = {column['name']: column for column in inspector.get_columns('daily', schema='bi')}
    is_([str(columns[name]['type']).replace('_', ' ') for name in ('date', 'bot_id', 'messages', 'fallback_rate', 'is_partial', 'starts_at')],
        ['DATE', 'TEXT', 'BIGINT', 'DOUBLE PRECISION', 'BOOLEAN', 'TIMESTAMP'], 'columns have types that it knows')
    is_(columns['messages']['comment'], 'messages of users', 'columns have descriptions')
    is_([inspector.get_pk_constraint('daily', schema='bi')['constrained_columns'], inspector.get_foreign_keys('daily', schema='bi'), inspector.get_indexes('daily', schema='bi')],
        [[], [], []], 'no keys')
    is_(inspector.get_table_comment('daily', schema='bi')['text'][:23], 'statistics by local day', 'relations have descriptions')

    # a preview, a probe for the columns of a virtual dataset, and the cost that SQL Lab shows
    is_(len(rows('SELECT *\nFROM bi.daily\nLIMIT 101\nOFFSET 0')), 101, 'a preview')
    is_(len(rows('SELECT * FROM (SELECT date, messages FROM bi.daily) AS virtual_table LIMIT 1')), 1, 'a probe of one row')
    is_(rows('SELECT date, messages FROM bi.daily WHERE 1 = 0'), [], 'a probe of none')
    is_(rows('EXPLAIN SELECT * FROM bi.daily')[0][0].startswith('Foreign Scan'), True, 'an estimate')
    connection.exec_driver_sql('set search_path = "bi"')
    is_(len(rows('SELECT * FROM daily LIMIT 10')), 10, 'a table without its schema')
    connection.exec_driver_sql('RESET search_path')
    is_(sorted(rows('SELECT DISTINCT bot_name AS bot_name\nFROM bi.daily\nLIMIT 1000 OFFSET 0')), [('Shop',), ('Support',)], 'values of a filter')

    # a chart of a dataset, and of a virtual one, by each grain
    for grain, relation in GRAINS.items():
        expected = rows(typed(41, grain, columns='date, count'))
        for source in ('bi.%s' % relation, '\n  (SELECT * FROM bi.%s\n   WHERE bot_id IS NOT NULL) AS virtual_table' % relation):
            column = 'hour' if grain == 'hour' else 'date'
            statement = ("SELECT DATE_TRUNC('%s', %s) AS __timestamp, sum(messages) AS \"SUM(messages)\"\nFROM %s\nWHERE %s\n  AND bot_id IN ('41')\n"
                         "GROUP BY DATE_TRUNC('%s', %s)\nORDER BY __timestamp ASC\nLIMIT 50000" % (grain, column, source, TIMES.format('hour') if grain == 'hour' else RANGE, grain, column))
            kind = 'virtual dataset' if 'virtual' in source else 'dataset'
            # an hour that comes twice is one row of the chart, and two of the series
            got = [(at.replace(tzinfo=None), count) for at, count in rows(statement)]
            sums = {}
            for at, count in expected:
                sums[at] = sums.get(at, 0) + count
            is_(got, sorted(sums.items()), 'a chart by %s of a %s' % (grain, kind))
            is_read(plan(statement), column, True, 'a chart by %s of a %s reads no more' % (grain, kind))

    # a time column that is an instant, on an axis of the session's zone
    statement = ("SELECT DATE_TRUNC('month', starts_at) AS __timestamp, sum(messages) AS m FROM bi.daily WHERE %s AND bot_id = '41' GROUP BY DATE_TRUNC('month', starts_at) ORDER BY 1" % TIMES.format('starts_at'))
    is_([row[1] for row in rows(statement)], [row[0] for row in rows(typed(41))], 'months of instants')
    is_read(plan(statement), 'starts_at', True, 'months of instants read no more')

    # a series limit, which joins the largest groups
    statement = ("SELECT DATE_TRUNC('month', date) AS __timestamp, bot_name AS bot_name, sum(messages) AS m\nFROM bi.daily\nJOIN\n"
                 "  (SELECT bot_name AS bot_name__, sum(messages) AS mme_inner__\n   FROM bi.daily\n   WHERE {0}\n   GROUP BY bot_name\n   ORDER BY mme_inner__ DESC\n   LIMIT 1) AS series_limit ON bot_name = bot_name__\n"
                 "WHERE {0}\nGROUP BY DATE_TRUNC('month', date), bot_name\nORDER BY 1\nLIMIT 10000".format(RANGE))
    is_([row[1:] for row in rows(statement)], [('Shop', row[0]) for row in rows(typed(41))], 'a series limit')
    is_read(plan(statement), 'date', None, 'a series limit reads no more')

    # numbers of distinct users are those of each row
    is_([row[0] for row in rows("SELECT sum(users) FROM bi.monthly WHERE %s AND bot_id = '42' GROUP BY date ORDER BY date" % RANGE)],
        [row[0] for row in rows(typed(42, measure='users', columns='distinct_count'))], 'users by month')

    # rows fetched bit by bit, by a cursor of the server
    streamed = connection.execution_options(stream_results=True, max_row_buffer=50).exec_driver_sql("SELECT messages FROM bi.hourly WHERE bot_id = '41' AND %s" % RANGE)
    is_(sum(row[0] for row in streamed), sum(row[0] for row in rows(typed(41))), 'a cursor')


run(main)
