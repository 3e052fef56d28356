"""ODBC, with PostgreSQL's own driver, through pyodbc."""
import decimal

import pyodbc

import tap

SERIES = 'SELECT count FROM kindly_stats.stats_series(?, ?, ?)'
DRIVER = '{PostgreSQL Unicode}'


def connect(**options):
    options = dict({'Driver': DRIVER, 'Server': tap.HOST, 'Port': tap.PORT, 'UID': tap.USER, 'Database': tap.DATABASE}, **options)
    return pyodbc.connect(';'.join('%s=%s' % option for option in options.items()), autocommit=True)


def main():
    # parameters are sent apart, or written into the statement
    for server_side in (0,) if tap.POOLED else (1, 0):
        connection = connect(UseServerSidePrepare=server_side, BoolsAsChar=0)

        def rows(query, *parameters):
            return [tuple(row) for row in connection.execute(query, parameters).fetchall()]

        def counts(*parameters):
            return [row[0] for row in rows(SERIES, *parameters)]

        how = 'prepared' if server_side else 'written'
        for bot in tap.BOT, '42', decimal.Decimal(42):
            tap.is_(counts(bot, tap.FROM, tap.TO), tap.COUNTS, 'a bot as %s, dates, %s' % (type(bot).__name__, how))
        for bot in tap.UUID, str(tap.UUID):
            tap.is_(counts(bot, '2024-10-26', '2024-10-29'), [10, 0, 0], 'a bot as UUID in %s, %s' % (type(bot).__name__, how))
        tap.is_(counts(tap.BOT, '2024-10-26', '2024-10-29'), tap.COUNTS, 'strings, %s' % how)
        tap.is_(counts(tap.BOT, *tap.NAIVE), tap.COUNTS, 'datetime, %s' % how)
        tap.is_(counts(tap.BOT, *(at.isoformat() for at in tap.AWARE)), tap.COUNTS, 'instants as strings, %s' % how)
        tap.is_(counts(tap.BOT, *tap.MSECS), tap.COUNTS, 'milliseconds, %s' % how)
        tap.is_(rows('SELECT sum(count)::bigint FROM kindly_stats.stats_series(?, ?, ?, sources => ?)', tap.BOT, tap.FROM, tap.TO, '{web}'), [(35,)],
                'the text of an array, %s' % how)
        tap.is_(rows('SELECT bucket, date, is_partial FROM kindly_stats.stats_series(?, ?, ?)', tap.BOT, tap.FROM, tap.TO)[0],
                (tap.NAIVE[0], tap.NAIVE[0], False), "instants are on the clock of the session's time zone, %s" % how)
        connection.execute("SET timezone = 'Asia/Tokyo'")
        tap.is_(counts(tap.BOT, tap.FROM, tap.TO), [14, 24, 24], "the session's time zone, %s" % how)
        tap.is_(rows('SELECT sage.fallbacks_total(?, ?, ?)', tap.BOT, tap.FROM, tap.TO), [('{"data":{"count":1,"rate":0.25}}',)], 'JSON is text, %s' % how)
        tap.is_(rows('SELECT sources FROM kindly_stats.stats_options(?)', tap.BOT), [('{app,web}',)], 'arrays are text, %s' % how)
        connection.execute('SET timezone = UTC')
        for query, more, row in tap.OTHERS:
            row = tuple('{b1,link,NULL}' if isinstance(value, list) else value for value in row)
            tap.is_(rows(query.replace('%s', '?'), tap.BOT, tap.FROM, tap.TO, *more), [row], '%s, %s' % (query, how))
        try:
            counts(tap.BOT, '1729900800', '1730160000')
        except pyodbc.Error as error:
            tap.is_(error.args[0], '22008', 'seconds are refused, %s' % how)


tap.run(main)
