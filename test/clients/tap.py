"""What the Python clients have in common: results in TAP, and what is asked about."""
import datetime
import os
import sys
import traceback
import uuid

HOST = os.environ['PGHOST']
PORT = int(os.environ['PGPORT'])
USER = os.environ['PGUSER']
DATABASE = os.environ['PGDATABASE']
# behind PgBouncer, where a driver's prepared statements may be another client's
POOLED = 'KINDLY_POOLED' in os.environ

BOT = 42
UUID = uuid.UUID('3f2504e0-4f89-41d3-9a0c-0305e82c3301')
FROM = datetime.date(2024, 10, 26)
TO = datetime.date(2024, 10, 29)
UTC = datetime.timezone.utc
NAIVE = datetime.datetime(2024, 10, 26), datetime.datetime(2024, 10, 29)
AWARE = datetime.datetime(2024, 10, 26, tzinfo=UTC), datetime.datetime(2024, 10, 29, tzinfo=UTC)
# milliseconds since 1970, as text and as numbers
MSECS = 1729900800000, 1730160000000
COUNTS = [23, 24, 24]
# the other typed functions: what they are called with after bot, from and to, and what they answer
OTHERS = [
    ('SELECT * FROM kindly_stats.stats_total(%s, %s, %s)', [], (71, 24)),
    ("SELECT * FROM kindly_stats.stats_top(%s, %s, %s, \"limit\" => %s)", [1], (['b1', 'link', None], 3, 0, 1.0)),
    ('SELECT max(count), count(*) FROM kindly_stats.stats_heatmap(%s, %s, %s)', [], (1, 168)),
    ('SELECT * FROM kindly_stats.fallback_rate(%s, %s, %s)', [], (1, 0.25)),
    ('SELECT * FROM kindly_stats.top_buttons(%s, %s, %s, "limit" => %s)', [5], ('b1', 'link', None, 3, 1.0)),
]

number = 0


def is_(got, expected, name):
    global number
    number += 1
    print('ok' if got == expected else 'not ok', number, '-', name)
    if got != expected:
        print('#      got: %r\n# expected: %r' % (got, expected))


def done():
    print('1..%d' % number)


def run(main):
    try:
        main()
    except Exception:
        print('not ok', number + 1, '- no exception')
        sys.stdout.flush()
        traceback.print_exc()
        sys.exit(1)
    done()
