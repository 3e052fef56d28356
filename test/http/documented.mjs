// documented.mjs: every request that Sage's documentation has, as it has it: the
// line for curl is run by a shell, with its host, bot, key and token put in.

import { execFileSync } from 'node:child_process';
import { apiKey, base, compare, done, is, ok, sql } from './lib.mjs';

const line = (path) => `curl --request GET \\
--url 'https://sage.kindly.ai/api/v1/stats/bot/<BOT_ID>/${path}' \\
--header 'authorization: Bearer <JWT>'`;

function curl(text, bot, credential) {
  const command = text
    .replace(/https:\/\/(sage|api)\.kindly\.ai/, base)
    .replace('<BOT_ID>', bot)
    .replace(/<JWT>|<API_KEY>/, credential);
  const answer = JSON.parse(execFileSync('sh', ['-c', command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  compare(/'http:\/\/[^/]+(\/[^']*)'/.exec(command)[1], answer.code === undefined ? 200 : 400, answer);
  return answer;
}

function jwt(bot) {
  return curl(`curl --request GET \\
--url 'https://api.kindly.ai/api/v2/bot/<BOT_ID>/sage/auth' \\
--header 'authorization: Bearer <API_KEY>'`, bot, apiKey(bot)).jwt;
}

// ---------------------------------------------------------------- the documented answers

const days = (first, fields) => fields.map((field, n) => {
  const date = new Date(Date.parse(`${first}T00:00:00Z`) + n * 86400e3).toISOString().slice(0, 10);
  return { ...field, date: `${date}T00:00:00.000000` };
});

// The document's counts of fallbacks are these divided by ten.
const fallbacks = [
  [1776, 0.12132805028009291], [1618, 0.1207012308839985], [1383, 0.09981955972573078],
  [1497, 0.10669992872416251], [1144, 0.10400945540503682], [948, 0.10891544117647059]];
const handovers = [[40, 58, 0, 44], [27, 40, 0, 28], [35, 44, 0, 35], [55, 88, 0, 55], [64, 86, 0, 65], [0, 0, 2, 0], [0, 0, 1, 0]];

const examples = [
  [2009, 'meta/options', {
    first: '2019-04-28T07:22:52.825000', last: '2019-09-04T06:48:41.100000',
    language_codes: ['en', 'nb'], sources: ['app', 'test', 'web'], granularities: ['hour', 'day', 'week'] }],
  [2001, 'sessions/chats?from=2019-07-01&to=2019-07-07', days('2019-07-01', [485, 434, 459, 446, 355, 283].map((count) => ({ count })))],
  [2001, 'sessions/messages?from=2019-07-01&to=2019-07-07', days('2019-07-01', [1661, 1507, 1563, 1572, 1227, 964].map((count) => ({ count })))],
  [2002, 'fallbacks/series?from=2019-07-01&to=2019-07-07', days('2019-07-01', fallbacks.map(([count, rate]) => ({ count, rate })))],
  [2002, 'fallbacks/total?from=2019-07-01&to=2019-07-07', { count: 8366, rate: 0.11061601724160727 }],
  [2003, 'chatbubble/pages?from=2019-07-01&to=2019-07-07', [
    { messages: 1615, sessions: 465, web_host: 'www.example.com', web_path: '/' },
    { messages: 1512, sessions: 428, web_host: 'www.example.no', web_path: '/' },
    { messages: 784, sessions: 264, web_host: 'www.example.com', web_path: '/page' }]],
  [2004, 'takeovers/series?from=2019-09-16&to=2019-09-23', days('2019-09-16',
    handovers.map(([ended, requests, requests_while_closed, started]) => ({ ended, requests, requests_while_closed, started })))],
  [2005, 'takeovers/totals?from=2019-09-16&to=2019-09-23', { ended: 44, requests: 79, requests_while_closed: 3, started: 47 }],
  [2006, 'feedback/summary?from=2019-09-16&to=2019-09-23', {
    binary: [{ count: 50, rating: 1, ratio: 0.5 }, { count: 50, rating: 2, ratio: 0.5 }],
    emojis: [1, 2, 3].map((rating) => ({ count: 0, rating, ratio: 0.0 })) }],
  [2007, 'buttons/most_clicked?from=2019-09-16&to=2019-09-23', [
    ['9d09d898-90d5-4ba9-879c-7faa0f3ec629', 'quick_reply', 46, '6a6de8f8-724d-4dc3-adcb-0b30373cfb3b', 0.12234042553191489],
    ['6b0c5cc7-d612-4f1e-bfd9-6057130146f3', 'dialogue_trigger', 26, '6a6de8f8-724d-4dc3-adcb-0b30373cfb3b', 0.06914893617021277],
    ['a75a41b7-0132-4c0c-9cf7-82cb500c8af9', 'dialogue_trigger', 23, '6a6de8f8-724d-4dc3-adcb-0b30373cfb3b', 0.061170212765957445],
    ['17b666ac-0276-478b-a626-8659a90a1a25', 'quick_reply', 20, 'c4aaf069-a0b0-4eb1-ba65-81f46f8c8ecc', 0.05319148936170213],
    ['4f85b25b-b793-4d20-9479-3c2c5b224ebf', 'dialogue_trigger', 17, '72f96a8f-4aaf-4ac2-bb73-1cbec8f2aa57', 0.04521276595744681],
  ].map(([button_id, button_type, count, dialogue_id, ratio]) => ({ button_id, button_type, count, dialogue_id, ratio }))],
  [2008, 'chatlabels/added?from=2019-09-16&to=2019-09-23', [
    { count: 5, label_id: '35bf04c0-392d-46a0-a741-4d660134d461', label_text: 'Some label' },
    { count: 2, label_id: '50e57dca-9045-46bf-93d4-55de77795444', label_text: 'Another label' },
    { count: 2, label_id: '2e08978f-24f0-4207-97c0-8945e19b751e', label_text: 'Label 3' }]],
];

const tokens = {};
for (const [bot, path, data] of examples) {
  tokens[bot] ??= jwt(bot);
  is(curl(line(path), bot, tokens[bot]), { data }, `as documented: ${path}`);
}
ok(/^[\w-]+\.[\w-]+\.[\w-]+$/.test(tokens[2001]), 'the key was exchanged for a JWT');
is(curl(line('sessions/messages?from=2019-01-01&to=2019-02-01'), 2001, tokens[2001]),
  { data: days('2019-01-01', Array(31).fill({ count: 0 })) }, 'as documented: the request to test a new token');

// ---------------------------------------------------------------- what the text says of parameters

const ask = (path) => curl(line(path), 2001, tokens[2001]).data;
const asked = (call) => JSON.parse(sql(`SELECT sage.${call} -> 'data'`));
const range = 'from=2019-07-01&to=2019-07-07';
const arguments_ = `2001, '2019-07-01', '2019-07-07'`;

// The same in SQL; nothing may be the same as without the parameter.
const plain = ask(`sessions/messages?${range}`);
for (const [query, rest] of [
  ['tz=Europe/Oslo', `tz => 'Europe/Oslo'`],
  ['tz=America/Los_Angeles', `tz => 'America/Los_Angeles'`],
  ['tz=America%2FLos_Angeles&granularity=hour', `tz => 'America/Los_Angeles', granularity => 'hour'`],
  ['granularity=hour', `granularity => 'hour'`],
  ['granularity=week', `granularity => 'week'`],
  ['sources[]=web&sources[]=app', `sources => 'web,app'`],
  ['sources[]=-test', `sources => '-test'`],
  ['sources%5B%5D=web&sources%5b%5d=app', `sources => 'web,app'`],
  ['language_code[]=en&language_code[]=nb', `language_codes => 'en,nb'`],
  ['language_codes[]=en&language_codes[]=nb', `language_codes => 'en,nb'`],
  ['language_codes[]=en&sources[]=-test&tz=Europe/Oslo', `language_codes => 'en', sources => '-test', tz => 'Europe/Oslo'`],
]) {
  const answer = ask(`sessions/messages?${range}&${query}`);
  is(answer, asked(`sessions_messages(${arguments_}, ${rest})`), `parameters: ${query}`);
  ok(JSON.stringify(answer) !== JSON.stringify(plain), `they matter: ${query}`);
}
is(ask(`sessions/messages?${range}&granularity=day&tz=UTC`), plain, 'granularity is day and tz is UTC unless otherwise specified');

const limited = (bot, path) => curl(line(path), bot, tokens[bot]).data.length;
is([limited(2003, 'chatbubble/pages?from=2019-07-01&to=2019-07-07&limit=10'), limited(2007, 'buttons/most_clicked?from=2019-09-16&to=2019-09-23&limit=10'),
  limited(2008, 'chatlabels/added?from=2019-09-16&to=2019-09-23&limit=2')], [4, 10, 2], 'limit requests more, or less');
is(curl(line(`sessions/messages?from=2019-07-01&to=2019-07-09&granularity=hour`), 2001, tokens[2001]).code, '22023',
  'hour granularity is only allowed for a week or less');
done();
