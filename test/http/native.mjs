// native.mjs: PostgREST's own way under /api/native/: the functions of all schemas
// by their names, with its conventions; and what a token does not get at that way.

import { done, faultOf, is, ok, request, sql, token } from './lib.mjs';

const jwt = token({ bot: 1 });
const schemas = ['kindly_api', ...sql('SELECT DISTINCT schema FROM kindly_stats.routes() ORDER BY schema').split('\n')];
const rpc = (name, query, { profile, ...options } = {}) => request(`/api/native/rpc/${name}?${query}`,
  { token: jwt, ...options, headers: { ...(profile && { 'Accept-Profile': profile, 'Content-Profile': profile }), ...options.headers } });
const range = 'from=2024-07-01&to=2024-07-07';
const row = (text) => sql(text).split('\n');

// ---------------------------------------------------------------- the documented statistics

const chats = await rpc('sessions_chats', `bot=1&${range}&sources=web,app&tz=Europe/Oslo`, { profile: 'sage' });
is(chats.text, sql(`SELECT sage.sessions_chats(1, '2024-07-01', '2024-07-07', tz => 'Europe/Oslo', sources => 'web,app')`), 'schema sage, arguments by name');
is((await rpc('sessions_chats', '', { profile: 'sage', method: 'POST', headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ bot: 1, from: '2024-07-01', to: '2024-07-07', tz: 'Europe/Oslo', sources: 'web,app' }) })).text, chats.text, 'and by POST');
is((await rpc('sessions_chats', '', { profile: 'sage', method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  body: `bot=1&${range}&tz=Europe/Oslo&sources=web,app` })).text, chats.text, 'and as a form');
is((await rpc('sessions_chats', `bot=1&${range}&colour=blue`, { profile: 'sage' })).status, 404, 'an unknown argument is PostgREST\'s 404');
is((await rpc('sessions_chats', 'bot=1', { profile: 'sage' })).status, 400, 'a missing one is the function\'s 400');

for (const [text, good] of [['%c3%a5', true], ['å', true], ['%F0%9F%98%80', true], ['\u{1f600}', true], ['100%', true], ['%zz', true], ['%e2%82%ac%', true],
  ['%ff', false], ['%c3', false], ['%c3%28', false], ['%C3a', false], ['%c0%80', false], ['%ed%a0%80', false], ['%e2%82', false], ['%f4%90%80%80', false], ['%b2', false],
  ['%00', false]]) {
  const answer = await rpc('sessions_chats', `bot=1&${range}&sources=${Buffer.from(text).toString('latin1')}`, { profile: 'sage', token: token({ bot: 1, text }) });
  ok(good ? answer.status === 200 : answer.status === 400 && faultOf(answer) === '', `${good ? 'UTF-8' : 'no UTF-8'}: ${text}`, answer.status, answer.text);
}

for (const body of ['{"bot": 1, "tz": "\xff"}', '{"bot": 1, "tz": "\\u0000"}', '{"bot": 1, "tz": ', '[]', 'null', '"x"', `{"tz": ${'['.repeat(5000)}`]) {
  const answer = await rpc('sessions_chats', '', { profile: 'sage', method: 'POST', headers: { 'Content-Type': 'application/json' }, body: Buffer.from(body, 'latin1') });
  ok(answer.status >= 400 && answer.status < 500 && faultOf(answer) === '', `a 4xx for the body ${body.slice(0, 30)}`, answer.status, answer.text);
}

// ---------------------------------------------------------------- typed functions

const series = await rpc('stats_series', `bot=1&${range}&tz=UTC`);
is([series.status, series.json?.length], [200, 6], 'a typed function answers rows', series.text);
is(Object.keys(series.json?.[0] ?? {}), ['bucket', 'date', 'count', 'distinct_count', 'is_partial'], 'with its columns');
const csv = await rpc('stats_series', `bot=1&${range}&tz=UTC`, { headers: { Accept: 'text/csv' } });
is([csv.headers['content-type'], csv.text.split('\n').slice(0, 2)], ['text/csv; charset=utf-8', ['bucket,date,count,distinct_count,is_partial',
  sql(`SELECT concat('"', bucket, '","', date, '",', count, ',', distinct_count, ',', left(is_partial::text, 1)) FROM kindly_stats.stats_series(1, '2024-07-01', '2024-07-02', 'UTC')`)]], 'CSV');
is((await rpc('stats_series', `bot=1&${range}&tz=UTC&select=date,count&order=count.desc,date&limit=2&offset=1`)).json,
  JSON.parse(sql(`SELECT json_agg(r) FROM (SELECT date, count FROM kindly_stats.stats_series(1, '2024-07-01', '2024-07-07', 'UTC') ORDER BY count DESC, date LIMIT 2 OFFSET 1) AS r`)),
  'select, order, limit and offset');
const ranged = await rpc('stats_series', `bot=1&${range}&tz=UTC`, { headers: { Range: '0-1', 'Range-Unit': 'items', Prefer: 'count=exact' } });
is([ranged.status, ranged.headers['content-range'], ranged.json.length], [206, '0-1/6', 2], 'Range and Prefer: count');
is((await rpc('stats_series', `${range}&tz=UTC`)).text, series.text, 'the bot is the token\'s');
is((await rpc('top_buttons', `bot=1&from=2024-01-01&to=2025-01-01&tz=UTC&select=button_id,count,ratio`)).json?.length, 5, 'top buttons');
is((await rpc('stats_series', `bot=1&${range}&tz=UTC&count=gt.1000000`)).json, [], 'a filter on a column');
is((await rpc('languages', 'bot=1&by=language')).json, JSON.parse(sql(`SELECT json_agg(l) FROM kindly_stats.languages(1, 'language') AS l`)), 'languages');
is((await rpc('languages', 'by=region')).status, 400, 'another way to tell languages apart');
is((await rpc('languages', 'bot=2')).status, 403, 'languages of another bot');

// The rest of them, with the arguments in the query; rows are those of the database.
const month = 'from=2024-07-01&to=2024-08-01&tz=Europe/Oslo';
const inMonth = "1, '2024-07-01', '2024-08-01', 'Europe/Oslo'";
const rowsOf = (call) => JSON.parse(sql(`SET timezone = 'UTC'; SELECT coalesce(json_agg(r), '[]') FROM ${call} AS r`));
for (const [name, query, call] of [
  ['stats_series_compared', `${month}&compare=previous_year_weekday&granularity=week`, `kindly_stats.stats_series_compared(${inMonth}, 'week', compare => 'previous_year_weekday')`],
  ['stats_total_compared', `${month}&sources={-web}`, `kindly_stats.stats_total_compared(${inMonth}, sources => '{-web}')`],
  ['stats_series_by', `${month}&by=language_code&granularity=month`, `kindly_stats.stats_series_by(${inMonth}, 'language_code', 'month')`],
  ['stats_total_by', `${month}&by=web_path&measure=pages`, `kindly_stats.stats_total_by(${inMonth}, 'web_path', measure => 'pages')`],
  ['stats_active', month, `kindly_stats.stats_active(${inMonth})`],
  ['stats_new_returning', `${month}&measure=messages`, `kindly_stats.stats_new_returning(${inMonth}, measure => 'messages')`],
  ['stats_retention', `${month}&locale=en-US`, `kindly_stats.stats_retention(${inMonth}, locale => 'en-US')`],
  ['stats_funnel', `${month}&measures={messages,pages}`, `kindly_stats.stats_funnel(${inMonth}, '{messages,pages}')`],
  ['stats_heatmap', `${month}&measure=pages`, `kindly_stats.stats_heatmap(${inMonth}, 'pages')`],
  ['period', 'name=lastMonth&tz=Europe/Oslo&now=2024-07-15T00:00:00Z&locale=fa-IR', "kindly_stats.period('lastMonth', 'Europe/Oslo', '2024-07-15Z', 'fa-IR')"],
  ['weekdays', 'locale=nb-NO&style=short', "kindly_stats.weekdays('nb-NO', 'short')"],
  ['buckets', `${month}&granularity=week&locale=nb-NO`,
    "(SELECT bucket, bucket_end, date, kindly_stats.bucket_label(date, 'week', 'nb-NO') AS label, is_partial FROM kindly_stats.buckets('2024-07-01', '2024-08-01', 'Europe/Oslo', 'week', 'nb-NO'))"],
]) {
  const answer = await rpc(name, query, { headers: { Prefer: 'timezone=UTC' } });
  is([answer.status, answer.json], [200, rowsOf(call)], `its rows are the database's: ${name}`, answer.text);
  ok(answer.json?.length > 0, `and there are some: ${name}`, answer.text);
  if (query.startsWith(month) && name !== 'buckets') {
    is((await rpc(name, `bot=2&${query}`)).status, 403, `another bot: ${name}`);
    is((await rpc(name, query, { token: undefined })).status, 401, `no token: ${name}`);
  }
}
// The hour that the clock leaves out was there no time, the one that it shows again twice, whatever the measure.
for (const [day, hour, times] of [['2024-03-31', 2, 0], ['2024-03-31', 3, 1], ['2024-10-27', 2, 2], ['2024-10-27', 3, 1]]) {
  for (const measure of ['messages', 'fallbacks', 'pages', 'conversations_ended']) {
    const cells = (await rpc('stats_heatmap', `from=${day}&to=${day}T23:59&tz=Europe/Oslo&measure=${measure}&day=eq.0&hour=eq.${hour}&select=day,hour,occurrences,mean`)).json;
    ok(cells?.length === 1 && cells[0].occurrences === times && (cells[0].mean === null) === (times === 0), `heatmap of ${measure}: ${day} has ${hour}:00 ${times} times`, JSON.stringify(cells));
  }
}
for (const [name, query] of [['stats_series_compared', `${month}&compare=yesterday`], ['stats_series_by', `${month}&by=colour`], ['stats_funnel', `${month}&measures={messages}`], ['stats_funnel', month],
  ['stats_funnel', `${month}&measures={messages,users}`], ['stats_retention', `${month}&granularity=minute`], ['stats_active', 'from=2024-07-01'], ['period', ''], ['period', 'name=tomorrow'],
  ['weekdays', 'locale=xx-YY'], ['buckets', ''], ['buckets', `${month}&style=tall`], ['buckets', 'from=0001-01-01&to=9999-01-01&granularity=hour']]) {
  const answer = await rpc(name, query);
  is([answer.status, faultOf(answer)], [400, ''], `what makes no sense: ${name}?${query}`, answer.text);
}

for (const kind of ['line', 'bar', 'heatmap']) {
  const picture = await rpc('svg', `bot=1&${range}&tz=UTC&kind=${kind}&title=%3Cscript%3E`, { headers: { Accept: 'image/svg+xml' } });
  is([picture.status, picture.headers['content-type']], [200, 'image/svg+xml; charset=utf-8'], `a picture is served as one: ${kind}`);
  is(picture.text.trim(), sql(`SELECT kindly_stats.stats_svg(1, '2024-07-01', '2024-07-07', 'UTC', kind => '${kind}', title => '<script>')`).trim(), `and is that of the database: ${kind}`);
  ok(!picture.text.includes('<script'), `its title is text: ${kind}`);
}
for (const accept of ['image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8', 'image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5']) {
  is((await rpc('svg', `${range}&tz=UTC`, { headers: { Accept: accept } })).headers['content-type'], 'image/svg+xml; charset=utf-8', `also to a browser, of the token's bot: ${accept}`);
}
is((await rpc('svg', `${range}&tz=UTC`)).json, sql(`SELECT kindly_stats.stats_svg(1, '2024-07-01', '2024-07-07', 'UTC')`) + '\n', 'and as a string of JSON to who asks for no picture');
is((await rpc('svg', `bot=1&${range}&kind=pie`)).status, 400, 'another kind of picture');
is((await rpc('svg', `bot=2&${range}`)).status, 403, 'a picture of another bot');
is((await rpc('svg', `bot=1&${range}`, { token: undefined })).status, 401, 'a picture without a token');

// ---------------------------------------------------------------- other bots

const others = [['stats_series', 'kindly_api'], ['stats_total', 'kindly_api'], ['sessions_chats', 'sage']];
for (const [name, profile] of others) {
  const answer = await rpc(name, `bot=2&${range}&tz=UTC`, { profile });
  const total = sql(`SELECT count > 0 FROM kindly_stats.stats_total(2, '2024-07-01', '2024-07-07', 'UTC')`);
  ok(total === 't' && (answer.status === 403 || !/"(count|distinct_count)" ?: ?[1-9]/.test(answer.text)), `another bot's figures: ${name}`, answer.status, answer.text);
}
is((await rpc('sessions_chats', `bot=1&${range}`, { profile: 'sage', token: undefined })).status, 401, 'no token, no answer');

// ---------------------------------------------------------------- the OpenAPI page

const summaries = [];
for (const schema of schemas) {
  const { status, json, headers } = await request('/api/native/', { token: jwt, headers: { 'Accept-Profile': schema } });
  is([status, headers['content-type']], [200, 'application/openapi+json; charset=utf-8'], `OpenAPI: schema ${schema}`);
  const functions = Object.entries(json?.paths ?? {}).filter(([path]) => path !== '/');
  ok(functions.length > 0, `${schema}: ${functions.length} functions`);
  for (const [path, { get, post }] of functions) {
    const { summary, description } = get ?? post;
    if (!summary || summary.length > 100 || !description) {
      summaries.push(`${schema}${path}`);
    }
  }
}
is(summaries, [], 'each has a summary and a description');
const page = (await request('/api/native', { token: jwt, headers: { Host: 'stats.example.com:8443', 'X-Forwarded-Proto': 'https' } })).json;
is([page.host, page.basePath, page.schemes], ['stats.example.com:8443', '/api/native', ['https']], 'it has the address that the client knows');
ok(!/12\.0\.2/.test(JSON.stringify(page)), 'and no version');

// ---------------------------------------------------------------- what a token must not reach

const relations = sql(`SELECT n.nspname || '.' || c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname IN ('kindly_stats', 'public', ${schemas.map((name) => `'${name}'`)}) ORDER BY 1`).split('\n');
ok(relations.includes('public.chat_event') && relations.includes('kindly_stats.rollup'), 'there are tables to hide');
is(relations.filter((name) => schemas.includes(name.split('.')[0])), [], 'the schemas that are served have none');
const reached = [];
for (const name of relations) {
  const [schema, table] = name.split('.');
  for (const path of [`/api/native/${table}`, `/api/native/rpc/${table}`, `/${table}`, `/api/native/?table=${table}`]) {
    for (const profile of [schema, 'kindly_api']) {
      const answer = await request(path, { token: token({ bot: 1, path, profile }), headers: { 'Accept-Profile': profile } });
      // the view of that name has an address of ours for a namesake
      if (answer.status < 400 && !path.includes('?') && path !== '/health') {
        reached.push(`${path} ${profile} ${answer.status}`);
      }
    }
  }
}
is(reached, [], 'no table by any address');
for (const schema of ['kindly_stats', 'public', 'pg_catalog', 'information_schema']) {
  const answer = await rpc('stats_series', `bot=1&${range}`, { profile: schema });
  is([answer.status, faultOf(answer)], [406, ''], `schema ${schema} is not served`, answer.text);
}
const hidden = sql(`SELECT DISTINCT p.proname FROM pg_proc AS p WHERE p.pronamespace = 'kindly_stats'::regnamespace
  AND p.proname ~ 'key|secret|grant|attach|detach|purge|rebuild|verify|compact|create|add_measure|revoke|enable' ORDER BY 1`).split('\n');
const called = [];
for (const name of hidden) {
  const answer = await request(`/api/native/rpc/${name}?bot=1`, { token: token({ bot: 1, name }) });
  if (answer.status < 400) {
    called.push(name);
  }
}
is(called, [], `nor the ${hidden.length} functions that administer`);

// As the role that a token makes of the caller, should he ever get at SQL.
const can = (query) => {
  try {
    return sql(`SET request.jwt.claims = '{"role": "kindly_api_user", "bot": 1, "exp": 1, "aud": "kindly_stats"}'; SET ROLE kindly_api_user; ${query}`);
  } catch (error) {
    return /permission denied/.test(error.stderr) ? 'denied' : error.stderr;
  }
};
is(can('SELECT count(*) FROM public.chat_event'), 'denied', 'SQL: raw events are denied');
if (sql('SELECT kindly_stats.place()') === 'here') {
  is(can('SELECT DISTINCT bot_id FROM kindly_stats.rollup'), '1', 'SQL: of the rollup, its bot\'s rows');
} else {
  ok(/is not permitted to log in/.test(can('SELECT DISTINCT bot_id FROM kindly_stats.rollup')), 'SQL: of the rollup on other nodes, nothing');
}
const readable = sql(`SELECT string_agg(n.nspname || '.' || c.relname, ' ' ORDER BY 1) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_temp|^pg_toast'
  AND has_any_column_privilege('kindly_api_user', c.oid, 'SELECT')`);
ok(!/key|secret|grant|chat_event/.test(readable), `SQL: it reads ${readable}`);
is(sql(`SELECT count(*) FROM pg_class AS c WHERE c.relkind IN ('r', 'p') AND c.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
  AND has_table_privilege('kindly_api_user', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')`), '0', 'SQL: it writes nothing');
done();
