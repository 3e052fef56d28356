// mutated.mjs: 300 addresses made from good ones by a random hand, the same on
// every run: each is answered with 200 or a 4xx in the one shape.

import { done, faultOf, is, ok, raw, stats, token } from './lib.mjs';

const seed = Number(process.env.KINDLY_SEED ?? 20190701);

// A generator of numbers below 2^32 (mulberry32).
let state = seed;
function random(below) {
  state = (state + 0x6d2b79f5) | 0;
  let x = Math.imul(state ^ (state >>> 15), state | 1);
  x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
  return ((x ^ (x >>> 14)) >>> 0) % below;
}
const one = (list) => list[random(list.length)];

const range = 'from=2024-07-01&to=2024-07-07';
const good = [
  ...['meta/options', 'sessions/chats', 'sessions/messages', 'fallbacks/series', 'fallbacks/total', 'chatbubble/pages', 'takeovers/series',
    'takeovers/totals', 'feedback/summary', 'buttons/most_clicked', 'chatlabels/added'].map((endpoint) => stats(1, endpoint, range)),
  stats(1, 'sessions/messages', `${range}&granularity=hour&tz=Europe%2FOslo&sources[]=web&sources[]=-test&language_codes[]=en`),
  stats(1, 'buttons/most_clicked', `${range}&limit=10&language_code%5B%5D=nb`),
  '/api/v2/bot/1/sage/auth',
  '/reports/conversations?period=last7days&dimension=hour&group=source',
  '/api/agent/analytics/intervention/average-time?dateFrom=2024-04-16T10:57:12.873Z&dateTo=2024-05-01&client=one&resolution=month',
  '/api/v1/metrics/bot/1?from=2024-01-01&to=2024-02-01',
  '/api/v1/export/bot/1/2024-07-01',
  `/api/native/rpc/sessions_chats?bot=1&${range}`,
  '/api/native/',
];
const pieces = ['%00', '%', '%2', '%zz', '%ff', '%c3%28', '%0d%0aX-Injected:%201', '%2f', '..', '/', '//', '?', '&', '&&', '=', '==', '[]', '[', '%5b0%5d',
  '+', '#', '"', '\'', '\\', ';', '{', '}', '<', '-', '--', '*', '/*', 'é', '\u{1f600}', '\xff', '\x01', '\x7f', '\t', '0', '-1', '99999999999999999999',
  '1e9', 'NaN', 'null', 'NULL', 'true', '\'; DROP TABLE chat_event; --', '$1', ':x', '%25', '%20', 'eq.1', 'in.(1,2)', 'select=*', '&limit=1',
  '&limit=-1', '&limit=', '&tz=', '&tz=Oslo5', '&tz=right/UTC', '&from=infinity', '&to=0001-01-01 BC', '&from=294276-12-31', '&sources[]=',
  '&sources[]=-', '&granularity=second', '&from=2024-07-01', '&language_code[]=en', 'a'.repeat(500), 'a'.repeat(9000), '%41'.repeat(300), '&x=1'.repeat(200)];

const mutations = [
  (text, at) => text.slice(0, at) + one(pieces) + text.slice(at),
  (text, at) => text.slice(0, at) + one(pieces) + text.slice(at + 1 + random(6)),
  (text, at) => text.slice(0, at) + text.slice(at + 1 + random(4)),
  (text, at) => text.slice(0, at) + `%${(random(256) + 256).toString(16).slice(1)}` + text.slice(at),
  (text, at) => text.slice(0, at) + String.fromCharCode(33 + random(222)) + text.slice(at + 1),
  (text, at) => text + text.slice(at),
  (text, at) => text.slice(0, at) + (text[at] === text[at]?.toUpperCase() ? text[at]?.toLowerCase() : text[at]?.toUpperCase()) + text.slice(at + 1),
  (text) => text.replace(/=[^&]*/, `=${one(pieces)}`),
  (text) => { const [path, query = ''] = text.split('?'); return `${path}?${query.split('&').reverse().join('&')}`; },
];

function mutated() {
  let text = one(good);
  for (let n = 1 + random(2); n > 0; n -= 1) {
    const query = text.indexOf('?') + 1;
    // Most mutations of a path are the same 404.
    text = one(mutations)(text, random(3) > 0 ? query + random(text.length - query) : 1 + random(text.length));
  }
  // What ends a request line is no part of an address.
  return text.replace(/[ \r\n]/g, '%20');
}

const counts = {};
const failed = [];
const misshapen = [];
const injected = [];
for (let n = 0; n < 300; n += 1) {
  const path = mutated();
  // Some keys and bots: the limits are not what is tried here.
  const authorization = path.includes('auth') ? 'nothing' : token({ bot: 1, key: `key${n % 10}` });
  const answer = await raw(Buffer.from(`GET ${path} HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer ${authorization}\r\n\r\n`, n % 2 ? 'utf8' : 'latin1'));
  counts[answer.status] = (counts[answer.status] ?? 0) + 1;
  if (answer.status !== 200 && !(answer.status >= 400 && answer.status < 500)) {
    failed.push(`${answer.status} ${path} ${answer.text}`);
  }
  if (answer.status !== 200 && faultOf(answer)) {
    misshapen.push(`${answer.status} ${path} ${faultOf(answer)} ${answer.text}`);
  }
  if (/^X-Injected/im.test(answer.head)) {
    injected.push(path);
  }
}
is(failed, [], `seed ${seed}: 200 or a 4xx for each of 300 mutated addresses`);
is(misshapen, [], 'errors have the one shape');
is(injected, [], 'no address writes headers');
ok(counts[200] > 20 && counts[400] > 50 && counts[404] > 20, `and the hand is not too heavy: ${JSON.stringify(counts)}`);
done();
