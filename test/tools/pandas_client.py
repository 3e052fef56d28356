"""pandas through SQLAlchemy: frames by statement, by parameters, by table, and in chunks."""
import datetime

import pandas
import sqlalchemy

from common import DATABASE, HOST, PORT, USER, is_, page_block, run, typed


def main():
    engine = sqlalchemy.create_engine('postgresql+psycopg2://%s@/%s?host=%s&port=%d' % (USER, DATABASE, HOST, PORT),
                                      connect_args={'options': '-c TimeZone=Europe/Oslo -c default_transaction_read_only=on'})
    shown = {'pandas': pandas, 'sqlalchemy': sqlalchemy, 'url': engine.url}
    exec(page_block('python'), shown)
    is_(list(shown['monthly']['messages']), list(pandas.read_sql(typed(41), engine)['count']), 'what the page shows')
    is_([round(rate, 12) for rate in shown['monthly']['fallback_rate']],
        [round(rate, 12) for rate in pandas.read_sql("SELECT fallback_rate FROM bi.monthly WHERE bot_id = '41' AND date IN ('2024-10-01', '2024-11-01') ORDER BY date", engine)['fallback_rate']], 'and its rates')

    daily = pandas.read_sql(sqlalchemy.text('SELECT date, messages, chats, fallback_rate FROM bi.daily WHERE bot_id = :bot AND date >= :first AND date < :last ORDER BY date'),
                            engine, params={'bot': '41', 'first': datetime.date(2024, 10, 1), 'last': datetime.date(2024, 12, 1)}, parse_dates=['date'], index_col='date')
    expected = pandas.read_sql(typed(41, 'day', columns='date, count, distinct_count'), engine, index_col='date')
    is_([str(kind) for kind in daily.dtypes], ['int64', 'int64', 'float64'], 'counts are integers, rates are floats')
    is_([list(daily['messages']), list(daily['chats'])], [list(expected['count']), list(expected['distinct_count'])], 'days, with parameters')
    is_(list(daily.index) == list(expected.index), True, 'local days are the index')
    monthly = daily['messages'].resample('MS').sum()
    is_(list(monthly), list(pandas.read_sql(typed(41), engine)['count']), 'months, added up by pandas')
    weekly = daily['messages'].resample('W-MON', label='left', closed='left').sum()
    is_(list(weekly)[1:-1], list(pandas.read_sql("SELECT messages FROM bi.weekly WHERE bot_id = '41' AND date BETWEEN '2024-10-07' AND '2024-11-18' ORDER BY date", engine)['messages']),
        'weeks, added up by pandas')

    table = pandas.read_sql_table('monthly', engine, schema='bi', columns=['date', 'bot_id', 'messages', 'is_partial'])
    is_(sorted(table[table['bot_id'] == '41']['messages']), sorted([678, 654, 2]), 'a table')
    is_(str(table['is_partial'].dtype), 'bool', 'booleans')
    with engine.connect().execution_options(stream_results=True) as connection:
        chunks = list(pandas.read_sql("SELECT hour, messages FROM bi.hourly WHERE bot_id = '41' AND date BETWEEN '2024-10-01' AND '2024-11-30'", connection, chunksize=500))
        is_([len(chunk) for chunk in chunks], [500, 500, 465], 'chunks, by a cursor of the server')
        is_(int(sum(chunk['messages'].sum() for chunk in chunks)), sum(pandas.read_sql(typed(41), connection)['count']), 'hours in chunks')
    instants = pandas.read_sql("SELECT starts_at, messages FROM bi.daily WHERE bot_id = '41' AND date BETWEEN '2024-10-26' AND '2024-10-28' ORDER BY 1", engine)['starts_at']
    is_([str(at) for at in pandas.to_datetime(instants, utc=True)], ['2024-10-25 22:00:00+00:00', '2024-10-26 22:00:00+00:00', '2024-10-27 23:00:00+00:00'], 'instants')
    wide = pandas.read_sql("SELECT date, coalesce(source, 'none') AS source, messages FROM bi.daily_by_source WHERE bot_id = '41' AND date BETWEEN '2024-10-01' AND '2024-11-30'", engine)
    is_(int(wide.pivot_table(index='date', columns='source', values='messages', aggfunc='sum').sum().sum()), 1332, 'sources as columns')
    bots = pandas.read_sql_query('SELECT bot_id, sum(messages)::bigint AS messages FROM bi.monthly WHERE date = ANY(%(months)s) GROUP BY 1 ORDER BY 1', engine,
                                 params={'months': [datetime.date(2024, 10, 1), datetime.date(2024, 11, 1)]})
    is_(list(bots['messages']), [1332, 666], 'a list of dates')


run(main)
