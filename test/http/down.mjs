// down.mjs: what changes while the servers run: the secret is another one, a
// function breaks, the database is away and back, PostgREST is away and stays so.

import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { apiKey, done, faultOf, is, ok, request, sql, stats, token } from './lib.mjs';
import { systems, wrongWith } from './words.mjs';

const path = stats(1, 'meta/options');
const database = process.env.PGDATABASE;

function elsewhere(text) {
  process.env.PGDATABASE = 'postgres';
  sql(text);
  process.env.PGDATABASE = database;
}

async function until(status, jwt) {
  let answer;
  for (let tries = 0; tries < 300; tries += 1) {
    answer = await request(path, { token: jwt });
    if (answer.status === status) {
      break;
    }
    await pause(200);
  }
  return answer;
}

// The same error at every documented address, with a token and with keys, one of which
// nginx may have kept.
async function everywhere(expected, jwt, keys) {
  for (const [system, [address]] of Object.entries(systems)) {
    for (const [name, credential] of [...Object.entries(keys), ...(system === 'Sage\'s keys' ? [] : [['a token', jwt]])]) {
      const answer = await request(address, { token: credential });
      is([answer.status, wrongWith(system, answer)], [expected, ''], `${expected}: ${system}, with ${name}`, answer.text, JSON.stringify(answer.headers));
    }
  }
}

const pid = Number(readFileSync(`${process.env.KINDLY_RUN}/postgrest.pid`, 'utf8'));

// ---------------------------------------------------------------- another secret

const earlier = token({ bot: 1 });
const key = apiKey(1);
is([(await request(path, { token: earlier })).status, (await request(path, { token: key })).status], [200, 200], 'a token of the first secret, and a key');
const secret = sql('SELECT kindly_stats.rotate_signing_secret() \\g /dev/null\nSELECT kindly_stats.signing_secret()');
const jwt = (await request('/api/v2/bot/1/sage/auth', { token: apiKey(1) })).json.jwt;
is((await request(path, { token: jwt })).status, 401, 'the second is not known to PostgREST yet');
const unlucky = await request(path, { token: apiKey(1) });
is([unlucky.status, wrongWith('Sage', unlucky), unlucky.json?.message], [503, '', 'the statistics cannot be read at the moment'], '503: a good key is not told that it is none', unlucky.text);
const file = `${process.env.KINDLY_RUN}/postgrest.conf`;
writeFileSync(file, readFileSync(file, 'utf8').replace(/^jwt-secret = .*/m, `jwt-secret = "${secret}"`));
process.kill(pid, 'SIGUSR2');
is((await until(200, jwt)).status, 200, 'until it reads its configuration again');
is((await request(path, { token: earlier })).status, 401, 'and knows the first no longer');
is((await until(200, key)).status, 200, 'the key is good still');
sql('CREATE TABLE kept AS SELECT * FROM kindly_stats.api_secret; DELETE FROM kindly_stats.api_secret');
for (const [system, [address]] of Object.entries(systems)) {
  const answer = await request(address, { token: apiKey(1) });
  is([answer.status, wrongWith(system, answer)], [500, ''], `500: ${system}: there is no secret`, answer.text);
}
sql('INSERT INTO kindly_stats.api_secret SELECT * FROM kept; DROP TABLE kept');

// ---------------------------------------------------------------- a broken function

for (const [status, state, message] of [[500, 'XX000', 'the server failed to answer'], [500, '58030', 'the server failed to answer'],
  [500, '57014', 'the server failed to answer'], [500, '55006', 'the server failed to answer'], [503, '53200', 'the statistics cannot be read at the moment']]) {
  sql(`DROP FUNCTION IF EXISTS sage.broken();
    CREATE FUNCTION sage.broken() RETURNS json STABLE LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'SELECT secret FROM key' USING ERRCODE = '${state}', DETAIL = 'a SELECT', HINT = 'a hint'; END $$;
    GRANT EXECUTE ON FUNCTION sage.broken() TO kindly_api_user;
    NOTIFY pgrst, 'reload schema'`);
  let answer;
  for (let tries = 0; tries < 50; tries += 1) {
    answer = await request('/api/native/rpc/broken', { token: jwt, headers: { 'Accept-Profile': 'sage' } });
    if (answer.status === status) {
      break;
    }
    await pause(200);
  }
  is([answer.status, faultOf(answer), answer.json?.message], [status, '', message], `${status}: SQLSTATE ${state}`, answer.text);
}

// At the documented addresses no client can be blamed for these, of which PostgREST would make 404, 405, 409 and 400.
const definition = sql(`SELECT pg_get_functiondef('sage.meta_options(kindly_stats.bot_id)'::regprocedure)`);
for (const state of ['42883', '42P01', '42703', '0A000', '25006', '23505', '21000', '28000', 'P0001', 'XX000']) {
  sql(`CREATE OR REPLACE FUNCTION sage.meta_options(bot kindly_stats.bot_id DEFAULT NULL) RETURNS json STABLE LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'relation "kindly_stats.rollup" is odd' USING ERRCODE = '${state}', DETAIL = 'a SELECT', HINT = 'a hint'; END $$`);
  const answer = await request(path, { token: jwt });
  is([answer.status, wrongWith('Sage', answer), answer.json?.message], [500, '', 'the server failed to answer'], `500: SQLSTATE ${state}, as documented`, answer.text);
}
sql(definition);
is((await request(path, { token: jwt })).status, 200, 'mended');

// ---------------------------------------------------------------- no connection is free

// Four bots have as many running as a bot's one key may, which are all connections,
// and sleep for longer than the others wait.
sql(`DROP FUNCTION sage.broken();
  CREATE FUNCTION sage.broken() RETURNS json STABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(8); RETURN 'true'; END $$;
  GRANT EXECUTE ON FUNCTION sage.broken() TO kindly_api_user`);
const tokens = await Promise.all([1, 2, 3, 4, 5].map(async (bot) => (await request(`/api/v2/bot/${bot}/sage/auth`, { token: apiKey(bot) })).json.jwt));
await Promise.all(tokens.map((each) => request('/api/native/rpc/token', { token: each })));
const sleeping = Array.from({ length: 32 }, (_, n) => request('/api/native/rpc/broken', { token: tokens[n % 4], headers: { 'Accept-Profile': 'sage' } }));
await pause(1500);
const waited = await Promise.all([1, 2].map(() => request('/api/native/rpc/broken', { token: tokens[4], headers: { 'Accept-Profile': 'sage' } })));
const crowd = await Promise.all(sleeping);
is(crowd.map((each) => each.status), Array(32).fill(200), 'four bots have all connections');
is(waited.map((each) => [each.status, faultOf(each)]), [[504, ''], [504, '']], '504: no connection to the database is free', waited[0]?.text);

// ---------------------------------------------------------------- what takes too long

const before = sql(`SELECT c FROM pg_roles AS r, unnest(r.rolconfig) AS c WHERE r.rolname = 'kindly_api_user' AND c ~ '^statement_timeout'`);
is(before, 'statement_timeout=15s', 'a request may take so long');
sql(`CREATE OR REPLACE FUNCTION sage.broken() RETURNS json STABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN 'true'; END $$;
  CREATE OR REPLACE FUNCTION sage.fallbacks_total(bot bigint DEFAULT NULL, "from" kindly_stats.moment DEFAULT NULL, "to" kindly_stats.moment DEFAULT NULL, tz text DEFAULT NULL,
    sources text DEFAULT NULL, language_codes text DEFAULT NULL) RETURNS json STABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN 'true'; END $$;
  ALTER ROLE kindly_api_user SET statement_timeout = '1s'; NOTIFY pgrst, 'reload config'; NOTIFY pgrst, 'reload schema'`);
await pause(2000);
const slow = await request(stats(1, 'fallbacks/total', 'from=2024-07-01&to=2024-07-02'), { token: jwt });
is([slow.status, faultOf(slow), slow.json?.message], [504, '', 'the answer took too long'], '504: the answer took too long', slow.text);
const slower = await request('/api/native/rpc/broken', { token: jwt, headers: { 'Accept-Profile': 'sage' } });
is([slower.status, faultOf(slower)], [500, ''], 'and 500 by PostgREST\'s own way', slower.text);
sql(`DROP FUNCTION sage.broken(); ALTER ROLE kindly_api_user SET statement_timeout = '15s'; NOTIFY pgrst, 'reload config'; NOTIFY pgrst, 'reload schema'`);

// ---------------------------------------------------------------- what is locked

const keys = { 'a key': key, 'a key that is new': apiKey(1) };
const locks = spawn(process.env.KINDLY_PSQL, ['-X', '-q', '-At', '-v', 'ON_ERROR_STOP=1'], { stdio: ['pipe', 'pipe', 'inherit'] });
const locked = new Promise((resolve) => locks.stdout.on('data', (text) => /locked/.test(text) && resolve()));
locks.stdin.write('BEGIN; LOCK TABLE kindly_stats.rollup, kindly_stats.exported, kindly_stats.bot, kindly_stats.api_key, conversation;\n\\echo locked\n');
await locked;
for (const [system, [address]] of Object.entries(systems)) {
  // A key that is kept, and a token, get as far as the statistics; a new key does not.
  for (const credential of system === 'Sage\'s keys' ? [key] : [jwt, keys['a key that is new']]) {
    const answer = await request(address, { token: credential });
    is([answer.status, wrongWith(system, answer)], [503, ''], `503: ${system}: what it needs is locked`, answer.text);
  }
}
sql(`ALTER ROLE kindly_api_user SET statement_timeout = '300ms'; NOTIFY pgrst, 'reload config'`);
await pause(2000);
for (const [system, [address]] of Object.entries(systems).slice(0, 5)) {
  const answer = await request(address, { token: jwt });
  is([answer.status, wrongWith(system, answer)], [504, ''], `504: ${system}: it takes too long`, answer.text);
}
const unlocked = new Promise((resolve) => locks.on('close', resolve));
locks.stdin.end('ROLLBACK;\n');
await unlocked;
sql(`ALTER ROLE kindly_api_user SET statement_timeout = '15s'; NOTIFY pgrst, 'reload config'`);
await pause(2000);
is((await request(path, { token: jwt })).status, 200, 'and is answered again');

// ---------------------------------------------------------------- the database

elsewhere(`ALTER DATABASE ${database} ALLOW_CONNECTIONS false;
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`);
const away = await until(503, jwt);
is([away.status, faultOf(away)], [503, ''], '503: the database is away', away.text);
await everywhere(503, jwt, keys);
elsewhere(`ALTER DATABASE ${database} ALLOW_CONNECTIONS true`);
const back = await until(200, jwt);
is(back.status, 200, 'and it is back', back.text);

// ---------------------------------------------------------------- PostgREST

process.kill(pid);
const gone = await until(502, jwt);
is([gone.status, faultOf(gone)], [502, ''], '502: PostgREST is away', gone.text);
await everywhere(502, jwt, keys);
// A token that nobody has asked with for some seconds: what it was is not remembered any more.
const page = await request('/', { token: tokens[1] });
ok(page.status === 503 && page.text.includes('The statistics are away') && /^[1-9]/.test(page.headers['retry-after']), '503: the page says so to people', page.status, page.text);
const head = await request(path, { token: jwt, method: 'HEAD' });
is([head.status, head.text], [502, ''], 'HEAD has no body');
done();
