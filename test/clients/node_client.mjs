// node-postgres, which sends every parameter as text without a type.

import { readFileSync } from 'node:fs';
import process from 'node:process';
import pg from 'pg';

let number = 0;
function is(got, expected, name) {
    const [a, b] = [JSON.stringify(got), JSON.stringify(expected)];
    console.log(`${a === b ? 'ok' : 'not ok'} ${++number} - ${name}`);
    if (a !== b)
        console.log(`#      got: ${a}\n# expected: ${b}`);
}

const series = 'SELECT count FROM kindly_stats.stats_series($1, $2, $3)';
const all = ['23', '24', '24'];
const uuid = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';

// PGHOST and its kind say where
const client = new pg.Client();
await client.connect();

async function rows(text, values, name) {
    return (await client.query({ text, values, name, rowMode: 'array' })).rows;
}

for (const name of process.env.KINDLY_POOLED ? [undefined] : [undefined, 'series']) {
    const how = name === undefined ? '' : ', prepared';
    const counts = async (...values) => (await rows(series, values, name)).flat();
    for (const bot of [42, '42', 42n])
        is(await counts(bot, '2024-10-26', '2024-10-29'), all, `a bot as ${typeof bot}${how}`);
    is(await counts(uuid, '2024-10-26', '2024-10-29'), ['10', '0', '0'], `a bot with a UUID${how}`);
    is(await counts(42, new Date('2024-10-26T00:00:00Z'), new Date('2024-10-29T00:00:00Z')), all, `Date${how}`);
    is(await counts(42, Date.parse('2024-10-26'), Date.parse('2024-10-29')), all, `milliseconds${how}`);
}
is(await rows('SELECT sum(count)::int FROM kindly_stats.stats_series($1, $2, $3, sources => $4)', [42, '2024-10-26', '2024-10-29', ['web']]), [[35]], 'an array');
is((await rows('SELECT bucket, count FROM kindly_stats.stats_series($1, $2, $3)', [42, '2024-10-26', '2024-10-29']))[0], ['2024-10-26T00:00:00.000Z', '23'],
    'instants are Dates, counts are strings');
is(await rows('SELECT sage.fallbacks_total($1, $2, $3)', [42, '2024-10-26', '2024-10-29']), [[{ data: { count: 1, rate: 0.25 } }]], 'JSON is read');
is(await rows('SELECT sources FROM kindly_stats.stats_options($1)', [42]), [[['app', 'web']]], 'arrays are arrays');
const range = [42, '2024-10-26', '2024-10-29'];
is(await rows('SELECT * FROM kindly_stats.stats_total($1, $2, $3)', range), [['71', '24']], 'stats_total');
is(await rows('SELECT * FROM kindly_stats.stats_top($1, $2, $3, "limit" => $4)', [...range, 1]), [[['b1', 'link', null], '3', '0', 1]], 'stats_top');
is(await rows('SELECT max(count), count(*) FROM kindly_stats.stats_heatmap($1, $2, $3)', range), [['1', '168']], 'stats_heatmap');
is(await rows('SELECT * FROM kindly_stats.fallback_rate($1, $2, $3)', range), [['1', 0.25]], 'fallback_rate');
is(await rows('SELECT * FROM kindly_stats.top_buttons($1, $2, $3, "limit" => $4)', [...range, 5]), [['b1', 'link', null, '3', 1]], 'top_buttons');
await client.query("SET timezone = 'Asia/Tokyo'");
is((await rows(series, [42, '2024-10-26', '2024-10-29'])).flat(), ['14', '24', '24'], "the session's time zone");
const error = await rows(series, [42, 1729900800, 1730160000]).catch(e => e);
is([error.code, /13 digits/.test(error.hint)], ['22008', true], 'seconds are refused, with a hint');

// The query that doc/clients.md has for Grafana, with what Grafana writes for its variables.
const doc = readFileSync(new URL('../../doc/clients.md', import.meta.url), 'utf8');
const query = /```grafana\n(.*?)```/s.exec(doc)[1];
async function grafana(zone, granularity, from = '1729900800000', to = '1730160000000') {
    const values = { __from: from, __to: to, __timezone: zone, granularity };
    const text = query.replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, a, b) => values[a ?? b]);
    return (await client.query({ text, rowMode: 'array' }).catch(e => ({ rows: `${e.code} ${e.message}: ${e.hint}` }))).rows;
}
for (const granularity of ['day', '1d'])
    is((await grafana('utc', granularity)).map(row => row[1]), all, `Grafana: ${granularity}`);
is((await grafana('Europe/Oslo', '1h')).length, 72, 'Grafana: a named zone, whose range is one of instants');
is((await grafana('utc', 'day', "'2024-10-26T00:00:00Z'", "'2024-10-29T00:00:00Z'")).map(row => row[1]), all, 'Grafana: $__timeFrom()');
is(/^22023 time zone "browser" is not known: Only the browser/.test(await grafana('browser', 'day')), true, 'Grafana: the zone of the browser');
is(/^22023 granularity "30m" is not known: The nearest is "hour"/.test(await grafana('utc', '30m')), true, 'Grafana: $__interval');
is(/^22008 number 1729900800 is no moment/.test(await grafana('utc', 'day', '1729900800', '1730160000')), true, 'Grafana: $__unixEpochFrom()');
await client.end();
console.log(`1..${number}`);
process.exit(0);
