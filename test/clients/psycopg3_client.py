"""psycopg 3 sends parameters apart, in text, or in binary where it is told so."""
import decimal

import psycopg

import tap

SERIES = 'SELECT count FROM kindly_stats.stats_series({0}, {0}, {0})'


def main():
    # every statement is prepared at its first use, or none
    connection = psycopg.connect(host=tap.HOST, port=tap.PORT, user=tap.USER, dbname=tap.DATABASE, autocommit=True,
                                 prepare_threshold=None if tap.POOLED else 0)

    def rows(query, *parameters, binary=False):
        return connection.execute(query, parameters).fetchall() if not binary else connection.cursor(binary=True).execute(query, parameters).fetchall()

    for placeholder in '%s', '%b':
        def counts(*parameters):
            return [row[0] for row in rows(SERIES.format(placeholder), *parameters, binary=placeholder == '%b')]

        for bot in tap.BOT, '42', decimal.Decimal(42):
            tap.is_(counts(bot, tap.FROM, tap.TO), tap.COUNTS, 'a bot as %s, dates, %s' % (type(bot).__name__, placeholder))
        for bot in tap.UUID, str(tap.UUID):
            tap.is_(counts(bot, '2024-10-26', '2024-10-29'), [10, 0, 0], 'a bot as UUID in %s, %s' % (type(bot).__name__, placeholder))
        tap.is_(counts(tap.BOT, '2024-10-26', '2024-10-29'), tap.COUNTS, 'strings, %s' % placeholder)
        tap.is_(counts(tap.BOT, *tap.NAIVE), tap.COUNTS, 'datetime without a zone, %s' % placeholder)
        tap.is_(counts(tap.BOT, *tap.AWARE), tap.COUNTS, 'datetime with one, %s' % placeholder)
        tap.is_(counts(tap.BOT, *tap.MSECS), tap.COUNTS, 'milliseconds, %s' % placeholder)
        tap.is_(rows('SELECT sum(count) FROM kindly_stats.stats_series({0}, {0}, {0}, sources => {0})'.format(placeholder), tap.BOT, tap.FROM, tap.TO, ['web']),
                [(decimal.Decimal(35),)], 'a list for an array, %s' % placeholder)
        tap.is_(rows('SELECT bucket, date FROM kindly_stats.stats_series({0}, {0}, {0})'.format(placeholder), tap.BOT, tap.FROM, tap.TO, binary=placeholder == '%b')[0],
                (tap.AWARE[0], tap.NAIVE[0]), 'instants have a zone, labels none, %s' % placeholder)
        tap.is_(rows('SELECT sage.fallbacks_total({0}, {0}, {0})'.format(placeholder), tap.BOT, tap.FROM, tap.TO, binary=placeholder == '%b'),
                [({'data': {'count': 1, 'rate': 0.25}},)], 'JSON is read, %s' % placeholder)
    connection.execute("SET timezone = 'Asia/Tokyo'")
    tap.is_([row[0] for row in rows(SERIES.format('%s'), tap.BOT, tap.FROM, tap.TO)], [14, 24, 24], "the session's time zone")
    tap.is_(rows('SELECT sources FROM kindly_stats.stats_options(%s)', tap.BOT), [(['app', 'web'],)], 'arrays are lists')
    connection.execute('SET timezone = UTC')
    for query, more, row in tap.OTHERS:
        for binary in False, True:
            tap.is_(rows(query, tap.BOT, tap.FROM, tap.TO, *more, binary=binary), [row], '%s, %s' % (query, 'binary' if binary else 'text'))
    try:
        rows(SERIES.format('%s'), tap.BOT, 1729900800, 1730160000)
    except psycopg.Error as error:
        tap.is_((error.sqlstate, error.diag.message_hint is not None), ('22008', True), 'seconds are refused, with a hint')


tap.run(main)
