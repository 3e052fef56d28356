// The model of bi/cube, compiled and asked through Cube's own API.  Cube's native addon, which its packages fetch apart, is for templates of
// models and for its own SQL port: the model needs neither.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { connect, done, is, rows } from './lib.mjs';

Object.assign(process.env, { NODE_ENV: 'production', CUBEJS_CACHE_AND_QUEUE_DRIVER: 'memory', CUBEJS_TELEMETRY: 'false', CUBEJS_DB_TYPE: 'postgres' });
const require = createRequire(import.meta.url);
const { CompilerApi, CubejsServerCore } = require('@cubejs-backend/server-core');
const { ApiGateway } = require('@cubejs-backend/api-gateway');
const { PostgresDriver } = require('@cubejs-backend/postgres-driver');
const express = require('express');

CompilerApi.prototype.createNativeInstance = () => ({ newJinjaEngine: () => ({}) });
ApiGateway.prototype.createSQLServerInstance = () => ({});
// its schema path is relative to where it is run
process.chdir(fileURLToPath(new URL('../../bi/cube/', import.meta.url)));
const core = new CubejsServerCore({
    apiSecret: 'of a test that listens on loopback', schemaPath: 'model', dbType: 'postgres', telemetry: false, scheduledRefreshTimer: false, checkAuth: () => {},
    driverFactory: () => new PostgresDriver({ host: process.env.PGHOST, port: Number(process.env.PGPORT), user: process.env.PGUSER, database: process.env.PGDATABASE, password: '' }),
    logger: (message, { error }) => error && console.log(`# ${message}: ${error}`),
});
const app = express();
app.use(express.json());
await core.initApp(app);
const server = await new Promise(resolve => { const listening = app.listen(0, '127.0.0.1', () => resolve(listening)); });
const get = async (path, query) => (await fetch(`http://127.0.0.1:${server.address().port}/cubejs-api/v1/${path}${query ? `?query=${encodeURIComponent(JSON.stringify(query))}` : ''}`)).json();

const client = await connect();
const typed = async (columns, bot, granularity, measure, zone = 'Europe/Oslo') =>
    rows(client, `SELECT ${columns} FROM kindly_stats.stats_series('${bot}', '2024-10-01', '2024-12-01', '${zone}', '${granularity}', '${measure}')`);
// rows as arrays of the members that are named, numbers as numbers
async function load(query, members) {
    const { data, error } = await get('load', query);
    return error ?? data.map(row => members.map(member => typeof row[member] === 'string' && /^-?[0-9.]+(e-?\d+)?$/.test(row[member]) ? Number(row[member]) : row[member]));
}
const during = { dateRange: ['2024-10-01', '2024-11-30'] };
const bot = (cube, id) => [{ member: `${cube}.bot_id`, operator: 'equals', values: [id] }];

const { cubes } = await get('meta');
is(cubes.map(cube => cube.name).sort(), ['buttons', 'daily', 'hourly', 'monthly', 'pages', 'sources', 'weekly'], 'the model compiles');
is(cubes.find(cube => cube.name === 'monthly').measures.length, 10, 'months have the measures of days');

for (const zone of ['Europe/Oslo', 'America/New_York', 'UTC']) {
    for (const [cube, granularity] of [['daily', 'day'], ['daily', 'week'], ['daily', 'month'], ['monthly', 'month'], ['daily', 'year']]) {
        const query = { measures: [`${cube}.messages`, `${cube}.replies`], timeDimensions: [{ dimension: `${cube}.date`, granularity, ...during }], filters: bot(cube, '41'), timezone: zone };
        const [messages, replies] = [await typed('count', '41', granularity, 'messages', zone), await typed('count', '41', granularity, 'replies', zone)];
        is(await load(query, [`${cube}.messages`, `${cube}.replies`]), messages.map((row, i) => [row[0], replies[i][0]]), `${cube} by ${granularity} in ${zone}`);
    }
}
const oslo = { timezone: 'Europe/Oslo' };
const [users, chats] = [await typed('distinct_count', '42', 'month', 'users'), await typed('distinct_count', '42', 'month', 'messages')];
is(await load({ measures: ['monthly.users', 'monthly.chats'], timeDimensions: [{ dimension: 'monthly.date', granularity: 'month', ...during }], filters: bot('monthly', '42'), ...oslo }, ['monthly.users', 'monthly.chats']),
    users.map((row, i) => [row[0], chats[i][0]]), 'users and chats by month');
is(await load({ measures: ['daily.users'], timeDimensions: [{ dimension: 'daily.date', granularity: 'month', ...during }], filters: bot('daily', '42'), ...oslo }, ['daily.users']), [[null], [null]], 'users of days are not added up');
is(await load({ measures: ['hourly.messages'], dimensions: ['hourly.hour_of_day'], timeDimensions: [{ dimension: 'hourly.date', ...during }], filters: bot('hourly', '41'), order: { 'hourly.hour_of_day': 'asc' }, ...oslo }, ['hourly.hour_of_day', 'hourly.messages']),
    await rows(client, "SELECT hour, sum(count) FROM kindly_stats.stats_heatmap('41', '2024-10-01', '2024-12-01', 'Europe/Oslo') GROUP BY 1 ORDER BY 1"), 'hours of the day');
is(await load({ measures: ['sources.messages'], dimensions: ['sources.source'], timeDimensions: [{ dimension: 'sources.date', ...during }], filters: bot('sources', '41'), order: { 'sources.source': 'asc' }, ...oslo }, ['sources.source', 'sources.messages']),
    await rows(client, "SELECT source, sum(messages) FROM bi.daily_by_source WHERE bot_id = '41' AND tz = 'Europe/Oslo' AND date BETWEEN '2024-10-01' AND '2024-11-30' GROUP BY 1 ORDER BY 1"), 'sources');
is(await load({ measures: ['buttons.clicks'], dimensions: ['buttons.button'], timeDimensions: [{ dimension: 'buttons.date', ...during }], filters: bot('buttons', '41'), order: [['buttons.clicks', 'desc'], ['buttons.button', 'asc']], limit: 2, ...oslo }, ['buttons.button', 'buttons.clicks']),
    (await rows(client, "SELECT key, count FROM kindly_stats.stats_top('41', '2024-10-01', '2024-12-01', 'Europe/Oslo', 'buttons', 2)")).map(([key, count]) => [key[0], count]), 'the top of buttons');
is(await load({ dimensions: ['daily.bot_name'], order: { 'daily.bot_name': 'asc' }, ...oslo }, ['daily.bot_name']), [['Shop'], ['Support']], 'values of a filter');

// the query of doc/tools.md, in months that have something
const shown = JSON.parse(/```json\n(.*?)```/s.exec(readFileSync(new URL('../../doc/tools.md', import.meta.url), 'utf8'))[1]);
shown.timeDimensions[0].dateRange = during.dateRange;
is((await load(shown, ['monthly.bot_name', 'monthly.users'])).filter(([name]) => name === 'Support').map(row => row[1]), users.flat(), 'the query that the page shows');

// the statement that Cube makes reads no more than it was asked for
const { sql: { sql: [text, values] } } = await get('sql', { measures: ['daily.messages'], timeDimensions: [{ dimension: 'daily.date', granularity: 'month', ...during }], filters: bot('daily', '41'), ...oslo });
const plan = (await rows(client, `EXPLAIN (COSTS OFF) ${text}`, values)).flat().map(line => line.trim());
is([plan.some(line => line.startsWith('Range: starts_at >= ')), plan.some(line => line.startsWith('Bots: bot_id')), plan.some(line => line.startsWith("Zone: ") && !line.includes('session'))], [true, true, true], 'reads no more');
await client.end();
done();
