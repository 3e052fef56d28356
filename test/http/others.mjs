// others.mjs: the addresses of ChatBot.com, LogicDialog and Ultimate, with the
// tokens and errors that Sage has.

import { apiKey, done, faultOf, is, ok, request, sql, token } from './lib.mjs';

// What the database says for the same.
const json = (call) => sql(`SET kindly_stats.now = '2019-03-27 09:41:00Z'; SELECT ${call}`);
const exchanged = async (bot) => (await request(`/api/v2/bot/${bot}/sage/auth`, { token: apiKey(bot) })).json.jwt;

async function status(expected, name, path, options = {}) {
  const answer = await request(path, { token: token({ bot: 1, path }), ...options });
  is([answer.status, expected < 400 ? '' : faultOf(answer)], [expected, ''], `${expected}: ${name}`, answer.text);
  return answer;
}

// ---------------------------------------------------------------- every route

// nginx knows every path that the database does: whatever it says, it is the database that says it.
const routes = sql('SELECT DISTINCT path FROM kindly_stats.routes() ORDER BY 1').split('\n');
const unknown = [];
for (const route of routes) {
  const path = route.replace(':bot', '1').replace(':day', '2024-07-01');
  const answer = await request(path, { token: token({ bot: 1, path }) });
  if (![200, 400].includes(answer.status) || (answer.status === 400 && faultOf(answer))) {
    unknown.push(`${path} ${answer.status} ${answer.text}`);
  }
  if ((await request(path)).status !== 401) {
    unknown.push(`${path} without a token`);
  }
}
is(unknown, [], `all ${routes.length} routes of the database are served`);
is(['/reports/', '/api/agent/analytics/', '/api/v1/export/bot/', '/api/v1/metrics/bot/'].map((start) => routes.some((route) => route.startsWith(start))),
  [true, true, true, true], 'of all systems');

// ---------------------------------------------------------------- ChatBot.com

// The page shows the last 11 of 27 days.
const points = [1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0].map((value, n) => ({ date: `2019-03-${17 + n}T00:00:00.000Z`, value }));
const summary = { total: 28, min: 0, max: 7, avg: 1.04 };
for (const [bot, report] of [[2011, 'conversations'], [2012, 'conversations.paid'], [2013, 'conversations.messages'], [2014, 'conversations.avg']]) {
  const answer = await request(`/reports/${report}?period=thisMonth`, { token: await exchanged(bot) });
  is([answer.status, answer.json?.data?.length, answer.json?.data?.slice(-11), answer.json?.summary], [200, 27, points, summary], `as documented: /reports/${report}`, answer.text);
}
const heatmap = (await status(200, '/reports/conversations.heatmap', '/reports/conversations.heatmap', { token: token({ bot: 2015 }) })).json;
is(heatmap.map((day) => day.slice(0, 2)), [0, 1, 2, 3, 4, 5, 6].map((day) => [0, 1].map((hour) => ({ day, hour, value: day + hour ? 0 : 1, usage: day + hour ? 0 : 100 }))),
  'as documented: /reports/conversations.heatmap');
is((await request('/reports/conversations.interactions', { token: token({ bot: 2016 }) })).json, [
  { name: 'bar', id: '5b07ffafc2376e30306d9b16', usage: 66.67, value: 2 },
  { parentId: '5b07ffafc2376e30306d9b16', type: 'contextFallback', name: 'Fallback Interaction', usage: 33.33, value: 1 },
  { name: 'foo', id: '5b07ff77c2376e30306d9b12', usage: 0, value: 0 },
  { type: 'fallback', name: 'Fallback Interaction', usage: 0, value: 0 },
  { type: 'welcome', name: 'Welcome Interaction', usage: 0, value: 0 }], 'as documented: /reports/conversations.interactions');

for (const [query, arguments_] of [
  ['', ''],
  ['from=2024-07-01&to=2024-07-08&dimension=hour', `"from" => '2024-07-01', "to" => '2024-07-08', dimension => 'hour'`],
  ['period=lastYear&dimension=month&group=source', `period => 'lastYear', dimension => 'month', "group" => 'source'`],
  ['from=2024-01-01&to=2025-01-01&dimension=auto&source=web&tz=Europe/Oslo', `"from" => '2024-01-01', "to" => '2025-01-01', dimension => 'auto', source => 'web', tz => 'Europe/Oslo'`],
  ['from=2024-07-01&to=2024-07-08&source=web&source=app', `"from" => '2024-07-01', "to" => '2024-07-08', source => 'web,app'`],
  ['from=2024-07-01&to=2024-07-08&source[]=web&source[]=app', `"from" => '2024-07-01', "to" => '2024-07-08', source => 'web,app'`],
]) {
  is((await request(`/reports/conversations?${query}`, { token: token({ bot: 1, query }) })).text, json(`chatbot_com.conversations(1${arguments_ && `, ${arguments_}`})`),
    `ChatBot.com: the same as in SQL: ${query}`);
}
await status(400, 'ChatBot.com: unknown period', '/reports/conversations?period=fortnight');
await status(400, 'ChatBot.com: unknown parameter', '/reports/conversations.interactions?dimension=day');
await status(401, 'ChatBot.com: no token', '/reports/conversations', { token: undefined });
await status(404, 'ChatBot.com: unknown report', '/reports/conversations.sum');
await status(404, 'ChatBot.com: no report', '/reports/');

// ---------------------------------------------------------------- LogicDialog

const range = 'dateFrom=2024-04-16T10:57:12.873Z&dateTo=2024-07-01T00:00:00.000Z';
for (const [path, name] of routes.filter((route) => route.startsWith('/api/agent/')).map((route) => [route, sql(`SELECT DISTINCT function FROM kindly_stats.routes() WHERE path = '${route}'`)])) {
  const answer = await request(`${path}?${range}&client=First+%26%20last&resolution=month`, { token: token({ bot: 1, path }) });
  is(answer.text, json(`logicdialog."${name}"('2024-04-16T10:57:12.873Z', '2024-07-01T00:00:00.000Z', 'First & last', 'month')`), `LogicDialog: the same as in SQL: ${path}`);
}
const user = `/api/agent/analytics/user?${range}`;
await status(403, 'LogicDialog: another workspace', `${user}&client=second`);
await status(403, 'LogicDialog: a workspace that there is not', `${user}&client=third`);
await status(400, 'LogicDialog: no workspace', user);
await status(400, 'LogicDialog: unknown resolution', `${user}&client=First+%26+last&resolution=minute`);
await status(401, 'LogicDialog: no token', `${user}&client=First+%26+last`, { token: undefined });
await status(404, 'LogicDialog: unknown endpoint', `/api/agent/analytics/users?${range}&client=First+%26+last`);

// ---------------------------------------------------------------- Ultimate

const exported = (day, bot = 1) => `/api/v1/export/bot/${bot}/${day}`;
const first = await status(200, 'Ultimate: an export', exported('2024-07-01'));
const documents = Array.isArray(first.json) ? first.json : [];
is(documents.length, Number(sql(`SELECT count(*) FROM conversation WHERE bot_id = 1 AND conversation_end_time >= '2024-07-01 00:00Z' AND conversation_end_time < '2024-07-02 00:00Z'`)),
  'it has the conversations that ended on that UTC day');
is(Object.keys(documents[0] ?? {}), ['bot_id', 'bot_name', 'conversation_id', 'platform_conversation_id', 'conversation_start_time', 'conversation_end_time', 'language',
  'channel', 'labels', 'conversations_data', 'test_mode', 'conversation_status', 'last_resolution', 'triggered_replies', 'triggered_intent_replies', 'is_llm_conversation',
  'llm_notUnderstood_count', 'llm_responseGenerated_count', 'llm_errorOccurred_count', 'llm_escalationRequired_count', 'llm_fallback_count', 'bot_messages_count',
  'visitor_messages_count', 'not_understood_messages_count'], 'with the documented properties');
is([documents.every((each) => each.bot_id === '1' && each.bot_name === 'First & last'), typeof documents[0]?.bot_messages_count, typeof documents[0]?.conversations_data],
  [true, 'string', 'string'], 'of the documented types');
is(Object.entries(documents[0]?.triggered_intent_replies?.[0] ?? {}).map(([name, value]) => [name, typeof value]),
  [['intent_timestamp', 'string'], ['intent_id', 'object'], ['intent_name', 'string'], ['not_meaningful', 'boolean']], 'intents are objects');
is([documents.every((each) => each.triggered_intent_replies.every((intent) => new Date(intent.intent_timestamp).getTime() > 0)), documents[0]?.triggered_replies], [true, null], 'with instants');
is((await request(exported('2024-07-01'), { token: token({ bot: 1, again: true }) })).text, first.text, 'and is the same from then on');
is(sql(`SELECT ultimate.export(1, '2024-07-01')`), first.text, 'as it is in SQL');
is((await status(200, 'Ultimate: a day without conversations', exported('2023-07-01'))).json, [], 'is an empty array');
is((await request(exported('2024-07-01'), { token: token({ bot: 1, head: true }), method: 'HEAD' })).text, '', 'Ultimate: HEAD has no body');
await status(400, 'Ultimate: no day', exported('2024-02-30'));
await status(400, 'Ultimate: a day that is not over', exported('2999-01-01'));
await status(400, 'Ultimate: a parameter', `${exported('2024-07-01')}?limit=3`);
await status(403, 'Ultimate: another bot', exported('2024-07-01', 2));
await status(401, 'Ultimate: no token', exported('2024-07-01'), { token: undefined });
await status(404, 'Ultimate: no day at all', '/api/v1/export/bot/1/');

const july = 'from=2024-06-30&to=2024-07-03';
const row = (call) => JSON.parse(sql(`SELECT json_agg(r) FROM ultimate.${call} AS r`));
for (const [path, call] of [
  [`?${july}`, `metrics(1, '2024-06-30', '2024-07-03')`],
  [`?${july}&attribution=start&channels=chat&tz=Europe/Oslo`, `metrics(1, '2024-06-30', '2024-07-03', 'start', 'chat', tz => 'Europe/Oslo')`],
  [`/first-last-intent?${july}`, `first_last_intent(1, '2024-06-30', '2024-07-03')`],
  [`/first-meaningful-intent?${july}&excluded[]=Greeting&excluded[]=intent+1`, `metrics_by_first_meaningful_intent(1, '2024-06-30', '2024-07-03', '{Greeting,intent 1}')`],
  [`/first-meaningful-intent?${july}&excluded=Greeting,intent+1`, `metrics_by_first_meaningful_intent(1, '2024-06-30', '2024-07-03', '{Greeting,intent 1}')`],
  [`/first-meaningful-intent?${july}&excluded[]=%5CGreeting&excluded=intent+1`, `metrics_by_first_meaningful_intent(1, '2024-06-30', '2024-07-03', '{Greeting,intent 1}')`],
  [`/first-meaningful-intent?${july}&excluded[]=Greeting,intent+1`, `metrics_by_first_meaningful_intent(1, '2024-06-30', '2024-07-03')`],
  [`/last-meaningful-intent?${july}&attribution=start`, `metrics_by_last_meaningful_intent(1, '2024-06-30', '2024-07-03', attribution => 'start')`],
]) {
  const answer = await request(`/api/v1/metrics/bot/1${path}`, { token: token({ bot: 1, path }) });
  is([answer.json?.data ?? answer.json].flat(), row(call), `Ultimate: the same as in SQL: metrics${path}`, answer.text);
}
await status(400, 'Ultimate: unknown attribution', `/api/v1/metrics/bot/1?${july}&attribution=middle`);
await status(403, 'Ultimate: metrics of another bot', `/api/v1/metrics/bot/2?${july}`);
await status(403, 'Ultimate: intents of another bot', `/api/v1/metrics/bot/2/first-last-intent?${july}`);
done();
