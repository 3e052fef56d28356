"""psycopg2 writes parameters into the statement, so that they are literals."""
import decimal

import psycopg2
import psycopg2.extras

import tap

SERIES = 'SELECT count FROM kindly_stats.stats_series(%s, %s, %s)'


def main():
    connection = psycopg2.connect(host=tap.HOST, port=tap.PORT, user=tap.USER, dbname=tap.DATABASE)
    connection.autocommit = True
    psycopg2.extras.register_uuid()
    cursor = connection.cursor()

    def rows(query, *parameters):
        cursor.execute(query, parameters)
        return cursor.fetchall()

    def counts(*parameters):
        return [row[0] for row in rows(SERIES, *parameters)]

    for bot in tap.BOT, '42', decimal.Decimal(42):
        tap.is_(counts(bot, tap.FROM, tap.TO), tap.COUNTS, 'a bot as %s, dates' % type(bot).__name__)
    for bot in tap.UUID, str(tap.UUID):
        tap.is_(counts(bot, '2024-10-26', '2024-10-29'), [10, 0, 0], 'a bot as UUID in %s' % type(bot).__name__)
    tap.is_(counts(tap.BOT, '2024-10-26', '2024-10-29'), tap.COUNTS, 'strings')
    tap.is_(counts(tap.BOT, *tap.NAIVE), tap.COUNTS, 'datetime without a zone')
    tap.is_(counts(tap.BOT, *tap.AWARE), tap.COUNTS, 'datetime with one')
    tap.is_(counts(tap.BOT, *tap.MSECS), tap.COUNTS, 'milliseconds')
    tap.is_(rows('SELECT sum(count) FROM kindly_stats.stats_series(%s, %s, %s, sources => %s)', tap.BOT, tap.FROM, tap.TO, ['web']), [(decimal.Decimal(35),)],
            'a list for an array')
    cursor.execute("SET timezone = 'Asia/Tokyo'")
    tap.is_(counts(tap.BOT, tap.FROM, tap.TO), [14, 24, 24], "the session's time zone")
    cursor.execute('SET timezone = UTC')
    tap.is_(rows('SELECT bucket, date FROM kindly_stats.stats_series(%s, %s, %s)', tap.BOT, tap.FROM, tap.TO)[0],
            (tap.AWARE[0], tap.NAIVE[0]), 'instants have a zone, labels none')
    tap.is_(rows('SELECT sage.fallbacks_total(%s, %s, %s)', tap.BOT, tap.FROM, tap.TO), [({'data': {'count': 1, 'rate': 0.25}},)], 'JSON is read')
    tap.is_(rows('SELECT sources FROM kindly_stats.stats_options(%s)', tap.BOT), [(['app', 'web'],)], 'arrays are lists')
    for query, more, row in tap.OTHERS:
        tap.is_(rows(query, tap.BOT, tap.FROM, tap.TO, *more), [row], query)
    try:
        counts(tap.BOT, 1729900800, 1730160000)
    except psycopg2.Error as error:
        tap.is_((error.pgcode, error.diag.message_hint is not None), ('22008', True), 'seconds are refused, with a hint')


tap.run(main)
