// statuses.mjs: every status of the documented addresses, the one shape of errors,
// and what nginx must not let through.

import { gunzipSync } from 'node:zlib';
import http from 'node:http';
import { apiKey, attempt, base, done, faultOf, is, ok, raw, request, sql, stats, token } from './lib.mjs';

const key = apiKey(1);
const other = apiKey(2);
const auth = (bot) => `/api/v2/bot/${bot}/sage/auth`;
const jwt = (await request(auth(1), { token: key })).json.jwt;
const range = 'from=2024-07-01&to=2024-07-07';
const messages = stats(1, 'sessions/messages', range);

// status(STATUS, NAME, PATH, OPTIONS): an error of that status in the one shape.
async function status(expected, name, path, options = {}) {
  const answer = await request(path, { token: jwt, ...options });
  is([answer.status, faultOf(answer, options.method)], [expected, ''], `${expected}: ${name}`, answer.text);
  return answer;
}

// ---------------------------------------------------------------- 200

const answer = await request(messages, { token: jwt });
is([answer.status, answer.headers['content-type'], answer.json.data.length], [200, 'application/json; charset=utf-8', 6], '200: messages');
is(answer.headers['cache-control'], 'private, no-cache', 'the next answer may be another');
is(answer.headers.server, 'nginx', 'no version of nginx');
is(Object.entries(answer.headers).filter((header) => /postgrest|kindly_api|12\.0|1\.22/i.test(header.join(' '))), [], 'nor anything of what is behind it');
is([(await request(messages, { token: jwt, method: 'HEAD' })).status, (await request(messages, { token: jwt, method: 'HEAD' })).text], [200, ''], '200: HEAD');
is((await request(messages, { token: jwt, headers: { Accept: 'text/html', Prefer: 'return=minimal', Range: '0-1', 'Accept-Profile': 'sage' } })).text, answer.text,
  'other headers make no difference');
is((await request(messages, { headers: { authorization: `bearer ${jwt}` } })).text, answer.text, 'nor does the spelling of "bearer"');
is((await request(`${messages}&tz=Europe/Oslo#fragment`, { token: jwt })).status, 400, 'what comes after # is not for servers');

const packed = await new Promise((resolve) => http.get(`${base}${stats(1, 'sessions/messages', 'from=2024-01-01&to=2025-01-01')}`,
  { headers: { Authorization: `Bearer ${jwt}`, 'Accept-Encoding': 'gzip' } }, (response) => {
    const pieces = [];
    response.on('data', (piece) => pieces.push(piece));
    response.on('end', () => resolve({ encoding: response.headers['content-encoding'], body: Buffer.concat(pieces) }));
  }));
is(packed.encoding, 'gzip', 'long answers come packed');
is(JSON.parse(gunzipSync(packed.body)).data.length, 366, 'and whole');

const given = await request(auth(1), { headers: { authorization: `bearer  ${key} ` } });
is([given.status, Object.keys(given.json), given.json.ttl, given.headers['cache-control']], [200, ['jwt', 'ttl'], 600, 'no-store'], '200: a token, for a key however spelt');

// ---------------------------------------------------------------- /health

const fit = await request('/health');
is([fit.status, fit.json], [200, { status: 'ok' }], '200: health, without a token');
is([fit.headers['content-type'], fit.headers['cache-control']], ['application/json; charset=utf-8', 'no-store'], 'of the moment');
is((await request('/health', { method: 'HEAD' })).status, 200, '200: HEAD');
is((await request('/health', { method: 'POST', body: '{}' })).status, 405, '405: POST');
sql('ALTER TABLE kindly_stats.measure DISABLE TRIGGER kindly_stats_changed');
let unfit;
for (let tries = 0; tries < 50 && (unfit = await request('/health')).status === 200; tries += 1) {
  await new Promise((resolve) => setTimeout(resolve, 200));
}
is([unfit.status, unfit.json], [503, { status: 'error', errors: 1 }], '503: a trigger is disabled, of which no more is said');
sql('ALTER TABLE kindly_stats.measure ENABLE TRIGGER kindly_stats_changed');
for (let tries = 0; tries < 50 && (unfit = await request('/health')).status !== 200; tries += 1) {
  await new Promise((resolve) => setTimeout(resolve, 200));
}
is(unfit.status, 200, '200: mended');

// ---------------------------------------------------------------- 400

const unknown = await status(400, 'unknown parameters', `${messages}&colour=blue&sources[]=web&size=9`);
ok(/colour/.test(unknown.json.message) && /size/.test(unknown.json.message), 'they are named', unknown.text);
for (const [name, query] of [
  ['no from and no to', ''],
  ['no to', 'from=2024-07-01'],
  ['no date', 'from=yesterdayish&to=2024-07-07'],
  ['no time zone', `${range}&tz=Oslo5`],
  ['no granularity', `${range}&granularity=second`],
  ['hours of more than a week', 'from=2024-07-01&to=2024-08-01&granularity=hour'],
  ['from after to', 'from=2024-07-07&to=2024-07-01'],
  ['a parameter of another system', `${range}&period=today`],
  ['a parameter twice', `${range}&tz=UTC&tz=Europe/Oslo`],
  ['half a percent-encoding', `${range}&tz=%4`],
  ['no UTF-8', `${range}&sources[]=%ff`],
  ['a NUL', `${range}&sources[]=%00`],
  ['included and excluded', `${range}&sources[]=web&sources[]=-web`],
  ['a filter of PostgREST', `${range}&select=data`],
]) {
  await status(400, name, stats(1, 'sessions/messages', query));
}
await status(400, 'bytes that are no UTF-8', `${messages}&sources[]=\xff`);
for (const name of ['Authorization', 'Accept', 'Accept-Profile', 'Content-Type', 'Prefer', 'Range']) {
  await status(400, `no UTF-8 in ${name}`, '/api/native/rpc/sessions_chats?bot=1', { token: undefined, headers: { [name]: 'x\xff' } });
}
is((await request(`${messages}&${Buffer.from('sources[]=blå').toString('latin1')}`, { token: jwt })).status, 200, '200: UTF-8 that is not percent-encoded');
await status(400, 'a limit of nothing', stats(1, 'chatbubble/pages', `${range}&limit=0`));
await status(400, 'a limit that is no number', stats(1, 'chatbubble/pages', `${range}&limit=many`));

// ---------------------------------------------------------------- 401

const now = Math.floor(Date.now() / 1000);
const unsigned = `${token({ bot: 1 }, { header: { alg: 'none', typ: 'JWT' } }).split('.').slice(0, 2).join('.')}.`;
for (const [name, options] of [
  ['no token', { token: undefined }],
  ['an empty token', { token: '' }],
  ['no JWT', { token: 'x' }],
  ['an expired token', { token: token({ bot: 1, exp: now - 60 }) }],
  ['a token signed with another secret', { token: token({ bot: 1 }, { key: 'another secret, of 32 characters and more' }) }],
  ['a token whose claims were changed', { token: jwt.replace(/\.[^.]+\./, `.${token({ bot: 2 }).split('.')[1]}.`) }],
  ['alg none, unsigned', { token: unsigned }],
  ['alg none, signed', { token: token({ bot: 1 }, { header: { alg: 'none' } }) }],
  ['another algorithm', { token: token({ bot: 1 }, { header: { alg: 'RS256' } }) }],
  ['HS384', { token: token({ bot: 1 }, { header: { alg: 'HS384', typ: 'JWT' }, hash: 'sha384' }) }],
  ['HS512', { token: token({ bot: 1 }, { header: { alg: 'HS512', typ: 'JWT' }, hash: 'sha512' }) }],
  ['HS512, signed with HS256', { token: token({ bot: 1 }, { header: { alg: 'HS512', typ: 'JWT' } }) }],
  ['a token that never expires', { token: token({ bot: 1, exp: undefined }) }],
  ['a token that expires at null', { token: token({ bot: 1, exp: null }) }],
  ['a token that is not valid yet', { token: token({ bot: 1, nbf: now + 600 }) }],
  ['a token for nobody', { token: token({ bot: 1, aud: undefined }) }],
  ['a token for another audience', { token: token({ bot: 1, aud: 'another' }) }],
  ['a token for two audiences', { token: token({ bot: 1, aud: ['kindly_stats', 'another'] }) }],
  ['Basic', { token: undefined, headers: { Authorization: `Basic ${jwt}` } }],
]) {
  const refused = await status(401, name, messages, options);
  ok(/^Bearer/.test(refused.headers['www-authenticate']), `and what to send: ${name}`, JSON.stringify(refused.headers));
  await status(401, `by PostgREST's own way: ${name}`, '/api/native/rpc/stats_options', options);
}
await status(401, 'by PostgREST\'s own way: a key in the place of a token', '/api/native/rpc/stats_options', { token: key });
for (const [message, path, options] of [['a token is needed', messages, { token: undefined }], ['the token is not valid', messages, { token: 'x' }],
  ['the token is not valid', messages, { token: token({ bot: 1, aud: 'another' }) }], ['the token is not valid', messages, { token: token({ bot: 1, role: 'postgres' }) }],
  ['the token has expired', messages, { token: token({ bot: 1, exp: now - 60 }) }], ['an API key is needed', auth(1), { token: undefined }],
  ['the API key is not valid', auth(1), { token: 'x' }], ['the API key is not valid', auth(1), { token: `${key.slice(0, -4)}AAAA` }]]) {
  is((await request(path, options)).json?.message, message, `what is wrong is said: ${message}`);
}
await status(401, 'a token without a bot', messages, { token: token({}) });
await status(401, 'a token without a role', messages, { token: token({ bot: 1, role: undefined }) });
for (const [name, options] of [
  ['no key', { token: undefined }],
  ['a wrong key', { token: `${key.slice(0, -4)}AAAA` }],
  ['no key at all', { token: 'x' }],
  ['a token in the place of a key', { token: jwt }],
  ['another bot\'s key', { token: other }],
  ['a key in X-Api-Key', { token: undefined, headers: { 'X-Api-Key': key } }],
  ['a key in X_Api_Key', { token: undefined, headers: { X_Api_Key: key } }],
  ['a wrong key, and one in X-Api-Key', { token: 'x', headers: { 'X-Api-Key': key } }],
]) {
  const refused = await request(auth(1), options);
  // A key of another bot is known, but not for this one.
  ok([401, 403].includes(refused.status) && refused.json.jwt === undefined && faultOf(refused) === '', `401: ${name}`, refused.status, refused.text);
}

// ---------------------------------------------------------------- 403

await status(403, 'another bot', stats(2, 'sessions/messages', range));
for (const bot of ['one', '01', '99999999999999999999']) {
  await status(403, `a bot whose id is the text ${bot}`, stats(bot, 'meta/options'));
}
await status(403, 'another bot, where an endpoint is unknown', stats(2, 'meta/options'));
for (const id of ['one', '99999999999999999999']) {
  await status(403, 'another bot, whose id is a text', stats(id, 'meta/options'));
}

// What nginx says of the address cannot be said by a client.
const disguised = await request(messages, { token: jwt, headers: { 'X-Original-URI': stats(2, 'sessions/messages', range), X_Original_URI: stats(2, 'meta/options') } });
is([disguised.status, disguised.text], [200, answer.text], 'X-Original-URI of a client is nothing');
// Nor can it be said whose limits a request is counted by.
is((await request(messages, { token: jwt, headers: { 'X-Kindly-Key': 'x', 'X-Kindly-Bot': '2' } })).status, 200, 'X-Kindly-Key of a client is nothing');
is(Object.keys((await request('/api/native/rpc/token', { token: jwt })).headers).filter((name) => /kindly/.test(name)), [], 'and none is answered');
// What PostgreSQL says of missing rights names what they are missing on.
sql('REVOKE SELECT ON kindly_stats.rollup FROM kindly_api_user; REVOKE EXECUTE ON FUNCTION kindly_api.stats_options(kindly_stats.bot_id) FROM kindly_api_user');
for (const [name, path, profile] of [['documented addresses', messages], ['a function of kindly_api', '/api/native/rpc/stats_options'], ['a function that reads a table', `/api/native/rpc/stats_series?${range}`],
  ['a function of a dialect', `/api/native/rpc/sessions_chats?bot=1&${range}`, 'sage']]) {
  const refused = await status(403, `no right, ${name}`, path, { headers: profile && { 'Accept-Profile': profile } });
  ok(!/schema|role|table|rollup|function|permission|kindly_stats\b/.test(refused.text), `and nothing is named: ${name}`, refused.text);
}
sql('GRANT SELECT ON kindly_stats.rollup TO kindly_api_user; GRANT EXECUTE ON FUNCTION kindly_api.stats_options(kindly_stats.bot_id) TO kindly_api_user');
for (const role of ['postgres', 'kindly_api_authenticator', 'nobody', 'kindly_api_anonymous', '"; DROP']) {
  for (const path of [messages, '/api/native/rpc/stats_options', '/api/native/']) {
    const refused = await request(path, { token: token({ bot: 1, role }) });
    ok([401, 403].includes(refused.status) && faultOf(refused) === '' && !/role|schema|postgres|permission|nobody/.test(refused.text), `a token with role ${role}: ${path}`, refused.status, refused.text);
  }
}
const borrowed = await request(stats(2, 'sessions/messages', range), { token: jwt, headers: { 'X-Original-URI': messages } });
is(borrowed.status, 403, 'whatever it says');

// ---------------------------------------------------------------- 404

for (const path of ['/api/v1/stats/bot/1/sessions', '/api/v1/stats/bot/1/', '/api/v1/stats/bot/1', stats('', 'meta/options'), stats('1/2', 'meta/options'),
  '/api/v1/stats/bot/1/meta/options/', '/api/v1/stats/bot/1/META/OPTIONS', '/api/v1/stats/bot/1//meta/options',
  '/api/v1/stats/bot/1/x/../meta/options', '/x/../api/v1/stats/bot/1/meta/options', '/api/v1', '/api/', '/api/v3/stats/bot/1/meta/options', '/sage/auth', '/rpc/request',
  '/rpc/auth', '/rollup', '/chat_event', '/index.php', '/.htaccess', '/.error/400', '/nginx.conf', '/x/../nginx.conf', '/api/native/rpc/',
  '/api/native/rollup', '/api/native/rpc/request', '/api/native/rpc/request_volatile', '/api/native/rpc/auth', '/api/native/rpc/%61uth', '/api/native//rpc//request',
  '/api/native/x/../rpc/request', '/api/native/rpc/request/']) {
  await status(404, path, path);
}
is((await request('/api/v2/bot//sage/auth', { token: key })).status, 404, '404: a key for no bot');
is((await request('/api/v2/bot/one/sage/auth', { token: key })).status, 403, '403: a key for a bot whose id is a text');
is((await request('/api/v2/bot/1/x/../sage/auth', { token: key })).status, 404, '404: an address in disguise');

for (const path of ['/../../etc/passwd', '/%2e%2e/nginx.conf', '/api/v1/../../../x']) {
  await status(400, path, path);
}

// ---------------------------------------------------------------- 405, 411, 413, 414, 400

for (const [path, allowed] of [[messages, 'GET, HEAD'], [auth(1), 'GET, HEAD'], ['/api/v1/export/bot/1/2024-07-01', 'GET, HEAD'], ['/', 'GET, HEAD'],
  ['/api/native/', 'GET, HEAD'], ['/api/native/rpc/sessions_chats', 'GET, HEAD, POST']]) {
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'].filter((each) => !allowed.includes(each))) {
    const refused = await status(405, `${method} ${path}`, path, { method });
    is(refused.headers.allow, allowed, `and what is allowed: ${method} ${path}`);
  }
}
await status(411, 'a body of unknown length', messages, { headers: { 'Transfer-Encoding': 'chunked' }, body: 'x' });
await status(413, 'a large body', '/api/native/rpc/sessions_chats', { method: 'POST', body: 'x'.repeat(70000), headers: { 'Content-Type': 'application/json' } });
await status(414, 'a long address', `${messages}&x=${'x'.repeat(10000)}`);
for (const [expected, name, bytes] of [
  [400, 'no request', 'nothing\r\n\r\n'],
  [400, 'no version', 'GET / HTTP/x\r\n\r\n'],
  [400, 'no host', 'GET / HTTP/1.1\r\n\r\n'],
  [400, 'an impossible host', 'GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n'],
  [400, 'an impossible length', 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n'],
  [400, 'two ways to end', 'POST /api/native/rpc/x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  [400, 'large headers', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(10000)}\r\n\r\n`],
  [400, 'a NUL in the address', 'GET /%00 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
  [405, 'TRACE', 'TRACE / HTTP/1.1\r\nHost: a\r\n\r\n'],
  [505, 'a later HTTP', 'GET / HTTP/3.1\r\nHost: a\r\n\r\n'],
]) {
  const refused = await raw(bytes);
  ok(refused.status === expected && faultOf(refused) === '', `${expected}: ${name}`, refused.head, refused.text, faultOf(refused));
}

// ---------------------------------------------------------------- headers that are not the server's

for (const path of [`${messages}&%0d%0aX-Injected:%201`, `/api/v1/stats/bot/1/x%0d%0aX-Injected:%201`, '/api/v1/stats/bot/1%0d%0aX-Injected:%201/meta/options',
  `${messages}&tz=%0d%0aX-Injected:%201`, '/reports/x%0d%0aX-Injected:%201', '/api/native/rpc/sessions_chats?%0d%0aX-Injected:%201=1']) {
  const refused = await request(path, { token: jwt });
  is([refused.headers['x-injected'], refused.reason.includes('Injected'), refused.status >= 400 && refused.status < 500], [undefined, false, true], `no header is written by ${path}`);
}

// ---------------------------------------------------------------- 429

// A hundred at once are let through in each second: what is spelt in three ways
// would be, if it were not for the one caller behind them.
const eager = token({ bot: 1, key: 'eager' });
const spellings = [`Bearer ${eager}`, `bearer   ${eager}`, `BEARER ${eager} `];
const many = await Promise.all(Array.from({ length: 300 }, (_, n) => attempt(stats(1, 'meta/options'), { headers: { authorization: spellings[n % 3] } })));
const limited = many.filter((each) => each.status === 429);
ok(limited.length > 0 && many.every((each) => [200, 429].includes(each.status)), `429: ${limited.length} of 300 requests at once`);
is([faultOf(limited[0]), limited.some((each) => 'retry-after' in each.headers)], ['', false], 'and no Retry-After, which Sage\'s program cannot read');
is((await attempt(stats(2, 'meta/options'), { token: token({ bot: 2 }) })).status, 200, 'which is the one token\'s concern');
await new Promise((resolve) => setTimeout(resolve, 1000));
is((await attempt(stats(1, 'meta/options'), { token: eager })).status, 200, 'after that it is answered again');
is((await Promise.all(Array.from({ length: 60 }, () => attempt(auth(1), { token: 'guess', from: '127.0.2.1' })))).some((each) => each.status === 429), true, '429: keys are tried no faster');
done();
