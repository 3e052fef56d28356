// The dashboard of bi/grafana, asked as Grafana asks: variables and macros are written into the statement, which is sent without
// parameters, in one message or by the extended protocol, in a session that only reads.

import { readFileSync } from 'node:fs';
import { connect, done, is, rows } from './lib.mjs';

const folder = new URL('../../bi/grafana/', import.meta.url);
const dashboard = JSON.parse(readFileSync(new URL('dashboard.json', folder), 'utf8'));
const datasource = readFileSync(new URL('datasource.yaml', folder), 'utf8');
const uid = /^ {4}uid: (\S+)$/m.exec(datasource)[1];
const panels = dashboard.panels;
const variables = Object.fromEntries(dashboard.templating.list.map(variable => [variable.name, variable]));

// ---------------------------------------------------------------- the document

is(dashboard.schemaVersion >= 36 && dashboard.schemaVersion <= 41, true, 'a version of the schema that Grafana 10 and later take');
is(dashboard.id ?? null, null, 'no id: Grafana gives one');
is(new Set(panels.map(panel => panel.id)).size, panels.length, 'each panel has an id of its own');
is(new Set(panels.map(panel => panel.title)).size, panels.length, 'each panel has a title of its own');
is(panels.filter(panel => !panel.description).map(panel => panel.title), [], 'each panel says what it shows');
const sources = [...panels, ...panels.flatMap(panel => panel.targets), variables.bot].map(part => part.datasource);
is(sources.filter(source => source.uid !== uid || source.type !== /^ {4}type: (\S+)$/m.exec(datasource)[1]), [], 'all ask the data source that is provisioned');
is(panels.filter(({ gridPos: { x, w } }) => x < 0 || w < 1 || x + w > 24).map(panel => panel.title), [], 'no panel leaves the grid');
const overlap = (a, b) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
is(panels.flatMap((a, i) => panels.slice(i + 1).filter(b => overlap(a.gridPos, b.gridPos)).map(b => `${a.title}, ${b.title}`)), [], 'no panels overlap');
is(panels.flatMap(panel => panel.targets).filter(t => !t.rawQuery || t.editorMode !== 'code' || !['table', 'time_series'].includes(t.format)).length, 0, 'all are queries as written');
is(/password: (.*)/.exec(datasource)[1].startsWith('$'), true, 'the password comes from the environment');

// ---------------------------------------------------------------- what Grafana makes of a query

// Values of variables are quoted where the variable may have several, and always doubled of quotes.
function interpolated(sql, values) {
    return sql.replace(/\$\{(\w+)\}|\$(\w+)/g, (all, a, b) => {
        const name = a ?? b;
        if (name.startsWith('__'))
            return all;
        const variable = variables[name];
        const quoted = text => `'${String(text).replaceAll("'", "''")}'`;
        if (Array.isArray(values[name]))
            return values[name].map(quoted).join(',');
        return variable.multi || variable.includeAll ? quoted(values[name]) : String(values[name]).replaceAll("'", "''");
    });
}

function expanded(sql, from, to) {
    const instant = at => `'${new Date(at).toISOString().replace('.000Z', 'Z')}'`;
    const macros = {
        __timeFilter: column => `${column} BETWEEN ${instant(from)} AND ${instant(to)}`,
        __timeFrom: () => instant(from),
        __timeTo: () => instant(to),
        __time: column => `${column} AS "time"`,
        __timeGroup: (column, span) => { const s = { "'1h'": 3600, "'1d'": 86400 }[span]; return `floor(extract(epoch from ${column})/${s})*${s}`; },
        __unixEpochFilter: column => `${column} >= ${from / 1000} AND ${column} <= ${to / 1000}`,
    };
    return sql.replace(/\$([_a-zA-Z0-9]+)\(([^)]*)\)/g, (_, name, list) => macros[name](...list.split(',').map(item => item.trim())));
}

const client = await connect();
const range = [Date.parse('2024-10-05T22:00:00Z'), Date.parse('2024-11-20T10:34:56.789Z')];
const literal = range.map(at => `'${new Date(at).toISOString()}'`).join(', ');
const statement = (title, values) => expanded(interpolated(panels.find(panel => panel.title === title).targets[0].rawSql, values), ...range);

// ---------------------------------------------------------------- what Grafana asks of the catalog

await client.query("SELECT current_setting('server_version_num')::int/100 as version");
is(await rows(client, "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'"), [], 'no TimescaleDB');
const schemas = (await rows(client, 'SELECT schema_name AS "name" FROM information_schema.schemata WHERE schema_name NOT IN (\'information_schema\', \'pg_catalog\', \'pg_toast\') ORDER BY schema_name')).flat();
is(schemas.includes('bi'), true, 'the schema is offered');
is((await rows(client, "SELECT quote_ident(table_name) AS \"table\" FROM information_schema.tables WHERE quote_ident(table_schema) = 'bi' ORDER BY 1")).flat().slice(0, 3), ['buttons', 'conversations_daily', 'daily'], 'relations are offered');
is((await rows(client, `SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns
    WHERE CASE WHEN array_length(parse_ident('bi.daily'),1) = 2
        THEN quote_ident(table_schema) = (parse_ident('bi.daily'))[1] AND quote_ident(table_name) = (parse_ident('bi.daily'))[2]
        ELSE quote_ident(table_name) = 'bi.daily' END`)).filter(row => row[1].startsWith('timestamp')), [['starts_at', 'timestamp with time zone']], 'columns are offered, with one for the time');
const bots = await rows(client, variables.bot.query);
is(bots, [['Shop', '41'], ['Support', '42']], 'bots are offered by name');
is(variables.unit.options.map(option => option.value), ['hourly', 'daily', 'weekly', 'monthly'], 'spans are those of relations');
is(variables.unit.query.split(',').map(pair => pair.split(':').map(part => part.trim())), variables.unit.options.map(option => [option.text, option.value]), 'as they are written');

// ---------------------------------------------------------------- each panel, against the typed functions

const units = { hourly: 'hour', daily: 'day', weekly: 'week', monthly: 'month' };

// A column of each bucket that begins in the range, added up over bots.
async function buckets(measure, column, { bot, unit, zone }) {
    const sums = new Map();
    for (const id of bot) {
        const series = await rows(client, `SELECT s.bucket, s.${column} FROM kindly_stats.stats_series('${id}', '2024-10-01', '2025-01-01', '${zone}', '${units[unit]}', '${measure}') AS s`);
        for (const [at, count] of series) {
            if (at >= range[0] && at <= range[1])
                sums.set(at, (sums.get(at) ?? 0) + count);
        }
    }
    return sums;
}

async function total(measure, column, { bot, zone }) {
    let sum = 0;
    for (const id of bot)
        sum += (await rows(client, `SELECT ${column} FROM kindly_stats.stats_total('${id}', ${literal}, '${zone}', measure => '${measure}')`))[0][0];
    return [[sum]];
}

// Days that begin in the range: what panels without a time axis add up.
async function top(measure, part, values, take = 10) {
    const sums = new Map();
    for (const id of values.bot) {
        const keys = await rows(client, `SELECT t.key, t.count FROM kindly_stats.stats_top('${id}', '2024-10-06', '2024-11-21', '${values.zone}', '${measure}', 100) AS t`);
        for (const [key, count] of keys) {
            const name = part(key);
            sums.set(name, (sums.get(name) ?? 0) + count);
        }
    }
    return [...sums].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, take);
}

const lines = (...columns) => [...columns[0].keys()].map(at => [at, ...columns.map(column => column.get(at))]);
const ratio = (a, b) => b ? a / b : null;
const expected = {
    'Messages': values => total('messages', 'count', values),
    'Chats': values => total('messages', 'distinct_count', values),
    'Users': values => total('users', 'distinct_count', values),
    'Fallback rate': async values => [[(await total('fallbacks', 'count', values))[0][0] / (await total('replies', 'count', values))[0][0]]],
    'Handovers': values => total('handovers_started', 'count', values),
    'Ratings': values => total('feedback', 'count', values),
    'Messages and chats': async values => lines(await buckets('messages', 'count', values), await buckets('messages', 'distinct_count', values)),
    'Users over time': async values => lines(await buckets('users', 'distinct_count', values)),
    'Fallback rate over time': async values => {
        const [fallbacks, replies] = [await buckets('fallbacks', 'count', values), await buckets('replies', 'count', values)];
        return [...fallbacks.keys()].map(at => [at, ratio(fallbacks.get(at), replies.get(at))]);
    },
    'Handovers over time': async values => lines(await buckets('handover_requests', 'count', values), await buckets('handovers_started', 'count', values)),
    'Messages by bot': async values => {
        const result = [];
        for (const id of values.bot)
            result.push(...[...await buckets('messages', 'count', { ...values, bot: [id] })].map(([at, count]) => [at, bots.find(bot => bot[1] === id)[0], count]));
        return result.sort((a, b) => a[0] - b[0] || (a[1] < b[1] ? -1 : 1));
    },
    'Pages': values => top('pages', key => key[0] + key[1], values),
    'Buttons': values => top('buttons', key => key[0], values),
    'Labels': values => top('labels', key => key[0], values),
    'Topics': values => top('topics', key => key[0], values),
    'Interactions': values => top('interactions', key => key[1], values),
    'Ratings by value': async values => (await top('feedback', key => key.slice(0, 2).join(' '), values)).map(([name, count]) => [...name.split(' '), count]).sort((a, b) => a[1] < b[1] ? -1 : 1),
};

const asked = new Set();
for (const [bot, unit, zone] of [[['41', '42'], 'daily', 'Europe/Oslo'], [['41'], 'hourly', 'Europe/Oslo'], [['42'], 'weekly', 'Europe/Oslo'], [['41', '42'], 'monthly', 'Europe/Oslo'], ['41', 'daily', 'Europe/Oslo']]) {
    const values = { bot, unit, zone };
    for (const panel of panels) {
        const sql = statement(panel.title, values);
        const [simple, extended] = [await rows(client, sql), await rows(client, sql, undefined, 'extended')];
        const what = `${panel.title}, ${unit}, bots ${[bot].flat().join(' and ')}`;
        if (JSON.stringify(simple) !== JSON.stringify(extended))
            is(extended, simple, `${what}: the same by both protocols`);
        if (panel.targets[0].format === 'time_series')
            is(simple.length > 0 && simple.every((row, i) => i === 0 || row[0] >= simple[i - 1][0]), true, `${what}: ascending in time`);
        const plain = { bot: [bot].flat(), unit, zone };
        if (expected[panel.title]) {
            const answer = await expected[panel.title](plain);
            asked.add(panel.title);
            is(simple.map(row => row.slice(0, answer[0].length)), answer, what);
        }
    }
}

// ---------------------------------------------------------------- those with figures from elsewhere

const both = { bot: ['41', '42'], unit: 'daily', zone: 'Europe/Oslo' };
const sum = (list, i) => list.reduce((all, row) => all + row[i], 0);
const messages = await rows(client, statement('Messages and chats', both));
const users = await rows(client, statement('Users over time', both));
is(users.every(row => row[2] <= row[1]), true, 'no more new users than users');
const bySource = await rows(client, statement('Messages by source', both));
is(sum(bySource, 2), sum(messages, 1), 'sources add up to all messages');
is([...new Set(bySource.map(row => row[1]))].sort(), ['app', 'none', 'web'], 'each source is a line');
const hours = await rows(client, statement('Hours of the day', both));
is([hours.length, sum(hours, 1)], [24, sum(await rows(client, statement('Messages and chats', { ...both, unit: 'hourly' })), 1)], 'hours of the day add up to all messages');
const weekdays = await rows(client, statement('Weekdays', both));
is([weekdays.map(row => row[0]), sum(weekdays, 1)], [['1', '2', '3', '4', '5', '6', '7'], sum(messages, 1)], 'weekdays add up to all messages');
const each = await rows(client, statement('Bots', both));
is([each.map(row => row[0]), sum(each, 1)], [['Shop', 'Support'], sum(messages, 1)], 'bots add up to all messages');
for (const title of ['Messages by source', 'Hours of the day', 'Weekdays', 'Bots'])
    asked.add(title);
is(panels.map(panel => panel.title).filter(title => !asked.has(title)), [], 'no panel was left out');

// What is read is decided by the bots and the range, also where both are written by macros.
for (const panel of panels.filter(panel => panel.targets[0].rawSql.includes('FROM bi.'))) {
    const plan = (await rows(client, `EXPLAIN (COSTS OFF) ${statement(panel.title, both)}`)).flat().map(line => line.trim());
    is([panel.title, plan.some(line => line.startsWith('Range: starts_at >= ')), plan.some(line => line.startsWith('Bots: bot_id'))], [panel.title, true, panel.title !== 'Bots'], `${panel.title}: reads no more than asked`);
}

// Queries that people write in the editor, and the one of doc/tools.md.
const doc = readFileSync(new URL('../../doc/tools.md', import.meta.url), 'utf8');
is(Number(/a dashboard of (\d+) panels/.exec(doc)[1]), panels.length, 'the page counts the panels');
is(await rows(client, expanded(interpolated(/```grafana\n(.*?)```/s.exec(doc)[1], both), ...range)), messages, 'the panel that the page shows');
is((await rows(client, expanded("SELECT $__timeGroup(hour, '1h') AS time, sum(messages) FROM bi.hourly WHERE bot_id = '41' AND $__timeFilter(starts_at) GROUP BY 1 ORDER BY 1 LIMIT 2", ...range)))[0],
    (await rows(client, `SELECT floor(extract(epoch from s.date)/3600)*3600, s.count FROM kindly_stats.stats_series('41', ${literal}, 'UTC', 'hour') AS s LIMIT 1`))[0], '$__timeGroup');
is((await rows(client, expanded("SELECT count(*) FROM (SELECT *, extract(epoch FROM starts_at) AS epoch FROM bi.daily) AS d WHERE bot_id = '41' AND $__unixEpochFilter(epoch)", range[0], range[0] + 86400000)))[0], [1], '$__unixEpochFilter');
is(await rows(client, statement('Messages', { ...both, bot: ["no'body"] })), [[0]], 'a bot that is not there has nothing');
is((await client.query(statement('Messages and chats', { ...both, zone: "'browser" })).catch(error => error)).code, '22023', 'a zone that is not there is an error');

// A panel whose limit of time is over is cancelled amid what it reads, and the session goes on.
const zones = (await rows(client, 'SELECT name FROM pg_timezone_names WHERE name LIKE $1', ['A%/%'])).flat().map(name => `'${name}'`).join(', ');
await client.query('SET statement_timeout = 100');
is((await client.query(`SELECT sum(users) FROM bi.hourly WHERE tz IN (${zones})`).catch(error => error)).code, '57014', 'a limit of time');
await client.query('SET statement_timeout = 0');
is(await rows(client, statement('Messages and chats', both)), messages, 'and what comes after it');

// A statement that a driver prepares, so often that its plan is one for all values.
const prepared = { name: 'days', rowMode: 'array', text: 'SELECT sum(messages)::int FROM bi.daily WHERE bot_id = $1 AND tz = $2 AND date >= $3 AND date < $4' };
for (let i = 0; i < 8; i++) {
    const [id, zone, last] = [i % 2 ? '41' : '42', i % 3 ? 'Europe/Oslo' : 'UTC', `2024-10-${10 + i}`];
    is((await client.query({ ...prepared, values: [id, zone, '2024-10-02', last] })).rows, [[(await rows(client, `SELECT count FROM kindly_stats.stats_total('${id}', '2024-10-02', '${last}', '${zone}')`))[0][0]]], `prepared, ${i + 1} times`);
}
await client.end();
done();
