// bots.mjs: bots whose ids are texts and UUIDs, in keys, tokens and paths.

import { readFileSync } from 'node:fs';
import { apiKey, done, is, ok, request, run, sql, stats, token } from './lib.mjs';

const range = 'from=2024-06-01&to=2024-06-03';
const uuid = 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6';
const odd = 'shop/42 & "søk" 🤖';

const chats = async (id, held) => {
  const answer = await request(stats(encodeURIComponent(id), 'sessions/chats', range), { token: held });
  return answer.status === 200 ? answer.json.data.map((day) => day.count) : answer.status;
};

// From key to answer, with the id as the user has it all the way.
async function walk(id, counts, shown = id) {
  const key = apiKey(`'${id.replaceAll("'", "''")}'`);
  const answer = await request(`/api/v2/bot/${encodeURIComponent(id)}/sage/auth`, { token: key });
  is(answer.status, 200, `${id}: a key is exchanged`, answer.text);
  const { jwt } = answer.json;
  const claims = JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url').toString('utf8'));
  is(claims.bot, shown, `${id}: the token names it`);
  is(await chats(id, jwt), counts, `${id}: its statistics`);
  const report = await request(`/reports/conversations?from=2024-06-01&to=2024-06-03`, { token: jwt });
  is(report.status, 200, `${id}: reports of the token's bot`, report.text);
  const other = await request('/api/v2/bot/1/sage/auth', { token: key });
  is(other.status, 403, `${id}: its key opens no other`);
  return jwt;
}

const text = await walk('acme-support', [1, 2]);
await walk(odd, [1, 0]);
const of_uuid = await walk(uuid, [0, 3]);
await walk(uuid.toUpperCase(), [0, 3], uuid);
const number = await walk('4200', [1, 0], 4200);
for (const long of ['x'.repeat(2000), '日"'.repeat(500)]) {
  const jwt = await walk(long, [0, 0]);
  is((await request('/', { headers: { Cookie: `kindly_token=${jwt}` } })).status, 200, 'a long token in a cookie');
}
for (const lines of ['two\nlines', 'a line\n', '\n', '\r\n', 'a/sage/auth', '%0A', '.x', '...']) {
  const path = encodeURIComponent(lines);
  const key = apiKey(`'${lines}'`);
  const answer = await request(`/api/v2/bot/${path}/sage/auth`, { token: key });
  is([answer.status, (await request(`/api/v1/stats/bot/${path}/meta/options`, { token: answer.json?.jwt })).status, (await request(`/api/v1/metrics/bot/${path}?${range}`, { token: key })).status],
    [200, 200, 200], `an id that is ${path}`, answer.text);
}
ok(!/not enough for cache key/.test(readFileSync(`${run}/nginx.log`, 'utf8')), 'what is known of long tokens is kept, too');

is(await chats(uuid, text), 403, '403: a token for another bot, whose id is a text');
is(await chats('acme-support', number), 403, '403: a token for another bot, whose id is a number');
is(await chats('Acme-support', text), 403, '403: upper and lower case differ');
is(await chats('acme-support ', text), 403, '403: blanks count');
is(await chats('x'.repeat(2001), text), 404, '404: no id is as long');
is((await request(`/api/v1/stats/bot//sessions/chats?${range}`, { token: text })).status, 404, '404: no id is empty');
is((await request(`/api/v1/stats/bot/%00/sessions/chats?${range}`, { token: text })).status, 400, '400: no id has a zero byte');
is((await request(`/api/v1/stats/bot/%FF/sessions/chats?${range}`, { token: text })).status, 400, '400: ids are UTF-8');
const itsNumber = sql("SELECT 'acme-support'::kindly_stats.bot_id");
is(await chats(itsNumber, text), [1, 2], 'its number is the same bot');

// Tokens made elsewhere.
is(await chats('acme-support', token({ bot: 'acme-support' })), [1, 2], 'a claim that is a string');
is(await chats('4200', token({ bot: '4200' })), [1, 0], 'a claim that is the text of a number');
for (const bot of [true, 4200.5, ['acme-support'], { bot: 'acme-support' }, '', null, 'x'.repeat(2001)]) {
  is(await chats('acme-support', token({ bot })), 401, `401: the claim ${JSON.stringify(bot).slice(0, 40)}`);
}

// The proxy counts requests by the number, which is safe in a header.
const native = await request('/api/native/rpc/token', { token: token({ bot: 'acme-support' }) });
ok([200, 404].includes(native.status), 'what a token is for', native.text);

const exported = await request('/api/v1/export/bot/acme-support/2024-06-01', { token: text });
is(exported.status, 200, 'an export', exported.text);
is(exported.json.map((talk) => talk.bot_id), ['acme-support'], 'it has the id as the table has it');
const empty = await request(`/api/v1/export/bot/${uuid}/2024-06-01`, { token: of_uuid });
is(empty.json, [], 'an export of a bot without conversations');

done();
