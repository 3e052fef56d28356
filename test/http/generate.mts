// generate.mts: a program whose client is made from the OpenAPI document: it compiles only
// if the types say what it does, and what must not compile does not.
//
//     node generate.mjs URL BOT_ID API_KEY CLIENT
//
// What was answered goes to standard output, as JSON.

import createClient from 'openapi-fetch';
import type { components, paths } from './generated/openapi.js';

declare const process: { argv: string[] };
const [url = '', bot = '', key = '', name = ''] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: url });

const given = await client.GET('/api/v2/bot/{bot}/sage/auth', { params: { path: { bot } }, headers: { Authorization: `Bearer ${key}` } });
const jwt: string = given.data!.jwt;
client.use({
  onRequest({ request }) {
    request.headers.set('Authorization', `Bearer ${jwt}`);
    return request;
  },
});

// ---------------------------------------------------------------- what is answered

const range = { from: '2024-07-01', to: '2024-07-07' };
const chats = await client.GET('/api/v1/stats/bot/{bot}/sessions/chats', { params: { path: { bot }, query: { ...range, granularity: 'day', tz: 'Europe/Oslo', 'sources[]': ['web', 'app'] } } });
const counts: number[] = chats.data!.data.map((each) => each.count);
const first: string | undefined = chats.data!.data[0]?.date;

const pages = await client.GET('/api/v1/stats/bot/{bot}/chatbubble/pages', { params: { path: { bot }, query: { ...range, limit: 2 } } });
const hosts: (string | null)[] = pages.data!.data.map((each) => each.web_host);

const report = await client.GET('/reports/conversations', { params: { query: { ...range, group: 'source' } } });
const summary: components['schemas']['Summary'] = report.data!.summary;

const users = await client.GET('/api/agent/analytics/user', { params: { query: { dateFrom: range.from, dateTo: range.to, client: name, resolution: 'week' } } });
const created: number[] = users.data!.data.map((each) => each.created);

const metrics = await client.GET('/api/v1/metrics/bot/{bot}', { params: { path: { bot }, query: { ...range, 'channels[]': ['chat'] } } });
const rate: number | null = metrics.data!.data.bot_handled_rate;

const day = await client.GET('/api/v1/export/bot/{bot}/{day}', { params: { path: { bot, day: '2024-07-01' } } });
const ids: string[] = day.data!.map((each) => each.conversation_id);

const health = await client.GET('/health');
const fit: 'ok' | undefined = health.data?.status;

const known = await client.GET('/api/v1/stats/bot/{bot}/sessions/chats', { params: { path: { bot }, query: { ...range, granularity: 'day', tz: 'Europe/Oslo', 'sources[]': ['web', 'app'] },
  header: { 'If-None-Match': chats.response.headers.get('etag') ?? '' } } });
const wrong = await client.GET('/api/v1/stats/bot/{bot}/sessions/chats', { params: { path: { bot }, query: { ...range, tz: 'Nowhere' } } });
const message: string | undefined = wrong.error?.message;

// ---------------------------------------------------------------- what does not compile

export async function mistakes() {
  // @ts-expect-error: a range is needed
  await client.GET('/api/v1/stats/bot/{bot}/sessions/chats', { params: { path: { bot } } });
  // @ts-expect-error: there is no such granularity
  await client.GET('/api/v1/stats/bot/{bot}/sessions/chats', { params: { path: { bot }, query: { ...range, granularity: 'second' } } });
  // @ts-expect-error: sources are a list
  await client.GET('/api/v1/stats/bot/{bot}/sessions/chats', { params: { path: { bot }, query: { ...range, 'sources[]': 'web' } } });
  // @ts-expect-error: there is no such address
  await client.GET('/api/v1/stats/bot/{bot}/sessions', { params: { path: { bot }, query: range } });
  // @ts-expect-error: a count is no text
  const text: string | undefined = chats.data?.data[0]?.count;
  // @ts-expect-error: there is no such member
  return [text, chats.data?.data[0]?.total];
}

console.log(JSON.stringify({ counts, first, hosts, total: summary.total, created, rate, ids: ids.length, fit, known: known.response.status, wrong: wrong.response.status, message }));
