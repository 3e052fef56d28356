// cors.mjs: pages of other sites.  None may read answers, unless its origin is in
// the list of nginx.conf, which is empty at first.

import { readFileSync, writeFileSync } from 'node:fs';
import { done, faultOf, is, ok, request, run, stats, token } from './lib.mjs';

const jwt = token({ bot: 1 });
const messages = stats(1, 'sessions/messages', 'from=2024-07-01&to=2024-07-07');
const origin = 'https://dashboard.example.com';
const cors = ({ headers }) => Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('access-control-')));
const from = (origin_, path = messages, options = {}) => request(path, { token: jwt, ...options, headers: { Origin: origin_, ...options.headers } });
const preflight = (origin_, path = messages, headers = {}) => request(path, { method: 'OPTIONS',
  headers: { Origin: origin_, 'Access-Control-Request-Method': 'GET', 'Access-Control-Request-Headers': 'authorization', ...headers } });

// ---------------------------------------------------------------- off

for (const each of [origin, 'null', 'http://localhost:8080']) {
  const answer = await from(each);
  is([answer.status, cors(answer)], [200, {}], `off: ${each} is answered, but no browser lets it read that`);
  const refused = await preflight(each);
  is([refused.status, faultOf(refused), cors(refused)], [405, '', {}], `off: no preflight for ${each}`);
}
is(cors(await from(origin, '/api/native/rpc/stats_options')), {}, 'off: nor by PostgREST\'s own way');

// ---------------------------------------------------------------- on

// As the document says: a line in the list, and a reload.
const site = `${run}/../site.conf`;
const before = readFileSync(site, 'utf8');
async function reload(text, ready) {
  writeFileSync(site, text);
  process.kill(Number(readFileSync(`${run}/nginx.pid`, 'utf8')), 'SIGHUP');
  for (let tries = 0; tries < 100 && !(await ready()); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
const allowed = async (each) => (await from(each)).headers['access-control-allow-origin'];
const listed = before.replace('# https://dashboard.example.com 1;', 'https://dashboard.example.com 1;\n\thttps://other.example.com:8443 1;');
ok(listed !== before, 'the list is there');
await reload(listed, async () => (await allowed(origin)) === origin);

for (const each of [origin, 'https://other.example.com:8443']) {
  const answer = await from(each);
  is([answer.status, cors(answer)], [200, { 'access-control-allow-origin': each, 'access-control-expose-headers': 'ETag, Retry-After, WWW-Authenticate, Content-Range' }], `on: ${each} may read answers`);
  const asked = await preflight(each);
  is([asked.status, asked.text, asked.headers['access-control-allow-origin'], asked.headers['access-control-allow-methods'], asked.headers['access-control-max-age']],
    [204, '', each, 'GET, HEAD', '3600'], `on: preflight of ${each}`);
  const names = asked.headers['access-control-allow-headers'].toLowerCase().split(', ');
  is(['authorization', 'if-none-match', 'wbb-client'].filter((name) => !names.includes(name)), [], 'with the headers that clients send');
}
const tag = (await from(origin)).headers.etag;
const same = await from(origin, messages, { headers: { 'If-None-Match': tag } });
is([same.status, same.headers['access-control-allow-origin']], [304, origin], 'on: 304, too');
for (const [status, path, options] of [[400, stats(1, 'sessions/messages')], [401, messages, { token: 'x' }], [403, stats(2, 'meta/options')], [404, '/api/v1/x'],
  [405, messages, { method: 'DELETE' }], [200, '/health'], [200, '/api/native/rpc/stats_options'], [401, '/api/v2/bot/1/sage/auth']]) {
  const answer = await from(origin, path, options);
  is([answer.status, answer.headers['access-control-allow-origin']], [status, origin], `on: what is wrong can be read: ${status} ${path}`);
}
is((await preflight(origin, '/api/native/rpc/stats_options', { 'Access-Control-Request-Method': 'POST' })).headers['access-control-allow-methods'], 'GET, HEAD, POST', 'on: PostgREST\'s own way takes POST');
for (const [name, answer] of [
  ['a path that is not there', await preflight(origin, '/nothing/here')],
  ['OPTIONS that does not ask', await request(messages, { method: 'OPTIONS', headers: { Origin: origin } })],
  ['OPTIONS of nobody', await request(messages, { method: 'OPTIONS', headers: { 'Access-Control-Request-Method': 'GET' } })],
]) {
  ok([404, 405].includes(answer.status) && faultOf(answer) === '', `on: no preflight, ${name}`, answer.status, answer.text);
}

// ---------------------------------------------------------------- others stay out

for (const each of ['null', '*', 'https://dashboard.example.com.evil.example', 'https://evil.example/https://dashboard.example.com', 'http://dashboard.example.com',
  'https://dashboard.example.com:444', 'https://dashboard.example.com/', 'https://dashboardxexample.com', 'https://dashboard.example.com, https://evil.example',
  'https://dashboard.example.com 1', ' ', '"', `${origin}\t`.repeat(2), 'x'.repeat(4000)]) {
  const answer = await from(each);
  const refused = await preflight(each);
  is([cors(answer), cors(refused), refused.status], [{}, {}, 405], `on: not ${each.slice(0, 60)}`);
}
is(cors(await request(messages, { token: jwt })), {}, 'on: without an origin nothing is said');
ok(/Origin/.test((await request(messages, { token: jwt })).headers.vary), 'but that answers differ by it');
ok(!('access-control-allow-credentials' in (await from(origin)).headers), 'a cookie is never asked for');
is((await request('/', { headers: { Origin: origin, Cookie: `kindly_token=${jwt}` } })).headers['access-control-allow-origin'], undefined, 'the page is for nobody else');

await reload(before, async () => (await allowed(origin)) === undefined);
is(cors(await from(origin)), {}, 'off again');
done();
