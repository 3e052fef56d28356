# Calendars of locales: where weeks, months, quarters and years begin, what weeks are
# numbered, and that labels change where buckets do, against ICU's own calendars walked
# day by day (test/calendar/walk.c).
#
# KINDLY_STATS_YEARS years (4 by default, 60 in test/full.sh), around today's.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $years = $ENV{KINDLY_STATS_YEARS} || 4;
my $last = $years > 10 ? 2035 : 2021;
my $first = $last + 1 - $years;

my @locales = qw(nb-NO nn-NO en-US en-GB en-US-u-rg-gbzzzz de-DE de-DE-u-ca-iso8601 fr-CA pt-BR es-419 sv-SE ar-EG dv-MV he-IL pa-IN
	fa-IR ps-AF th-TH ja-JP-u-ca-japanese zh-TW-u-ca-roc he-IL-u-ca-hebrew en-US-u-ca-hebrew ar-SA ar-SA-u-ca-islamic-umalqura ar-EG-u-ca-islamic
	ar-EG-u-ca-islamic-civil ar-EG-u-ca-islamic-tbla ar-SA-u-ca-islamic-rgsa am-ET-u-ca-ethiopic am-ET-u-ca-ethioaa ar-EG-u-ca-coptic hi-IN-u-ca-indian
	zh-CN-u-ca-chinese ko-KR-u-ca-dangi);
my $without_quarters = 'hebrew|ethio|coptic|chinese|dangi';

my $directory = PostgreSQL::Test::Utils::tempdir();
my $flags = `pkg-config --cflags --libs icu-i18n icu-uc`;
chomp $flags;
is(system("cc -O1 -o $directory/walk test/calendar/walk.c $flags"), 0, 'the walk is built');
is(system("$directory/walk $first $last @locales > $directory/walk.tsv"), 0, "and walked the years $first to $last in " . scalar(@locales) . ' locales');

my $node = PostgreSQL::Test::Cluster->new('calendars');
$node->init;
$node->append_conf('postgresql.conf', "timezone = 'UTC'\njit = off\nfsync = off");
$node->start;
$node->safe_psql('postgres', qq{
CREATE EXTENSION kindly_stats;
CREATE TABLE walk (locale text, unit text, starts date, number text, year text);
COPY walk FROM '$directory/walk.tsv';
DELETE FROM walk WHERE unit = 'quarter' AND locale ~ '$without_quarters';
CREATE TABLE asked AS SELECT DISTINCT locale, unit FROM walk;
CREATE TABLE ours AS SELECT a.locale, a.unit, b.date::date AS starts,
	kindly_stats.bucket_label(b.date, a.unit, a.locale) AS long, kindly_stats.bucket_label(b.date, a.unit, a.locale, 'short') AS short
FROM asked AS a, kindly_stats.buckets('$first-01-01', '@{[$last + 1]}-01-01', 'UTC', a.unit, a.locale) AS b WHERE b.date >= '$first-01-01';
ANALYZE;
});

cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM walk'), '>', 50 * @locales * $years, 'days on which something begins');
is($node->safe_psql('postgres', q{
SELECT concat_ws(' ', locale, unit, count(*), min(starts)) FROM (
	(SELECT locale, unit, starts FROM walk EXCEPT ALL SELECT locale, unit, starts FROM ours) UNION ALL
	(SELECT locale, unit, starts FROM ours EXCEPT ALL SELECT locale, unit, starts FROM walk)) AS d
GROUP BY locale, unit ORDER BY 1}), '', 'buckets begin on the same days');
is($node->safe_psql('postgres', q{
SELECT concat_ws(' ', locale, count(*), min(starts), min(short), min(long), min(number), min(year)) FROM walk JOIN ours USING (locale, unit, starts)
WHERE unit = 'week' AND (split_part(short, ' ', -1) <> number
	OR (locale !~ 'japanese|chinese|dangi' AND position(year IN split_part(long, ' ', -1)) = 0))
GROUP BY locale ORDER BY 1}), '', 'weeks have the same numbers');
# the era of a Japanese year is that of the day; an hour later is no other label
is($node->safe_psql('postgres', qq{
SELECT concat_ws(' ', l.locale, l.unit, count(*), min(day), min(label)) FROM (
	SELECT a.locale, a.unit, day::date, label, label IS DISTINCT FROM lag(label) OVER (PARTITION BY a.locale, a.unit ORDER BY day) AS changes
	FROM asked AS a, generate_series(timestamp '$first-01-01 23:00', '$last-12-31 23:00', '1 day') AS day, kindly_stats.bucket_label(day, a.unit, a.locale) AS label) AS l
LEFT JOIN walk AS w ON w.locale = l.locale AND w.unit = l.unit AND w.starts = l.day
WHERE day > '$first-01-01' AND changes <> (w.starts IS NOT NULL) AND NOT (l.locale ~ 'japanese' AND day IN ('1989-01-08', '2019-05-01'))
GROUP BY l.locale, l.unit ORDER BY 1}), '', 'labels change where buckets do');

$node->stop;
done_testing();
