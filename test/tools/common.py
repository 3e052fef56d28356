"""What the Python programs for tools have in common, besides what the drivers' have."""
import decimal
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'clients'))

import tap  # noqa: E402

HOST, PORT, USER, DATABASE, is_, run = tap.HOST, tap.PORT, tap.USER, tap.DATABASE, tap.is_, tap.run

RELATIONS = ['buttons', 'conversations_daily', 'daily', 'daily_by_language', 'daily_by_source', 'heatmap', 'hourly', 'interactions', 'labels', 'monthly',
             'outcomes_daily', 'pages', 'ratings', 'responses', 'topics', 'weekly']
# two months of bot 41 and bot 42 in Oslo, as the typed functions have them
TYPED = "SELECT {columns} FROM kindly_stats.stats_series('{bot}', '2024-10-01', '2024-12-01', 'Europe/Oslo', '{granularity}', '{measure}')"


def typed(bot, granularity='month', measure='messages', columns='count'):
    return TYPED.format(bot=bot, granularity=granularity, measure=measure, columns=columns)


def plain(row):
    """Numbers as numbers, whatever their type."""
    return tuple(float(value) if isinstance(value, (int, float, decimal.Decimal)) and not isinstance(value, bool) else value for value in row)


def page_block(language):
    """The first block of doc/tools.md in a language."""
    page = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'doc', 'tools.md')
    with open(page, encoding='utf-8') as file:
        return file.read().split('```%s\n' % language, 1)[1].split('```', 1)[0]


def is_read(plan, range_of, bots, name):
    """Whether a plan's scans are of a range and of bots, and no more is read than was asked for."""
    lines = [line.strip() for line in plan]
    scans = [line for line in lines if 'Foreign Scan on' in line]
    ranges = [line for line in lines if line.startswith('Range: ')]
    chosen = [line for line in lines if line.startswith('Bots: ') and line != 'Bots: all visible']
    is_((len(scans) > 0, len(ranges), len(chosen), [line for line in ranges if range_of not in line]),
        (True, len(scans), len(chosen) if bots is None else len(scans) if bots else 0, []), name)
