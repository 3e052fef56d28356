// direct.mjs: an API key in the place of a token, at the documented addresses of all
// systems: as their documents send it, as soon as it is revoked, beside the keys of
// others, and counted as its tokens are.

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { apiKey, attempt, base, counts, done, faultOf, flood, is, logStatements, ok, request, run, serverLog, slowly, sql, stats, token, transactions } from './lib.mjs';

const day = '2024-07-02';
const nlp = (client) => `/api/agent/analytics/nlp?dateFrom=2024-04-16T10:57:12.873Z&dateTo=2024-05-15T10:57:12.873Z&client=${encodeURIComponent(client)}&resolution=day`;
const paths = (bot, client) => ({
  'ChatBot.com': '/reports/conversations?period=last30days',
  LogicDialog: nlp(client),
  Ultimate: `/api/v1/metrics/bot/${bot}?from=2024-07-01&to=2024-07-03`,
  'Ultimate\'s export': `/api/v1/export/bot/${bot}/${day}`,
  Sage: stats(bot, 'sessions/messages', 'from=2024-07-01&to=2024-07-03'),
});
const prefixOf = (key) => key.slice(3, 15);
const secretOf = (key) => key.slice(16);
const key = apiKey(1);
// Whatever else is logged (below), keys are not.
logStatements(true);

// ---------------------------------------------------------------- as documented

for (const [system, path] of Object.entries(paths(1, 'First & last'))) {
  const answer = await request(path, { token: key });
  const same = await request(path, { token: token({ bot: 1 }) });
  is([answer.status, answer.text], [200, same.text], `${system}: with a key as with a token`, answer.text.slice(0, 200));
  is([Object.keys(answer.headers).filter((name) => /kindly|authorization|cookie/.test(name)), answer.headers['cache-control'], answer.headers.etag], [[], same.headers['cache-control'], same.headers.etag], `${system}: and no more is told`);
  is((await request(path, { method: 'HEAD', headers: { authorization: `bearer  ${key} ` } })).status, 200, `${system}: HEAD, however it is spelt`);
}
for (const report of ['conversations', 'conversations.paid', 'conversations.messages', 'conversations.avg', 'conversations.heatmap', 'conversations.interactions']) {
  const command = `curl -s --request GET \\\n\t--url https://api.chatbot.com/reports/${report} \\\n\t--header 'authorization: Bearer \${DEVELOPER_ACCESS_TOKEN}'`;
  const text = execFileSync('sh', ['-c', command.replace('https://api.chatbot.com', base).replace('${DEVELOPER_ACCESS_TOKEN}', key)], { encoding: 'utf8' });
  is(text, (await request(`/reports/${report}`, { token: token({ bot: 1 }) })).text, `ChatBot.com's line for curl: ${report}`);
}
// LogicDialog shows a prefix and a key; which of ours is which is taken in any way.
const sample = (credential, client) => request(nlp(client), { headers: { accept: 'application/json', authorization: `Bearer ${credential}`, origin: 'https://portal.logicdialog.ai', 'wbb-client': client } });
for (const [prefix, rest] of [[`ks_${prefixOf(key)}`, secretOf(key)], [prefixOf(key), secretOf(key)], [prefixOf(key), key]]) {
  const answer = await sample(`${prefix}_${rest}`, 'First & last');
  is([answer.status, answer.json?.client, answer.json?.data?.length], [200, 'First & last', 30], `LogicDialog's sample: a prefix of ${prefix.length}, a key of ${rest.length}`, answer.text);
}
// A bot whose id is a text: the key is its, at addresses that name it and at those that do not.
const hex = '507f1f77bcf86cd799439011';
const ofText = sql(`SELECT kindly_stats.create_api_key('${hex}')`);
for (const path of [stats(hex, 'sessions/messages', 'from=2024-07-01&to=2024-07-03'), `/api/v1/metrics/bot/${hex}?from=2024-07-01&to=2024-07-03`, '/reports/conversations?period=last30days']) {
  const answer = await request(path, { token: ofText });
  is([answer.status, answer.text], [200, (await request(path, { token: token({ bot: hex }) })).text], `a text for a bot: ${path}`);
}
is((await request(stats('507f1f77bcf86cd799439012', 'meta/options'), { token: ofText })).status, 403, 'a text for another bot');

// ---------------------------------------------------------------- keys that are none

const expired = sql(`SELECT kindly_stats.create_api_key(1, lifetime => '1 hour')`);
sql(`UPDATE kindly_stats.api_key SET expires_at = now() - interval '1 s' WHERE prefix = '${prefixOf(expired)}'`);
const revoked = apiKey(1);
sql(`SELECT kindly_stats.revoke_api_key('${prefixOf(revoked)}') \\g /dev/null`);
const other = apiKey(2);
for (const [name, wrong] of [['unknown', `ks_${'0'.repeat(12)}_${'x'.repeat(43)}`], ['with another end', `${key.slice(0, -2)}${key.endsWith('AA') ? 'BB' : 'AA'}`], ['too short', key.slice(0, -1)], ['too long', `${key}x`],
  ['in capitals', key.toUpperCase()], ['of another form', `xx_${key.slice(3)}`], ['a prefix alone', prefixOf(key)], ['a secret alone', secretOf(key)], ['another\'s prefix', `ks_${prefixOf(other)}_${secretOf(key)}`],
  ['two prefixes', `${prefixOf(other)}_${key}`], ['twice', `${key}${key}`], ['expired', expired], ['revoked', revoked], ['a guess', 'secret']]) {
  for (const [system, path] of Object.entries(paths(1, 'First & last'))) {
    const answer = await request(path, { token: wrong });
    const message = system === 'Sage' && !wrong.startsWith('ks_') ? 'the token is not valid' : 'the API key is not valid';
    is([answer.status, faultOf(answer), answer.json?.message, answer.headers['www-authenticate']], [401, '', message, `Bearer error="invalid_token", error_description="${message}"`], `401: a key ${name}, ${system}`, answer.text);
  }
}
for (const credential of [`${prefixOf(key)}_${secretOf(key)}`, `${prefixOf(key)}_${key}`]) {
  is((await request('/reports/conversations', { token: credential })).status, 401, '401: only LogicDialog\'s programs put a key together');
}
for (const [system, path] of Object.entries(paths(1, 'First & last')).slice(1)) {
  const answer = await request(path, { token: other });
  is([answer.status, faultOf(answer)], [403, ''], `403: another bot's key, ${system}`, answer.text);
}
for (const path of ['/', '/api/native/', '/api/native/rpc/token', '/api/native/rpc/stats_options', '/api/v1/../native/rpc/token']) {
  is((await request(path, { token: key })).status, 401, `401: no key opens ${path}`);
}
for (const path of ['/api/native/rpc/exchange', '/rpc/exchange', '/check/key', '/.exchange', '/.caller', '/api/v1/stats/../../../.exchange']) {
  is((await request(path, { token: key, headers: { 'X-Api-Key': key } })).status, 404, `404: ${path}`);
}

// ---------------------------------------------------------------- beside the keys of others

// What a client says in headers is nothing, whether its key is kept already or not.
const ask = paths(1, 'First & last').Ultimate;
const answer = (await request(ask, { token: key })).text;
const loud = { 'X-Api-Key': other, 'X-Kindly-Token': token({ bot: 2 }), 'X-Kindly-Bot': '2', 'X-Kindly-Key': prefixOf(other), 'X-Kindly-Address': '10.0.0.1', 'X-Kindly-Challenge': 'x', 'X-Real-IP': '10.0.0.1',
  Cookie: `kindly_token=${token({ bot: 2 })}`, 'Cache-Control': 'no-cache', Pragma: 'no-cache', 'If-None-Match': 'W/"0"', 'If-Modified-Since': 'Thu, 26 Nov 2026 00:00:00 GMT', Range: 'bytes=0-1', 'Accept-Encoding': 'br' };
for (const each of [key, apiKey(1)]) {
  const told = await request(ask, { token: each, headers: loud });
  is([told.status, told.text], [200, answer], 'headers of a client make no difference to a key');
  is((await request(ask, { token: each })).text, answer, 'nor does what they were to the next');
}
for (const wrong of [expired, `ks_${'1'.repeat(12)}_${'y'.repeat(43)}`]) {
  is((await request(ask, { token: wrong, headers: { ...loud, 'X-Api-Key': key, 'X-Kindly-Token': token({ bot: 1 }), Cookie: `kindly_token=${token({ bot: 1 })}` } })).status, 401, 'nor do they make a key of what is none');
}
// Keys of two bots at the same time, at an address that does not say which: each has its own.
const usual = {};
for (const bot of [2011, 2013]) {
  usual[bot] = (await request('/reports/conversations?period=thisMonth', { token: token({ bot }) })).text;
}
const keys = [2011, 2013, 2011, 2013].map((bot) => [bot, apiKey(bot)]);
const mixed = await flood(200, async (n) => {
  const [bot, each] = keys[n % keys.length];
  return { status: (await request('/reports/conversations?period=thisMonth', { token: each })).text === usual[bot] ? 'own' : 'other' };
}, 8);
is([usual[2011] === usual[2013], counts(mixed)], [false, { own: 200 }], 'keys of two bots in turn: each gets what is its bot\'s');

// ---------------------------------------------------------------- revoked

const brief = apiKey(1);
const jwt = (await request('/api/v2/bot/1/sage/auth', { token: brief })).json.jwt;
is((await request(ask, { token: brief })).status, 200, 'a key that is good, and kept');
sql(`SELECT kindly_stats.revoke_api_key('${prefixOf(brief)}') \\g /dev/null`);
let refused;
for (let tries = 0; tries < 150 && (refused = await request(ask, { token: brief })).status === 200; tries += 1) {
  await pause(200);
}
is([refused.status, refused.json?.message], [401, 'the API key is not valid'], 'is refused some seconds after it was revoked');
is(counts(await flood(20, () => request(ask, { token: brief }), 4)), { 401: 20 }, 'and from then on');
is((await request(ask, { token: jwt })).status, 200, 'the token that it was exchanged for before lives on');

// ---------------------------------------------------------------- limits

const options = stats(1, 'meta/options');
await slowly(5, async (slow) => {
  const first = apiKey(5);
  const second = apiKey(5);
  const running = Array.from({ length: 8 }, () => slow({ bot: 5, key: prefixOf(first) }));
  await pause(1000);
  const [full, free] = await Promise.all([first, second].map((each) => attempt('/reports/conversations.heatmap', { token: each })));
  is([full.status, faultOf(full), free.status], [429, '', 200], 'as many of a key run at once with the key as with its tokens');
  is(counts(await Promise.all(running)), { 200: 8 }, 'which are not held up');
  const all = Array.from({ length: 12 }, (_, n) => slow({ bot: 5, key: `key${n}` }));
  await pause(1000);
  is((await attempt('/reports/conversations.heatmap', { token: second })).status, 429, 'and of a bot');
  await Promise.all(all);
});
const asked = apiKey(1);
const given = (await attempt('/api/v2/bot/1/sage/auth', { token: asked })).json.jwt;
const both = await flood(600, (n) => attempt(options, { token: n % 2 ? asked : given }));
ok(both.every((each) => [200, 429].includes(each.status)) && both.some((each) => each.status === 429), `600 requests with a key and its token count as one: ${JSON.stringify(counts(both))}`);

const before = transactions();
const guesses = await flood(600, () => attempt('/reports/conversations', { token: `ks_${randomBytes(6).toString('hex')}_${randomBytes(32).toString('base64url')}`, from: '127.0.5.1' }));
ok(guesses.every((each) => [401, 429].includes(each.status) && faultOf(each) === '') && guesses.filter((each) => each.status === 401).length < 300 &&
  guesses.filter((each) => each.status === 429).every((each) => /^[1-9]\d*$/.test(each.headers['retry-after'])), `600 made-up keys of one address: ${JSON.stringify(counts(guesses))}`);
const cost = transactions() - before;
ok(cost >= counts(guesses)[401] && cost < counts(guesses)[401] + 20, `and the database had ${cost} transactions in all`);
is([(await attempt(ask, { token: key })).status, (await attempt(ask, { token: apiKey(1) })).status], [200, 200], 'others are answered');
is((await attempt(ask, { token: apiKey(1), headers: { 'X-Kindly-Address': '127.0.5.1' } })).status, 200, 'whatever address a header names');

// ---------------------------------------------------------------- where keys are not

logStatements(false);
const logs = [...[`${run}/nginx.log`, `${run}/../../http.postgrest.log`].map((file) => readFileSync(file, 'utf8')), serverLog()];
ok(/set_config/.test(logs[2]), 'the statements of requests are logged');
is(logs.map((log) => [key, other, expired, revoked, brief, asked, given].filter((each) => log.includes(each.slice(-43)))), [[], [], []], 'no log has a key or a token');
is((statSync(`${run}_tokens`).mode & 0o777).toString(8), '700', 'what nginx keeps is its own');
done();
