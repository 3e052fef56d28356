// errors.mjs: every error that a client of a documented address can get while the
// servers are there (down.mjs has the others): the status, the one shape, and words of
// the API's, never a library's.

import { apiKey, attempt, done, flood, is, ok, raw, request, slowly, sql, token } from './lib.mjs';
import { systems, wrongWith } from './words.mjs';

async function refused(expected, system, name, path, options = {}) {
  const answer = await (expected === 429 ? attempt : request)(path, options);
  is([answer.status, wrongWith(system, answer, options.method)], [expected, ''], `${expected}: ${system}: ${name}`, answer.text, JSON.stringify(answer.headers));
  return answer;
}

// ---------------------------------------------------------------- 401 and 403

const now = Math.floor(Date.now() / 1000);
const key = apiKey(1);
const revoked = apiKey(1);
sql(`SELECT kindly_stats.revoke_api_key('${revoked}') \\g /dev/null`);
const none = [
  ['nothing', {}],
  ['an empty credential', { token: '' }],
  ['another scheme', { headers: { authorization: `Basic ${Buffer.from('a:b').toString('base64')}` } }],
  ['a scheme alone', { headers: { authorization: 'Bearer' } }],
];
const wrong = [
  ['a word', { token: 'secret' }],
  ['three words with dots', { token: 'a.b.c' }],
  ['what looks like a token', { token: `eyJhbGciOiJIUzI1NiJ9.eyJib3QiOjF9.${'a'.repeat(43)}` }],
  ['no base64', { token: `x.y.${'-'.repeat(43)}` }],
  ['a token of another', { token: token({ bot: 1 }, { key: 'another secret, of 32 characters and more' }) }],
  ['a token for another audience', { token: token({ bot: 1, aud: 'elsewhere' }) }],
  ['a token for nobody', { token: token({ bot: 1, aud: undefined }) }],
  ['a token that never expires', { token: token({ bot: 1, exp: undefined }) }],
  ['a token that is not valid yet', { token: token({ bot: 1, nbf: now + 600 }) }],
  ['a token whose time is a text', { token: token({ bot: 1, exp: 'soon' }) }],
  ['a token of a role that is none', { token: token({ bot: 1, role: 'nobody' }) }],
  ['a token of another role', { token: token({ bot: 1, role: 'postgres' }) }],
  ['a token of no role', { token: token({ bot: 1, role: undefined }) }],
  ['a token of no bot', { token: token({}) }],
  ['a token of a bot that is none', { token: token({ bot: true }) }],
  ['another algorithm', { token: token({ bot: 1 }, { header: { alg: 'RS256' } }) }],
  ['an unknown key', { token: `ks_${'0'.repeat(12)}_${'x'.repeat(43)}` }],
  ['a revoked key', { token: revoked }],
  ['a foreign key', { token: 'ghp_0123456789abcdefghijklmnopqrstuvwxyz' }],
];
for (const [system, [path]] of Object.entries(systems)) {
  for (const [name, options] of none) {
    const answer = await refused(401, system, name, path, options);
    is([answer.json?.message, answer.headers['www-authenticate']], [system === 'Sage' ? 'a token is needed' : 'an API key is needed', 'Bearer'], `and what is needed: ${system}: ${name}`);
  }
  for (const [name, options] of wrong) {
    const answer = await refused(401, system, name, path, options);
    ok(/^the (API key|token) is not valid$/.test(answer.json?.message) && /^Bearer/.test(answer.headers['www-authenticate']), `and what is wrong: ${system}: ${name}`, answer.text);
  }
  if (system !== 'Sage\'s keys') {
    is((await refused(401, system, 'an expired token', path, { token: token({ bot: 1, exp: now - 60 }) })).json?.message, 'the token has expired', `and that it has expired: ${system}`);
  }
  await refused(401, system, 'HEAD', path, { method: 'HEAD', token: 'x' });
}
// A token that expires while nginx takes it for valid still.
const brief = token({ bot: 1, exp: Math.floor(Date.now() / 1000) - 25 });
is((await request(systems.Sage[0], { token: brief })).status, 200, 'a clock may be half a minute wrong');
let late;
for (let tries = 0; tries < 100 && (late = await request(systems.Sage[0], { token: brief })).status === 200; tries += 1) {
  await new Promise((resolve) => setTimeout(resolve, 200));
}
is([late.status, wrongWith('Sage', late), late.json?.message], [401, '', 'the token has expired'], '401: Sage: a token that expired meanwhile', late.text, JSON.stringify(late.headers));
for (const [system, [, path]] of Object.entries(systems).filter(([, [, each]]) => each !== null)) {
  await refused(403, system, 'another bot, with a key', path, { token: key });
  if (system !== 'Sage\'s keys') {
    await refused(403, system, 'another bot, with a token', path, { token: token({ bot: 1 }) });
  }
}

// ---------------------------------------------------------------- 400, 404, 405, 411, 413, 414

for (const [system, [path, , nowhere]] of Object.entries(systems)) {
  const more = path.includes('?') ? '&' : '?';
  for (const [name, credential] of [['a key', key], ['a token', system === 'Sage\'s keys' ? key : token({ bot: 1 })]]) {
    await refused(400, system, `an unknown parameter, with ${name}`, `${path}${more}colour=blue`, { token: credential });
    await refused(400, system, `half a percent-encoding, with ${name}`, `${path}${more}x=%4`, { token: credential });
    await refused(400, system, `no UTF-8, with ${name}`, `${path}${more}x=%ff`, { token: credential });
    await refused(404, system, `nothing there, with ${name}`, nowhere, { token: credential });
    await refused(414, system, `a long address, with ${name}`, `${path}${more}x=${'x'.repeat(10000)}`, { token: credential });
  }
  await refused(400, system, 'bytes that are no UTF-8', `${path}${more}x=\xff`, { token: key });
  await refused(400, system, 'a header that is no UTF-8', path, { headers: { authorization: 'Bearer \xff' } });
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    await refused(405, system, method, path, { method, token: key });
  }
  await refused(411, system, 'a body of unknown length', path, { token: key, headers: { 'Transfer-Encoding': 'chunked' }, body: 'x' });
  await refused(413, system, 'a large body', path, { token: key, body: 'x'.repeat(70000) });
  const broken = await raw(`GET ${path} HTTP/1.1\r\nHost: a b\r\nAuthorization: Bearer ${key}\r\nConnection: close\r\n\r\n`);
  is([broken.status, wrongWith(system, { ...broken, headers: {} }).replace('it is not application/json', '')], [400, ''], `400: ${system}: an impossible host`, broken.text);
}
for (const [system, path] of [['Sage', '/api/v1/stats/bot/1/sessions/messages?from=now&to=later'], ['ChatBot.com', '/reports/conversations?period=ever'], ['Ultimate', '/api/v1/metrics/bot/1?from=x&to=y'],
  ['LogicDialog', `${systems.LogicDialog[0]}&resolution=minute`], ['Ultimate\'s export', '/api/v1/export/bot/1/yesterday']]) {
  await refused(400, system, 'a value that makes no sense', path, { token: key });
}

// ---------------------------------------------------------------- 409 and 429

sql(`INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (1, 'gone', '2021-06-01 10:00Z', '2021-06-01 11:00Z');
  SELECT kindly_stats.purge('conversation', '2021-07-01') \\g /dev/null`);
await refused(409, 'Ultimate\'s export', 'a day that was purged', '/api/v1/export/bot/1/2021-06-01', { token: key });
await slowly(4, async (slow) => {
  const running = Array.from({ length: 8 }, () => slow({ bot: 1, key: key.slice(3, 15) }));
  await new Promise((resolve) => setTimeout(resolve, 1000));
  for (const [system, [path]] of Object.entries(systems).slice(0, 5)) {
    await refused(429, system, 'as many at once as may be', path, { token: key });
  }
  await Promise.all(running);
});
const exchanges = (await flood(60, () => attempt(systems['Sage\'s keys'][0], { token: key, from: '127.0.6.1' }))).find((each) => each.status === 429);
is(exchanges && wrongWith('Sage\'s keys', exchanges), '', '429: Sage\'s keys', exchanges?.text);
for (const [system, [path]] of Object.entries(systems).slice(0, 5)) {
  const guesses = (await flood(120, (n) => attempt(path, { token: `ks_${String(n).padStart(12, '0')}_${'x'.repeat(43)}`, from: `127.0.6.${2 + Object.keys(systems).indexOf(system)}` }))).find((each) => each.status === 429);
  is(guesses && wrongWith(system, guesses), '', `429: ${system}: made-up keys`, guesses?.text);
}
done();
