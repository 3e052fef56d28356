// typed.mjs: a client that is written in a typed language and does as the public one in
// Go does: it keeps its token for as long as "ttl" says, but for ten seconds, and has a new
// one then; it sends all that it has to each endpoint; it reads answers into types, and
// dates in one format; it asks again at once after a 429 that says nothing.

import { setTimeout as pause } from 'node:timers/promises';
import { apiKey, done, is, ok, request, sql, stats, token } from './lib.mjs';

class Client {
  exchanges = 0;
  limited = 0;
  #token = null;

  constructor(bot, key) {
    this.bot = bot;
    this.key = key;
  }

  async #bearer() {
    if (this.#token === null || this.#token.expires - 10000 <= Date.now()) {
      this.exchanges += 1;
      const answer = await request(`/api/v2/bot/${this.bot}/sage/auth`, { headers: { 'User-Agent': 'Go-http-client/1.1', Accept: 'application/json', Authorization: `Bearer ${this.key}` } });
      if (answer.status !== 200 || !answer.headers['content-type'].startsWith('application/json')) {
        throw new Error(`failed to fetch token: ${answer.status}`);
      }
      // a number that is missing is zero, one that is a text or has a fraction an error
      const { jwt = '', ttl = 0 } = answer.json;
      if (typeof jwt !== 'string' || !Number.isInteger(ttl)) {
        throw new Error(`it is no token: ${answer.text}`);
      }
      this.#token = { jwt, expires: Date.now() + ttl * 1000 };
    }
    return this.#token.jwt;
  }

  async get(endpoint, filter) {
    const query = new URLSearchParams([['tz', 'Europe/Oslo'], ...Object.entries(filter)].sort());
    for (;;) {
      const answer = await request(stats(this.bot, endpoint, query), { headers: { 'User-Agent': 'Go-http-client/1.1', Accept: 'application/json', Authorization: `Bearer ${await this.#bearer()}` } });
      if (answer.status !== 429) {
        if (answer.status > 399) {
          throw new Error(`${endpoint}: ${answer.status}: ${answer.text}`);
        }
        return answer.json.data;
      }
      this.limited += 1;
      if (answer.headers['retry-after'] !== undefined) {
        await pause(1000 * Number(answer.headers['retry-after']));
      }
    }
  }
}

const int = Number.isInteger;
const float = (value) => typeof value === 'number';
const text = (value) => typeof value === 'string';
const time = (value) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/.test(value);
const list = (type) => (value) => Array.isArray(value) && value.every(type);
const struct = (fields) => (value) => Object.entries(fields).every(([name, type]) => type(value[name]));
const handovers = { ended: int, requests: int, requests_while_closed: int, started: int };
const rating = list(struct({ count: int, rating: int, ratio: float }));

const endpoints = {
  'feedback/summary': struct({ binary: rating, emojis: rating }),
  'takeovers/totals': struct(handovers),
  'takeovers/series': list(struct({ date: time, ...handovers })),
  'chatbubble/pages': list(struct({ messages: int, sessions: int, web_host: text, web_path: text })),
  'fallbacks/total': struct({ count: int, rate: float }),
  'fallbacks/series': list(struct({ date: time, count: int, rate: float })),
  'sessions/messages': list(struct({ date: time, count: int })),
  'sessions/chats': list(struct({ date: time, count: int })),
  'chatlabels/added': list(struct({ count: int, label_id: text, label_text: text })),
};
const filter = { from: '2024-07-01', to: '2024-07-31', granularity: 'day', limit: '10', 'sources[]': 'web' };
const client = new Client(1, apiKey(1));
for (const [endpoint, type] of Object.entries(endpoints)) {
  const data = await client.get(endpoint, filter).catch((error) => error.message);
  ok(type(data), `with all that it has: ${endpoint}`, JSON.stringify(data));
  const plain = { ...filter };
  delete plain[/pages|labels/.test(endpoint) ? 'granularity' : 'limit'];
  if (/total|summary/.test(endpoint)) {
    delete plain.granularity;
  }
  const query = new URLSearchParams([...Object.entries(plain), ['tz', 'Europe/Oslo']]);
  is(data, (await request(stats(1, endpoint, query), { token: token({ bot: 1 }) })).json?.data, `and it is what is asked for: ${endpoint}`);
}
ok((await client.get('chatbubble/pages', filter)).length > 3, 'limit is read where it means something');
is(await client.get('meta/options', filter), JSON.parse(sql('SELECT sage.meta_options(1)')).data, 'the options, of which no filter is known');
is(client.exchanges, 1, 'with one token in all');

// More than is let through at once.
const answers = await Promise.all(Array.from({ length: 60 }, () => client.get('fallbacks/total', filter)));
is([answers.every((each) => each.count === answers[0].count), client.exchanges], [true, 1], `60 at once are all answered, of which ${client.limited} had to be asked again`);
done();
