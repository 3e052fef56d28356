// build.mjs: the OpenAPI document of the documented addresses, which nginx serves at
// /openapi.json, out of the routes that a database with the extension has:
//
//     psql -XqAt -d kindly -f http/openapi/routes.sql | node http/openapi/build.mjs >http/dashboard/openapi.json
//
// Addresses, parameters, lists, defaults and summaries are the database's; what
// parameters mean, and the shapes of answers, are in the files beside this one.  Where
// either knows something that the other does not, there is no document but an error.

import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { answers, described, integer, list, nullable, object, schemas, text, types } from './answers.mjs';
import { needed, parameters, segments } from './parameters.mjs';

const version = /^default_version = '(.*)'$/m.exec(readFileSync(new URL('../../kindly_stats.control', import.meta.url), 'utf8'))[1];
const read = readFileSync(0, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const [routes, functions] = [read.filter(({ native }) => native === undefined), read.filter(({ native }) => native !== undefined)];
const used = new Set();

function one(table, ...names) {
  const found = names.reduce((here, name) => here?.[name], table);
  if (found === undefined) {
    throw new Error(`nothing is known of ${names.join('.')}`);
  }
  used.add(names.join('.'));
  return found;
}

// ---------------------------------------------------------------- parameters

const components = { parameters: {} };

// Those that mean the same wherever they are, under one name.
function shared(name, parameter) {
  components.parameters[name] ??= parameter;
  return isDeepStrictEqual(components.parameters[name], parameter) ? { $ref: `#/components/parameters/${name}` } : parameter;
}

// 'day'::text, 5; what is NULL, or a list without items, is no default.
function defaultOf(expression) {
  const literal = /^'([^{}]*)'::[\w ]+$/.exec(expression)?.[1];
  return literal ?? (/^-?\d+$/.test(expression) ? Number(expression) : undefined);
}

function queryParameter(schema, { name, list, type, default: expression }) {
  const { description, required = false, example, ...rest } = one(parameters, schema, name);
  if (type === null) {
    return { name: list ? `${name}[]` : name, in: 'query', description: 'known, and of no meaning here', schema: {} };
  }
  const initial = defaultOf(expression);
  const value = { ...rest, ...(initial !== undefined && { default: initial }) };
  const one_ = Array.isArray(example) && !list ? example[0] : example;
  return { name: list ? `${name}[]` : name, in: 'query', description: description + (list ? '; may be given several times' : ''), ...(required && { required }),
    ...(list && { style: 'form', explode: true }), schema: list ? { type: 'array', items: value } : value, ...(one_ !== undefined && { example: one_ }) };
}

const pathParameter = (name) => shared(name, { name, in: 'path', required: true, ...one(segments, name) });

// ---------------------------------------------------------------- answers

const header = (description, schema = text) => ({ description, schema });
const retry = { 'Retry-After': header('seconds to wait, where it is known how many; Sage\'s addresses do not say', integer) };
const failure = (description, headers) => ({ description, ...(headers && { headers }), content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } });

components.responses = {
  NotModified: { description: 'the answer is the one that If-None-Match names', headers: { ETag: header('its validator') } },
  BadRequest: failure('a parameter is unknown, missing or makes no sense'),
  Unauthorized: failure('no token or key, or one that is not valid', { 'WWW-Authenticate': header('Bearer, and what is wrong with what was sent') }),
  Forbidden: failure('the token or key is another bot\'s'),
  NotFound: failure('nothing is at this address'),
  Conflict: failure('this cannot be answered as things are'),
  TooManyRequests: failure('too many requests', retry),
  Failure: failure('a failure; its cause is in the logs', retry),
  Other: failure('any other error has the same shape'),
};
const failures = (names) => Object.fromEntries(names.map(([status, name]) => [status, { $ref: `#/components/responses/${name}` }]));
const usual = [['400', 'BadRequest'], ['401', 'Unauthorized'], ['403', 'Forbidden'], ['404', 'NotFound'], ['409', 'Conflict'], ['429', 'TooManyRequests'],
  ['500', 'Failure'], ['502', 'Failure'], ['503', 'Failure'], ['504', 'Failure'], ['default', 'Other']];
const answer = (description, schema, example, headers) => ({ description, ...(headers && { headers }), content: { 'application/json': { schema, ...(example !== undefined && { example }) } } });
const validated = { ETag: header('changes with the answer; send it back as If-None-Match'), 'Cache-Control': header('private, no-cache') };

// ---------------------------------------------------------------- addresses

const tags = { sage: 'Sage', chatbot_com: 'ChatBot.com', logicdialog: 'LogicDialog', ultimate: 'Ultimate' };
const condition = shared('If-None-Match', { name: 'If-None-Match', in: 'header', description: 'validators (ETag) of answers that are known', schema: text, example: 'W/"3e1831342420c798de74d80485defef9"' });
const paths = {};

// What a comment says of SQL is not for readers of this: the first line alone is.
const sentence = (comment) => { const [line] = comment.split('\n'); return line[0].toUpperCase() + line.slice(1); };

for (const { path, schema, function: name, comment, parameters: known } of routes) {
  const [shape, example] = one(answers, schema, name);
  paths[path.replace(/:(\w+)/g, '{$1}')] = { get: {
    operationId: `${schema}_${name}`,
    tags: [one(tags, schema)],
    summary: sentence(comment),
    parameters: [...[...path.matchAll(/:(\w+)/g)].map(([, each]) => pathParameter(each)),
      ...known.map((each) => shared(`${schema}.${each.name}`, queryParameter(schema, each))), condition],
    responses: { 200: answer('the statistics', shape, example, validated), 304: { $ref: '#/components/responses/NotModified' }, ...failures(usual) },
  } };
}

// PostgREST's own way, by GET, as JSON.
for (const { native: name, comment, answers: type, parameters: known, columns } of functions) {
  const required = [...(needed[name] ?? []), ...(known.some((each) => each.name === 'period') ? [] : ['from', 'to'])];
  const shape = columns === null ? {} : list(object(Object.fromEntries(columns.map((each) => [each.name, nullable(one(types, each.type))]))));
  const found = type.endsWith('"image/svg+xml"') ? { description: 'the picture', content: { 'image/svg+xml': { schema: text } } } : answer('the statistics', shape);
  paths[`/api/native/rpc/${name}`] = { get: {
    operationId: `kindly_api_${name}`, tags: ['Native'], summary: sentence(comment), description: comment.split('\n').slice(1).join('\n').trim(),
    parameters: known.map((each) => {
      const parameter = queryParameter('native', { ...each, list: false });
      return shared(`native.${each.name}`, required.includes(each.name) ? { ...parameter, required: true } : parameter);
    }),
    responses: { 200: found, ...failures(usual) }, security: [{ token: [] }],
  } };
}

paths['/api/v2/bot/{bot}/sage/auth'] = { get: {
  operationId: 'auth', tags: ['Sage'], summary: 'Gives a token for an API key', security: [{ key: [] }], parameters: [pathParameter('bot')],
  responses: { 200: answer('a token', object({ jwt: described('the token, a JWT', { type: 'string', pattern: '^[\\w-]+\\.[\\w-]+\\.[\\w-]+$' }), ttl: described('seconds that it lives', integer) })), ...failures(usual.filter(([status]) => status !== '409')) },
} };
paths['/health'] = { get: {
  operationId: 'health', tags: ['Service'], summary: 'Says whether the statistics are right, as far as is known', security: [],
  responses: { 200: answer('nothing is known to be wrong', object({ status: { type: 'string', const: 'ok' } })),
    503: { description: 'so many faults are known, or the database cannot be asked', headers: retry, content: { 'application/json': { schema: { anyOf: [
      object({ status: { type: 'string', const: 'error' }, errors: described('how many', integer) }), { $ref: '#/components/schemas/Error' }] } } } },
    ...failures([['429', 'TooManyRequests'], ['500', 'Failure'], ['502', 'Failure'], ['504', 'Failure'], ['default', 'Other']]) },
} };

// ---------------------------------------------------------------- the document

for (const [kind, table] of [['an answer', answers], ['a parameter', parameters]]) {
  for (const [schema, names] of Object.entries(table)) {
    for (const name of Object.keys(names).filter((each) => !used.has(`${schema}.${each}`))) {
      throw new Error(`there is no ${schema}.${name} that ${kind} is known of`);
    }
  }
}

console.log(JSON.stringify({
  openapi: '3.1.0',
  info: { title: 'kindly_stats', version, summary: 'Chatbot statistics as Sage, ChatBot.com, LogicDialog and Ultimate document them',
    description: 'Statistics of one bot, that of the key or the token.  Sage\'s addresses accept each other\'s parameters, and do not read them.  HEAD goes wherever GET does.  Lists may be written with or without brackets, once or several times.', license: { name: 'PostgreSQL License', identifier: 'PostgreSQL' } },
  servers: [{ url: '/', description: 'where this document is' }],
  security: [{ token: [] }, { key: [] }],
  tags: [...Object.values(tags).map((name) => ({ name, description: `The addresses that ${name} documents` })), { name: 'Native', description: 'PostgREST\'s own way, of what no document has: rows, which select, order, limit, offset and filters on columns choose from, and Accept has as CSV' },
    { name: 'Service', description: 'For operators' }],
  paths,
  components: { securitySchemes: {
    token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'a token that an API key was exchanged for' },
    key: { type: 'http', scheme: 'bearer', description: 'an API key, to get a token with or in its place' },
  }, schemas, ...components },
}, null, 1));
