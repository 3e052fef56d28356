// limits.mjs: what one client can take from the others: made-up tokens and keys,
// many tokens of one key, many keys of one bot, questions that take long, and
// days that are being written.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { apiKey, attempt as request, counts, done, faultOf, flood, is, logStatements, ok, slowly, sql, stats, token, transactions } from './lib.mjs';

const options = stats(1, 'meta/options');
const auth = '/api/v2/bot/1/sage/auth';
const random = (length) => randomBytes(length).toString('base64url');

// ---------------------------------------------------------------- by address

const other = token({ bot: 2, key: 'other' });
async function others(name) {
  const answer = await request(stats(2, 'meta/options'), { token: other });
  is(answer.status, 200, `${name}: others are answered`, answer.text);
}

logStatements(true);
const before = transactions();
const tokens = await flood(600, () => request(options, { token: `${random(27)}.${random(60)}.${random(32)}`, from: '127.0.3.1' }));
ok(tokens.every((each) => [401, 429].includes(each.status) && faultOf(each) === '') && tokens.some((each) => each.status === 429), `600 made-up tokens of one address: ${JSON.stringify(counts(tokens))}`);
await others('made-up tokens');
const forged = await flood(600, (n) => request(options, { token: token({ bot: 1, n }, { key: 'another secret, of 32 characters and more' }), from: '127.0.3.2' }));
ok(forged.every((each) => [401, 429].includes(each.status)) && forged.some((each) => each.status === 429), `600 forged tokens: ${JSON.stringify(counts(forged))}`);
const keys = await flood(600, () => request(auth, { token: `ks_${randomBytes(6).toString('hex')}_${random(32)}`, from: '127.0.3.3' }));
ok(keys.every((each) => [401, 429].includes(each.status)) && keys.filter((each) => each.status === 401).length < 100, `600 made-up keys: ${JSON.stringify(counts(keys))}`);
const cost = transactions() - before;
logStatements(false);
ok(cost > 0 && cost < 300, `and the database had ${cost} transactions in all`);
const shapeless = await flood(100, () => request(auth, { token: 'guess', from: '127.0.3.4' }));
ok(shapeless.some((each) => each.status === 429), `what is no key counts, too: ${JSON.stringify(counts(shapeless))}`);
await others('made-up keys');
const nobody = await flood(600, () => request(options, { from: '127.0.3.5' }));
ok(nobody.some((each) => each.status === 429), `600 requests without a token: ${JSON.stringify(counts(nobody))}`);
const spoofed = await flood(600, (n) => request(options, { from: '127.0.3.6', headers: { 'X-Forwarded-For': `10.0.0.${n}`, 'X-Real-IP': `10.0.0.${n}`, Forwarded: `for=10.0.0.${n}` } }));
ok(spoofed.some((each) => each.status === 429), `whatever address a header names: ${JSON.stringify(counts(spoofed))}`);

// ---------------------------------------------------------------- by key, and by bot

// From many addresses each: it is the key that counts.
const key = apiKey(1);
const thirteen = [];
for (let n = 0; n < 13; n += 1) {
  thirteen.push((await request(auth, { token: key })).json.jwt);
  await pause(n === 0 ? 1100 : 0);
}
ok(new Set(thirteen).size > 1 && JSON.parse(Buffer.from(thirteen[0].split('.')[1], 'base64url')).key === key.slice(3, 15), 'tokens name the key that they were given for');
const ofKey = await flood(600, (n) => request(options, { token: thirteen[n % 13] }));
ok(ofKey.every((each) => [200, 429].includes(each.status)) && ofKey.some((each) => each.status === 429), `600 requests with 13 tokens of one key: ${JSON.stringify(counts(ofKey))}`);
ok(ofKey.filter((each) => each.status === 429).every((each) => faultOf(each) === ''), 'in the shape of errors');
const paid = await flood(600, (n) => request('/reports/conversations.paid', { token: thirteen[n % 13] }));
ok(paid.some((each) => each.status === 429) && paid.filter((each) => each.status === 429).every((each) => faultOf(each) === '' && /^[1-9]\d*$/.test(each.headers['retry-after'])),
  `and Retry-After says how long to wait, but at Sage's addresses: ${JSON.stringify(counts(paid))}`);
await others('many tokens of one key');
const secondKey = (await request(auth, { token: apiKey(1) })).json.jwt;
is((await request(options, { token: secondKey })).status, 200, 'another key of the bot has requests of its own');
const unnamed = await flood(600, (n) => request(options, { token: token({ bot: 1, n, key: undefined }) }));
ok(unnamed.some((each) => each.status === 429), `600 tokens that name no key count as one: ${JSON.stringify(counts(unnamed))}`);
const ofBot = await flood(900, (n) => request(options, { token: token({ bot: 1, key: `key${n % 9}` }) }));
ok(ofBot.some((each) => each.status === 429), `900 requests with 9 keys of one bot: ${JSON.stringify(counts(ofBot))}`);
await others('many keys of one bot');

// ---------------------------------------------------------------- what takes long

const dearest = 'from=0001-01-01&to=9999-12-31&granularity=month';
for (const [name, path, headers] of [['documented', stats(2, 'sessions/messages', dearest)],
  ['by PostgREST\'s own way', `/api/native/rpc/stats_series?${dearest}&locale=zh-CN-u-ca-chinese&tz=UTC`],
  ['a dialect', `/api/native/rpc/sessions_messages?bot=2&${dearest.replace('month', 'day')}`, { 'Accept-Profile': 'sage' }]]) {
  const answer = await request(path, { token: other, headers });
  ok(answer.status === 400 && faultOf(answer) === '' && /more than 9000 buckets/.test(answer.json.message), `too many buckets: ${name}`, answer.status, answer.text.slice(0, 300));
}
const list = await request(stats(2, 'buttons/most_clicked', 'from=2024-07-01&to=2024-07-07&limit=1001'), { token: other });
is([list.status, faultOf(list), list.json?.message], [400, '', '"limit" must be at most 1000, not 1001'], 'too long a list');

const running = async (name, most, one) => {
  const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => one(n)));
  is([counts(answers), faultOf(answers.find((each) => each.status === 429) ?? {})], [{ 200: most, 429: 40 - most }, ''], `${name}: ${most} run at once`);
};
await slowly(3, async (slow) => {
  const hogs = [running('one key', 8, () => slow({ bot: 3, key: 'first' })), running('one bot', 12, (n) => slow({ bot: 4, key: `key${n}` }))];
  await pause(500);
  await others('two bots with all that they may have');
  await Promise.all(hogs);
  await running('one address', 16, (n) => slow({ bot: 10 + n, key: `key${n}` }, { from: '127.0.3.7' }));
});

// ---------------------------------------------------------------- a day that is being written

const writer = spawn(process.env.KINDLY_PSQL, ['-X', '-q', '-At', '-v', 'ON_ERROR_STOP=1'], { stdio: ['pipe', 'pipe', 'inherit'] });
const said = new Promise((resolve) => writer.stdout.on('data', (text) => /written/.test(text) && resolve()));
writer.stdin.write(`BEGIN; INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (1, 'in flight', '2023-03-01 00:00Z', '2023-03-01 01:00Z');\n\\echo written\n`);
await said;
const day = '/api/v1/export/bot/1/2023-03-01';
const exports = await Promise.all(Array.from({ length: 12 }, (_, n) => request(day, { token: token({ bot: 1, key: `export${n % 3}` }) })));
is([counts(exports), faultOf(exports[0])], [{ 409: 12 }, ''], '409 at once: a day that is being written', exports[0].text);
ok(/2023-03-01 of bot 1 is being written/.test(exports[0].json.details) && /again/.test(exports[0].json.hint), 'and the answer says why', exports[0].text);
await others('exports of a day that is being written');
const native = await request('/api/native/rpc/export', { method: 'POST', token: token({ bot: 1, key: 'native' }), body: '{"bot":1,"day":"2023-03-01"}',
  headers: { 'Content-Type': 'application/json', 'Content-Profile': 'ultimate' } });
ok(native.status === 500 && faultOf(native) === '', 'by PostgREST\'s own way it fails, too, and does not wait', native.status, native.text);
const closed = new Promise((resolve) => writer.on('close', resolve));
writer.stdin.end('ROLLBACK;\n');
await closed;
is((await request(day, { token: token({ bot: 1, key: 'export' }) })).json, [], 'when it is written no more: an empty document');
is(sql(`SELECT count(*) FROM kindly_stats.exported WHERE bot_id = 1 AND day = '2023-03-01'`), '0', 'which closes nothing');
sql(`INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (1, 'backfill', '2023-03-01 00:00Z', '2023-03-01 01:00Z')`);
is((await request(day, { token: token({ bot: 1, key: 'export' }) })).json.length, 1, 'so that a conversation can still come in');
is(sql(`SELECT count(*) FROM kindly_stats.exported WHERE bot_id = 1 AND day = '2023-03-01'`), '1', 'and that closes the day');
done();
