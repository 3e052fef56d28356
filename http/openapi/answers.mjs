// answers.mjs: the shapes of answers, by schema and function, with an example where
// the documents have one.  Members are the documented ones and no others.

import { readFileSync } from 'node:fs';

// ---------------------------------------------------------------- words

export const integer = { type: 'integer', format: 'int64' };
export const number = { type: 'number' };
export const text = { type: 'string' };
export const boolean = { type: 'boolean' };
export const list = (items, rest = {}) => ({ type: 'array', items, ...rest });
export const object = (properties, optional = []) => ({ type: 'object', additionalProperties: false,
  required: Object.keys(properties).filter((name) => !optional.includes(name)), properties });
export const nullable = (schema) => ({ ...schema, type: [schema.type].flat().concat('null'), ...(schema.enum && { enum: [...schema.enum, null] }) });
export const described = (description, schema) => ({ ...schema, description });
const ref = (name) => ({ $ref: `#/components/schemas/${name}` });

const day = '\\d{4}-\\d{2}-\\d{2}';
const local = described('the local start of the bucket', { type: 'string', pattern: `^${day}T\\d{2}:\\d{2}:\\d{2}\\.\\d{6}$`, examples: ['2019-07-01T00:00:00.000000'] });
const utc = described('an instant in UTC', { type: 'string', pattern: `^${day}T\\d{2}:\\d{2}:\\d{2}\\.\\d{6}$`, examples: ['2019-04-28T07:22:52.825000'] });
const start = described('the first instant of the bucket', { type: 'string', pattern: `^${day}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$`, examples: ['2019-03-17T00:00:00.000Z'] });
const exact = { type: 'string', pattern: `^${day}T\\d{2}:\\d{2}:\\d{2}\\.\\d{6}Z$`, examples: ['2024-10-27T00:10:00.000001Z'] };
const asAsked = 'as the parameter takes them: with a backslash before one that is empty or begins with a minus or a backslash';
const ratio = described('a part of 1', { type: 'number', minimum: 0, maximum: 1 });

// ---------------------------------------------------------------- shapes with names

const points = { data: list(object({ date: start, value: number })), summary: ref('Summary') };

export const schemas = {
  Error: described('what every error has', object({
    code: described('PT and the status, a SQLSTATE, or a code of PostgREST', text), details: nullable(text), hint: described('what to do about it', nullable(text)), message: text })),
  Summary: described('of the points as they are shown', object({ total: number, min: number, max: number, avg: number })),
  Points: object(points),
  PointsBySource: object({ data: list(object({ source: nullable(text), ...points })), summary: ref('Summary') }),
  PointsByStory: object({ data: list(object({ storyId: text, ...points })), summary: ref('Summary') }),
};

// ---------------------------------------------------------------- Sage

const count = object({ count: integer, date: local });
const handovers = { ended: integer, requests: integer, requests_while_closed: integer, started: integer };
const rating = (highest) => list(object({ count: integer, rating: { type: 'integer', minimum: 1, maximum: highest }, ratio }), { minItems: highest, maxItems: highest });
const data = (schema) => object({ data: schema });

const sage = {
  meta_options: [data(object({ first: nullable(utc), last: nullable(utc), language_codes: described(asAsked, list(text)), sources: described(asAsked, list(text)), granularities: list({ type: 'string', enum: ['hour', 'day', 'week'] }) })),
    { data: { first: '2019-04-28T07:22:52.825000', last: '2019-09-04T06:48:41.100000', language_codes: ['en', 'nb'], sources: ['app', 'test', 'web'], granularities: ['hour', 'day', 'week'] } }],
  sessions_chats: [data(list(count)), { data: [{ count: 485, date: '2019-07-01T00:00:00.000000' }, { count: 434, date: '2019-07-02T00:00:00.000000' }] }],
  sessions_messages: [data(list(count)), { data: [{ count: 1661, date: '2019-07-01T00:00:00.000000' }, { count: 1507, date: '2019-07-02T00:00:00.000000' }] }],
  fallbacks_series: [data(list(object({ count: integer, date: local, rate: ratio }))), { data: [{ count: 1776, date: '2019-07-01T00:00:00.000000', rate: 0.12132805028009291 }] }],
  fallbacks_total: [data(object({ count: integer, rate: ratio })), { data: { count: 8366, rate: 0.11061601724160727 } }],
  chatbubble_pages: [data(list(object({ messages: integer, sessions: integer, web_host: nullable(text), web_path: nullable(text) }))),
    { data: [{ messages: 1615, sessions: 465, web_host: 'www.example.com', web_path: '/' }] }],
  takeovers_series: [data(list(object({ date: local, ...handovers }))), { data: [{ date: '2019-09-16T00:00:00.000000', ended: 40, requests: 58, requests_while_closed: 0, started: 44 }] }],
  takeovers_totals: [data(object(handovers)), { data: { ended: 44, requests: 79, requests_while_closed: 3, started: 47 } }],
  feedback_summary: [data(object({ binary: rating(2), emojis: rating(3) })),
    { data: { binary: [{ count: 50, rating: 1, ratio: 0.5 }, { count: 50, rating: 2, ratio: 0.5 }], emojis: [1, 2, 3].map((each) => ({ count: 0, rating: each, ratio: 0 })) } }],
  buttons_most_clicked: [data(list(object({ button_id: nullable(text), button_type: nullable(text), count: integer, dialogue_id: nullable(text), ratio }))),
    { data: [{ button_id: '9d09d898-90d5-4ba9-879c-7faa0f3ec629', button_type: 'quick_reply', count: 46, dialogue_id: '6a6de8f8-724d-4dc3-adcb-0b30373cfb3b', ratio: 0.12234042553191489 }] }],
  chatlabels_added: [data(list(object({ count: integer, label_id: nullable(text), label_text: nullable(text) }))),
    { data: [{ count: 5, label_id: '35bf04c0-392d-46a0-a741-4d660134d461', label_text: 'Some label' }] }],
};

// ---------------------------------------------------------------- ChatBot.com

const reports = [{ anyOf: [ref('Points'), ref('PointsBySource'), ref('PointsByStory')] },
  { data: [{ date: '2019-03-17T00:00:00.000Z', value: 1 }], summary: { total: 1, min: 1, max: 1, avg: 1 } }];
const percent = described('a percentage', { type: 'number', minimum: 0, maximum: 100 });

const chatbot_com = {
  conversations: reports,
  conversations_paid: reports,
  conversations_messages: reports,
  conversations_avg: reports,
  conversations_heatmap: [list(list(object({ day: described('0 is Sunday', { type: 'integer', minimum: 0, maximum: 6 }), hour: { type: 'integer', minimum: 0, maximum: 23 }, value: integer, usage: percent }),
    { minItems: 24, maxItems: 24 }), { minItems: 7, maxItems: 7 })],
  conversations_interactions: [list(object({ parentId: text, type: text, name: text, id: text, usage: percent, value: integer }, ['parentId', 'type', 'name', 'id'])),
    [{ name: 'bar', id: '5b07ffafc2376e30306d9b16', usage: 66.67, value: 2 },
      { parentId: '5b07ffafc2376e30306d9b16', type: 'contextFallback', name: 'Fallback Interaction', usage: 33.33, value: 1 }]],
};

// ---------------------------------------------------------------- LogicDialog

const asked = (schema) => object({ dateFrom: described('the start of the first bucket', start), dateTo: described('the exclusive end of the last bucket', start), client: text,
  resolution: { type: 'string', enum: ['hour', 'day', 'week', 'month', 'quarter'] }, data: schema });
const series = (members) => asked(list(object({ date: start, ...members })));
const users = (name) => list(object({ ...name, users: integer }));
const times = { interventions: integer, averageSeconds: nullable(number), seconds: number };

const shapes = {
  user: series({ created: integer, active: integer }),
  nlp: series({ matched: integer, unmatched: integer }),
  message: series({ messages: integer }),
  active_channel: series({ channels: list(object({ channel: nullable(text), users: integer, messages: integer })) }),
  message_groups: series({ topics: list(object({ topic: text, messages: integer })) }),
  sentiment: series({ positive: integer, negative: integer, neutral: integer }),
  events: asked(list(object({ event: text, count: integer }))),
  user_detail: asked(object({ channel: users({ name: nullable(text) }), country: users({ name: text }), language: users({ name: nullable(text) }),
    rating: users({ ratingType: nullable(text), rating: described('a text where the table has texts', { type: ['number', 'string', 'null'] }) }) })),
  response: asked(list(object({ response: text, views: integer, likes: integer, dislikes: integer, triggers: object({ button: integer, naturalLanguage: integer }) }))),
  url_tracking: asked(list(object({ url: text, clicks: integer }))),
  blocks: series({ responses: list(object({ response: text, views: integer })) }),
  intervention: series({ interventions: integer }),
  intervention_average_time_by_agent_series: series({ agents: list(object({ agent: nullable(text), ...times })) }),
  intervention_detail: asked(list(object({ channel: nullable(text), topic: nullable(text), outcome: nullable(text), interventions: integer }))),
  intervention_average_time: asked(object(times)),
  active_user_language: series({ languages: list(object({ language: nullable(text), users: integer, messages: integer })) }),
};

// The examples of the page that describes them: a question, and the answer to it.
const page = readFileSync(new URL('../../doc/logicdialog.md', import.meta.url), 'utf8');
const examples = Object.fromEntries([...page.matchAll(/```sql\nSELECT logicdialog\."?(\w+)"?\(.*\n```\n\n```json\n([^`]*)```/g)].map(([, name, answer]) => [name, JSON.parse(answer)]));
const logicdialog = Object.fromEntries(Object.entries(shapes).map(([name, schema]) => [name, [schema, examples[name]]]));

// ---------------------------------------------------------------- Ultimate

const digits = described('a number', { type: 'string', pattern: '^-?\\d+$' });
const nullables = (members) => Object.fromEntries(Object.entries(members).map(([name, schema]) => [name, nullable(schema)]));
const conversation = nullables({
  bot_name: text, platform_conversation_id: text, conversation_start_time: exact, language: text, channel: text, labels: list(nullable(text)),
  conversations_data: described('the text of a JSON object', text), test_mode: boolean, conversation_status: text, last_resolution: text,
  triggered_replies: list(object(nullables({ reply_timestamp: exact, reply_id: text, reply_name: text, reply_type: text, intent_id: text }))),
  triggered_intent_replies: list(object(nullables({ intent_timestamp: exact, intent_id: text, intent_name: text, not_meaningful: boolean }))), is_llm_conversation: boolean,
  llm_notUnderstood_count: digits, llm_responseGenerated_count: digits, llm_errorOccurred_count: digits, llm_escalationRequired_count: digits, llm_fallback_count: digits,
  bot_messages_count: digits, visitor_messages_count: digits, not_understood_messages_count: digits,
});
const rate = described('a part of 1; null where there is nothing to be a part of', { type: ['number', 'null'], minimum: 0, maximum: 1 });
const byIntent = (name) => [data(list(object({ [name]: text, total_conversations: integer, bot_handled_rate: rate }))), { data: [{ [name]: 'Where is my parcel', total_conversations: 12, bot_handled_rate: 0.75 }] }];

const ultimate = {
  export: [list(object({ bot_id: text, conversation_id: text, conversation_end_time: exact, ...conversation }))],
  metrics: [data(object({ total_conversations: integer, bot_handled_conversations: integer, bot_handled_rate: rate, deflection_rate: rate, escalation_rate: rate, failed_escalation_rate: rate,
    informed_rate: rate, automation_rate: rate, messages_understood_rate: rate })),
  { data: { total_conversations: 4, bot_handled_conversations: 3, bot_handled_rate: 0.75, deflection_rate: 0.75, escalation_rate: 0.25, failed_escalation_rate: 0, informed_rate: 0.5, automation_rate: 0.75,
    messages_understood_rate: null } }],
  first_last_intent: [data(list(object({ conversation_id: text, first_intent: nullable(text), last_intent: nullable(text) }))), { data: [{ conversation_id: 'f47ac10b', first_intent: 'Greeting', last_intent: null }] }],
  metrics_by_first_meaningful_intent: byIntent('first_meaningful_intent'),
  metrics_by_last_meaningful_intent: byIntent('last_meaningful_intent'),
};

export const answers = { sage, chatbot_com, logicdialog, ultimate };

// Of columns, by the type that PostgreSQL has for them.
export const types = {
  text, integer: { type: 'integer' }, bigint: integer, 'double precision': number, boolean,
  'text[]': list(nullable(text)),
  date: described('a local date', { type: 'string', format: 'date' }),
  'timestamp without time zone': described('what the local clock shows', { type: 'string', pattern: `^${day}T\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?$` }),
  'timestamp with time zone': described('an instant', { type: 'string', pattern: `^${day}T\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?[+-]\\d{2}:\\d{2}$` }),
};
