"""asyncpg asks the server for the types of parameters, and takes only what fits them: of the
types bot_id and moment it knows nothing, and wants strings."""
import asyncio

import asyncpg

import tap

SERIES = 'SELECT count FROM kindly_stats.stats_series(%s, %s, %s)'
PLAIN = SERIES % ('$1', '$2', '$3')


async def ask():
    connection = await asyncpg.connect(host=tap.HOST, port=tap.PORT, user=tap.USER, database=tap.DATABASE,
                                       statement_cache_size=0 if tap.POOLED else 100)

    async def counts(query, *parameters):
        return [row[0] for row in await connection.fetch(query, *parameters)]

    tap.is_(await counts(PLAIN, '42', '2024-10-26', '2024-10-29'), tap.COUNTS, 'strings')
    try:
        await counts(PLAIN, '42', tap.FROM, tap.TO)
    except asyncpg.DataError as error:
        tap.is_('expected str, got date' in str(error), True, 'a date without a cast is an error of the driver')
    tap.is_(await counts(SERIES % ('$1::bigint', '$2::date', '$3::date'), tap.BOT, tap.FROM, tap.TO), tap.COUNTS, 'casts: an integer and dates')
    tap.is_(await counts(SERIES % ('$1::uuid', '$2::timestamp', '$3::timestamp'), tap.UUID, *tap.NAIVE), [10, 0, 0], 'casts: a UUID, datetime without a zone')
    tap.is_(await counts(SERIES % ('$1::bigint', '$2::timestamptz', '$3::timestamptz'), tap.BOT, *tap.AWARE), tap.COUNTS, 'casts: datetime with one')
    tap.is_(await counts(SERIES % ('$1::bigint', '$2::bigint', '$3::bigint'), tap.BOT, *tap.MSECS), tap.COUNTS, 'casts: milliseconds')
    tap.is_(await counts('SELECT sum(count)::bigint FROM kindly_stats.stats_series($1, $2, $3, sources => $4)', '42', '2024-10-26', '2024-10-29', ['web']), [35],
            'a list for an array')
    row = await connection.fetchrow('SELECT bucket, date FROM kindly_stats.stats_series($1, $2, $3)', '42', '2024-10-26', '2024-10-29')
    tap.is_((row['bucket'], row['date']), (tap.AWARE[0], tap.NAIVE[0]), 'instants have a zone, labels none')
    tap.is_(await connection.fetchval('SELECT sage.fallbacks_total($1, $2, $3)', '42', '2024-10-26', '2024-10-29'), '{"data":{"count":1,"rate":0.25}}', 'JSON is text')
    tap.is_(await connection.fetchval('SELECT sources FROM kindly_stats.stats_options($1)', '42'), ['app', 'web'], 'arrays are lists')

    # as doc/clients.md has it: whatever str() makes of a value is what the server reads
    for name in 'bot_id', 'moment':
        await connection.set_type_codec(name, schema='kindly_stats', encoder=str, decoder=str)
    for query, more, row in tap.OTHERS:
        for number in range(1, 4 + len(more)):
            query = query.replace('%s', '$%d' % number, 1)
        tap.is_(tuple(await connection.fetchrow(query, tap.BOT, tap.FROM, tap.TO, *more)), row, query)
    for bot in tap.BOT, '42':
        tap.is_(await counts(PLAIN, bot, tap.FROM, tap.TO), tap.COUNTS, 'a codec: a bot as %s, dates' % type(bot).__name__)
    tap.is_(await counts(PLAIN, tap.UUID, *tap.NAIVE), [10, 0, 0], 'a codec: a UUID, datetime without a zone')
    tap.is_(await counts(PLAIN, tap.BOT, *tap.AWARE), tap.COUNTS, 'a codec: datetime with one')
    tap.is_(await counts(PLAIN, tap.BOT, *tap.MSECS), tap.COUNTS, 'a codec: milliseconds')
    try:
        await counts(PLAIN, tap.BOT, 1729900800, 1730160000)
    except asyncpg.PostgresError as error:
        tap.is_((error.sqlstate, error.hint is not None), ('22008', True), 'seconds are refused, with a hint')
    await connection.execute("SET timezone = 'Asia/Tokyo'")
    tap.is_(await counts(PLAIN, tap.BOT, tap.FROM, tap.TO), [14, 24, 24], "the session's time zone")
    await connection.close()


tap.run(lambda: asyncio.run(ask()))
