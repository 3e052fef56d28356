// etag.mjs: validators.  An answer that has not changed is 304, one that has is
// never, whatever was written in between.

import { apiKey, done, faultOf, is, ok, request, sql, stats, token } from './lib.mjs';

const jwt = token({ bot: 1 });
const range = 'from=2024-07-01&to=2024-07-07';
const messages = stats(1, 'sessions/messages', range);
const ask = (path, tag, options = {}) => request(path, { token: jwt, ...options, headers: { ...(tag && { 'If-None-Match': tag }), ...options.headers } });
const long = stats(1, 'sessions/messages', 'from=2024-01-01&to=2025-01-01');

// ---------------------------------------------------------------- one address

const first = await ask(messages);
const tag = first.headers.etag;
ok(/^W\/"[0-9a-f]{32}"$/.test(tag), 'an answer has a weak validator', tag);
is([first.headers['cache-control'], first.headers.vary], ['private, no-cache', 'Accept-Encoding, Authorization, Origin'], 'it may be kept by who asked, and is asked for again');
is((await ask(messages)).headers.etag, tag, 'the same answer has the same one');

for (const [name, sent] of [['it', tag], ['as a strong one', tag.slice(2)], ['in a list', `"x", ${tag} , "y"`], ['*', '*']]) {
  for (const method of ['GET', 'HEAD']) {
    const answer = await ask(messages, sent, { method });
    is([answer.status, answer.text, answer.headers.etag, answer.headers['cache-control']], [304, '', tag, 'private, no-cache'], `304: ${method}, ${name}`);
  }
}
for (const [name, sent] of [['another', 'W/"0"'], ['half of it', tag.slice(0, 20)], ['without quotes', tag.slice(3, -1)], ['nothing', ''], ['what looks like SQL', '"\'; SELECT 1"']]) {
  const answer = await ask(messages, sent);
  is([answer.status, answer.text, answer.headers.etag], [200, first.text, tag], `200: ${name}`);
}
const packed = await ask(long, undefined, { headers: { 'Accept-Encoding': 'gzip' } });
is([packed.headers['content-encoding'], packed.headers.etag], ['gzip', (await ask(long)).headers.etag], 'compressed or not, it is the same validator');
is((await ask(long, packed.headers.etag)).status, 304, 'and either is 304');
ok(/Accept-Encoding/.test(packed.headers.vary) && /Authorization/.test(packed.headers.vary), 'caches know what answers differ by', packed.headers.vary);

for (const headers of [{ 'If-Match': '"x"' }, { 'If-Unmodified-Since': 'Mon, 01 Jan 2024 00:00:00 GMT' }]) {
  is([(await ask(messages, undefined, { headers })).text, (await ask('/app.js', undefined, { headers })).status, faultOf(await ask('/app.js', undefined, { headers }))], [first.text, 412, ''], `412: ${Object.keys(headers)}, for what it can be said of`);
}
is([(await ask(messages, '"\xff"')).status], [400], '400: no UTF-8');
for (const path of [stats(1, 'sessions/messages'), stats(2, 'meta/options'), '/api/v1/stats/bot/1/x', '/api/v1/export/bot/1/x']) {
  is((await ask(path, undefined, { method: 'HEAD' })).status, (await ask(path)).status, `HEAD says what GET does: ${path}`);
}
for (const [status, path, options] of [[400, stats(1, 'sessions/messages')], [401, messages, { token: 'x' }], [403, stats(2, 'meta/options')], [404, '/api/v1/stats/bot/1/x']]) {
  const answer = await ask(path, '*', options);
  is([answer.status, answer.headers.etag, answer.headers['cache-control']], [status, undefined, 'no-store'], `${status}: errors have none, and are not kept`);
}
const given = await request('/api/v2/bot/1/sage/auth', { token: apiKey(1), headers: { 'If-None-Match': '*' } });
is([given.status, given.headers.etag, given.headers['cache-control']], [200, undefined, 'no-store'], 'nor have tokens');
is((await request('/health', { headers: { 'If-None-Match': '"x"' } })).status, 200, 'nor has /health');
is([(await ask(messages, tag, { token: token({ bot: 2 }) })).status, (await ask(messages, tag, { token: undefined })).status], [403, 401], 'who has no right to an answer does not learn whether it has changed');

// ---------------------------------------------------------------- every address

const paths = sql(`SELECT DISTINCT replace(replace(path, ':bot', '1'), ':day', '2024-07-01') || CASE schema WHEN 'logicdialog' THEN '?client=First%20%26%20last&dateFrom=2024-07-01&dateTo=2024-07-04'
    WHEN 'ultimate' THEN CASE WHEN path ~ 'export' THEN '' ELSE '?from=2024-06-30&to=2024-07-04' END WHEN 'chatbot_com' THEN '?from=2024-07-01&to=2024-07-04'
    WHEN 'sage' THEN CASE WHEN path ~ 'meta' THEN '' ELSE '?from=2024-07-01&to=2024-07-04' END END
  FROM kindly_stats.routes() ORDER BY 1`).split('\n');
const without = [];
for (const path of paths) {
  const answer = await ask(path);
  const again = await ask(path, answer.headers.etag);
  if (answer.status !== 200 || again.status !== 304) {
    without.push(`${path} ${answer.status} ${again.status} ${answer.text.slice(0, 200)}`);
  }
}
is(without, [], `all ${paths.length} documented addresses have one`);

// ---------------------------------------------------------------- whatever is written

// A year of its own, so that there is little in it that does not change.
const polled = [
  stats(1, 'meta/options'),
  ...['sessions/messages', 'sessions/chats', 'fallbacks/total', 'chatbubble/pages', 'feedback/summary', 'takeovers/totals'].map((each) => stats(1, each, 'from=2030-01-01&to=2030-01-05')),
  stats(1, 'sessions/chats', 'from=2030-01-01&to=2030-01-05&sources[]=-test'),
  stats(1, 'sessions/messages', 'from=2030-01-02&to=2030-01-03&granularity=hour&tz=Europe/Oslo'),
  '/reports/conversations?from=2030-01-01&to=2030-01-05&group=source',
  '/reports/conversations.interactions?from=2030-01-01&to=2030-01-05',
  '/api/agent/analytics/user?client=First%20%26%20last&dateFrom=2030-01-01&dateTo=2030-01-05',
  '/api/v1/metrics/bot/1?from=2030-01-01&to=2030-01-05',
  '/api/v1/metrics/bot/1/first-last-intent?from=2030-01-01&to=2030-01-05',
];
let seed = 12345;
const random = (n) => { seed = (seed * 1103515245 + 12345) % 2147483648; return Math.floor(seed / 65536) % n; };
const pick = (...items) => items[random(items.length)];
const at = () => `timestamptz '2030-01-01 00:00Z' + interval '${random(4 * 1440)} minutes'`;
const some = () => `bot_id = 1 AND occurred_at >= '2030-01-01' AND hashtext(event_id::text) % 5 = ${random(5)}`;
const writes = {
  insert: () => `INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, user_id, source, is_fallback, web_host, web_path, rating_type, rating)
    SELECT 1, timestamptz '2030-01-01 00:00Z' + random() * interval '4 days', (ARRAY['user_message', 'bot_reply', 'feedback', 'handover_started', 'interaction'])[1 + n % 5], 's' || n % 7, 'u' || n % 3,
      (ARRAY['web', 'app', 'test'])[1 + n % 3], n % 2 = 0, 'h', '/' || n % 3, 'binary', 1 + n % 2
    FROM generate_series(${random(10)}, ${10 + random(10)}) AS n`,
  delete: () => `DELETE FROM chat_event WHERE ${some()}`,
  update: () => `UPDATE chat_event SET ${pick(`source = '${pick('web', 'app', 'test')}'`, `occurred_at = ${at()}`, `session_id = 's${random(5)}'`, 'is_fallback = NOT is_fallback')} WHERE ${some()}`,
  unchanged: () => `UPDATE chat_event SET source = source WHERE ${some()}`,
  another: () => `INSERT INTO chat_event (bot_id, occurred_at, kind, session_id) VALUES (2, ${at()}, 'user_message', 'x')`,
  compact: () => 'CALL kindly_stats.compact(1)',
  rebuild: () => 'SELECT kindly_stats.rebuild()',
  undone: () => `BEGIN; ${writes.insert()}; ROLLBACK`,
  conversation: () => `INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time, bot_messages_count) VALUES (1, gen_random_uuid(), ${at()}, '2030-01-06', 1)`,
  moved: () => `UPDATE conversation SET conversation_end_time = ${at()} + interval '4 days', conversation_status = '${pick('agent', 'botHandled')}' WHERE bot_id = 1 AND conversation_start_time >= '2030-01-01'`,
};
const kept = new Map();
const faults = [];
const counts = { 200: 0, 304: 0 };
for (let turn = 0; turn < 50; turn += 1) {
  const kind = turn % 2 === 0 ? pick('insert', 'update', 'delete', 'moved') : pick(...Object.keys(writes));
  sql(turn === 0 ? writes.insert() : writes[kind]());
  for (const path of polled) {
    const before = kept.get(path);
    const polledAnswer = await ask(path, before?.headers.etag);
    const now = await ask(path);
    counts[polledAnswer.status] += 1;
    const changed = before === undefined || before.text !== now.text;
    if (now.status !== 200 || polledAnswer.status !== (changed ? 200 : 304) || polledAnswer.headers.etag !== now.headers.etag || (changed && polledAnswer.text !== now.text)) {
      faults.push(`${kind}: ${path}: ${polledAnswer.status} ${polledAnswer.headers.etag}, ${now.status} ${now.headers.etag}, ${now.text}`);
    }
    kept.set(path, now);
  }
}
is(faults, [], `50 writes, ${polled.length} questions each: 304 where the answer is the same, and only there`);
ok(counts[200] > 50 && counts[304] > 100, 'there were both', JSON.stringify(counts));
sql(`DELETE FROM chat_event WHERE bot_id IN (1, 2) AND occurred_at >= '2030-01-01'; DELETE FROM conversation WHERE bot_id = 1 AND conversation_start_time >= '2030-01-01'`);
done();
