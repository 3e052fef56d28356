// openapi.mjs: the OpenAPI document is what the database has, what validators take,
// what the servers do, and what a client can be made from.  That answers are as it says
// is seen in all programs: see compare() in lib.mjs.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { apiKey, base, done, is, ok, request, sql, token } from './lib.mjs';
import { addresses, addressOf, own, questions, resolved } from './questions.mjs';
import { differenceOf, document } from './schema.mjs';

const require = createRequire(import.meta.url);
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const file = readFileSync(here('../../http/dashboard/openapi.json'), 'utf8');
const routes = sql(readFileSync(here('../../http/openapi/routes.sql'), 'utf8'));

// ---------------------------------------------------------------- it is what the database has

is(execFileSync(process.execPath, [here('../../http/openapi/build.mjs')], { input: routes, encoding: 'utf8' }), file,
  'the document is the one that this database makes; if not, http/openapi/build.mjs says how to make it');
const served = await request('/openapi.json');
is([served.status, served.text, served.headers['content-type']], [200, file, 'application/json; charset=utf-8'], 'it is served as it is, to everybody');
is([(await request('/openapi.json', { headers: { 'If-None-Match': served.headers.etag } })).status, (await request('/openapi.json', { method: 'HEAD' })).status,
  (await request('/openapi.json', { method: 'POST', body: '' })).status], [304, 200, 405], 'as a file that can be kept');

const spelt = sql(`SELECT DISTINCT regexp_replace(path, ':(\\w+)', '{\\1}', 'g') || coalesce(' ' || parameter || CASE WHEN is_list THEN '[]' ELSE '' END, '') AS each FROM kindly_stats.routes()`).split('\n');
const described = addresses.flatMap(([path, { get }]) => {
  const names = get.parameters.map(resolved).filter((each) => each.in === 'query').map(({ name }) => `${path} ${name}`);
  return names.length === 0 ? [path] : names;
});
is(described.sort(), spelt.sort(), `it has all ${spelt.length} addresses and parameters, and no others`);

is(own.map(([path]) => path.split('/').at(-1)).sort(), sql(`SELECT p.proname FROM pg_proc AS p WHERE p.pronamespace = 'kindly_api'::regnamespace AND p.provolatile <> 'v' AND has_function_privilege('kindly_api_user', p.oid, 'EXECUTE')
  AND p.proname NOT IN ('auth', 'exchange', 'health', 'request', 'token')`).split('\n').sort(), `and all ${own.length} functions that PostgREST answers for GET its own way`);

// ---------------------------------------------------------------- validators

const { Validator } = await import('@seriousme/openapi-schema-validator');
const verdict = await new Validator().validate(structuredClone(document));
is([verdict.valid, verdict.errors], [true, undefined], 'a validator takes it: @seriousme/openapi-schema-validator');
const { createConfig, lintFromString } = require('@redocly/openapi-core');
const problems = await lintFromString({ source: file, absoluteRef: 'openapi.json', config: await createConfig({ extends: ['recommended'] }) });
is(problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`).slice(0, 10), [], 'and another, with all that it recommends: @redocly/openapi-core');

// ---------------------------------------------------------------- its parameters are what the servers take

const jwt = token({ bot: 1 });
const wrong = [];
for (const { wanted, what, address } of questions) {
  const { status } = await request(address, { token: jwt });
  if (status !== wanted) {
    wrong.push(`${what}: ${status}`);
  }
}
const misshapen = [];
for (const [path, { get }] of own) {
  const answered = await request(addressOf(path, get.parameters.map(resolved).filter(({ required }) => required)), { token: jwt });
  const difference = answered.status !== 200 ? answered.text : get.responses[200].content['application/json'] === undefined ? '' : differenceOf(path, 200, answered.json);
  if (difference !== '') {
    misshapen.push(`${path}: ${difference}`);
  }
}
is(misshapen, [], 'rows of functions are as described');
is(wrong, [], `${questions.length} questions: each parameter and each of its values is taken, and required is what cannot be left out`);
ok(differenceOf('/health', 200, { status: 'ok', more: 1 }) !== '' && differenceOf('/health', 200, { status: 'bad' }) !== '' && differenceOf('/health', 200, {}) !== '', 'an answer of another shape would be noticed');

// ---------------------------------------------------------------- a client

const generated = here('generated');
rmSync(generated, { recursive: true, force: true });
mkdirSync(generated);
const { default: openapiTS, astToString } = await import('openapi-typescript');
writeFileSync(`${generated}/openapi.d.ts`, astToString(await openapiTS(file)));
let compiler = '';
try {
  execFileSync(process.execPath, [here('node_modules/typescript/bin/tsc'), '--strict', '--target', 'es2022', '--module', 'nodenext', '--lib', 'es2022,dom', '--outDir', generated, here('generate.mts')],
    { encoding: 'utf8', stdio: 'pipe' });
} catch (error) {
  compiler = error.stdout;
}
is(compiler, '', 'a client that openapi-typescript makes compiles, and mistakes do not');
const answer = JSON.parse(execFileSync(process.execPath, [`${generated}/generate.mjs`, base, '1', apiKey(1), 'First & last'], { encoding: 'utf8' }));
const value = (text) => JSON.parse(sql(text));
is(answer, {
  counts: value(`SELECT json_agg(e -> 'count') FROM json_array_elements(sage.sessions_chats(1, '2024-07-01', '2024-07-07', 'Europe/Oslo', sources => 'web,app') -> 'data') AS e`),
  first: '2024-07-01T00:00:00.000000',
  hosts: value(`SELECT json_agg(e -> 'web_host') FROM json_array_elements(sage.chatbubble_pages(1, '2024-07-01', '2024-07-07', "limit" => 2) -> 'data') AS e`),
  total: value(`SELECT chatbot_com.conversations(1, '2024-07-01', '2024-07-07') -> 'summary' -> 'total'`),
  created: value(`SELECT json_agg(e -> 'created') FROM json_array_elements(logicdialog."user"('2024-07-01', '2024-07-07', 'First & last', 'week') -> 'data') AS e`),
  rate: value(`SELECT to_json(bot_handled_rate) FROM ultimate.metrics(1, '2024-07-01', '2024-07-07', channels => 'chat')`),
  ids: value(`SELECT json_array_length(ultimate.export(1, '2024-07-01'))`),
  fit: 'ok', known: 304, wrong: 400, message: 'time zone "Nowhere" is not known',
}, 'and is answered');
done();
