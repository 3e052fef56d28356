// lib.mjs: what the programs of these tests share: requests, SQL, tokens, and
// results in TAP.
//
// The servers are started by suite.sh, which says where they are:
//   KINDLY_URL     http://127.0.0.1:PORT
//   KINDLY_TLS     the port of the same with TLS and HTTP/2
//   KINDLY_SECRET  what tokens are signed with
//   KINDLY_RUN     the directory with the process ids
//   KINDLY_PSQL    psql, with PGHOST and the like as a superuser
//   KINDLY_LOG     the server's log, where it is not beside them

import { createHmac } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { differenceOf, documentedPath } from './schema.mjs';

export const base = process.env.KINDLY_URL;
export const run = process.env.KINDLY_RUN;
const secret = process.env.KINDLY_SECRET;

// ---------------------------------------------------------------- results

let tests = 0;

export function ok(condition, name, ...details) {
  tests += 1;
  console.log(`${condition ? 'ok' : 'not ok'} ${tests} - ${name}`);
  if (!condition) {
    for (const detail of details) {
      console.log(`#   ${String(detail).slice(0, 2000).replaceAll('\n', '\n#   ')}`);
    }
  }
}

export function is(actual, expected, name, ...details) {
  ok(isDeepStrictEqual(actual, expected), name, `got ${JSON.stringify(actual)}`, `expected ${JSON.stringify(expected)}`, ...details);
}

export function skip(name, why) {
  tests += 1;
  console.log(`ok ${tests} - ${name} # skip ${why}`);
}

export function done() {
  if (answers > 0) {
    ok(differences.length === 0, `${answers} answers are as the OpenAPI document says`, ...differences.slice(0, 10));
  }
  console.log(`1..${tests}`);
}

// ---------------------------------------------------------------- SQL

export function sql(text) {
  return execFileSync(process.env.KINDLY_PSQL, ['-X', '-q', '-At', '-v', 'ON_ERROR_STOP=1'], { input: text, encoding: 'utf8', stdio: 'pipe' }).trim();
}

// The transactions that the API has had while all statements are logged: the log has each at once, the server's
// statistics some of them ten seconds later.
export const serverLog = () => readFileSync(process.env.KINDLY_LOG ?? `${run}/../../server/server.log`, 'utf8');
export const logStatements = (all) => sql(`ALTER SYSTEM ${all ? `SET log_statement = 'all'` : 'RESET log_statement'}; SELECT pg_reload_conf() \\g /dev/null\nSELECT pg_sleep(0.5) \\g /dev/null`);
export const transactions = () => serverLog().split(': BEGIN ISOLATION LEVEL').length - 1;

// ---------------------------------------------------------------- requests

// Whatever a documented address answers has the shape that is described for it.
let answers = 0;
const differences = [];

export function compare(path, status, json) {
  const documented = documentedPath(path);
  // PostgREST's own way has other shapes for who asks for them
  if (documented === undefined || documented.startsWith('/api/native/')) {
    return;
  }
  answers += 1;
  const difference = differenceOf(documented, status, json);
  if (difference !== '') {
    differences.push(difference);
  }
}

const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });

// The limits of an address are not what most tests are about: their requests come
// from one address after the other, of those that a machine has for itself.
let turn = 0;
const someAddress = () => { turn += 1; return `127.0.1.${1 + (turn % 200)}`; };

// attempt(PATH, {method, token, headers, body, from, at}): the path goes out as it is;
// `from` is the client's address, `at` the servers'.
export function attempt(path, { method = 'GET', token, headers = {}, body, from = someAddress(), at = base } = {}) {
  const { hostname, port } = new URL(at);
  const all = { ...headers };
  if (token !== undefined) {
    all.Authorization = `Bearer ${token}`;
  }
  if (body !== undefined && !Object.keys(all).some((name) => /^(content-length|transfer-encoding)$/i.test(name))) {
    all['Content-Length'] = Buffer.byteLength(body);
  }
  return new Promise((resolve, reject) => {
    const sent = http.request({ hostname, port, path, method, headers: all, agent, localAddress: from }, (response) => {
      const pieces = [];
      response.on('data', (piece) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(pieces).toString('utf8');
        if (method === 'GET' && response.headers['content-encoding'] === undefined) {
          compare(path, response.statusCode, parsed(text));
        }
        resolve({ status: response.statusCode, reason: response.statusMessage, headers: response.headers, text, json: parsed(text) });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

// request(...): the same, once more after a while where the limits say so, so that no
// test depends on how fast the machine is.  Tests of the limits attempt().
export async function request(...request) {
  for (let tries = 0; ; tries += 1) {
    const answer = await attempt(...request);
    if (answer.status !== 429 || tries === 100) {
      return answer;
    }
    await pause(200);
  }
}

// raw(BYTES): whatever comes back for what no HTTP client would send; the
// connection is closed by the server, or after some seconds.
export function raw(bytes, { from = someAddress() } = {}) {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const pieces = [];
    const socket = net.connect({ port, host: hostname, localAddress: from }, () => socket.write(bytes));
    socket.setTimeout(15000, () => socket.destroy(new Error('no answer')));
    socket.on('data', (piece) => pieces.push(piece));
    socket.on('error', (error) => (error.code === 'ECONNRESET' && pieces.length > 0 ? socket.destroy() : reject(error)));
    socket.on('close', () => {
      const answer = Buffer.concat(pieces).toString('utf8');
      const [head, ...rest] = answer.split('\r\n\r\n');
      const text = rest.join('\r\n\r\n');
      resolve({ status: Number(/^HTTP\/1\.[01] (\d{3}) /.exec(head)?.[1]), head, text, json: parsed(text) });
    });
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// So many requests, forty of them at a time.
export async function flood(number, one, atOnce = 40) {
  const answers = [];
  let next = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (next < number) {
      next += 1;
      answers.push(await one(next));
    }
  }));
  return answers;
}

export const counts = (answers) => answers.reduce((sums, { status }) => ({ ...sums, [status]: (sums[status] ?? 0) + 1 }), {});

// slowly(SECONDS, TEST): with a function that asks for an answer which takes so long,
// with a token of these claims.
export async function slowly(seconds, test) {
  sql(`CREATE FUNCTION sage.slow() RETURNS json STABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(${seconds}); RETURN 'true'; END $$;
    GRANT EXECUTE ON FUNCTION sage.slow() TO kindly_api_user; NOTIFY pgrst, 'reload schema'`);
  const slow = (claims, more) => attempt('/api/native/rpc/slow', { token: token(claims), headers: { 'Accept-Profile': 'sage' }, ...more });
  for (let tries = 0; tries < 50 && (await slow({ bot: 3, key: 'first' })).status !== 200; tries += 1) {
    await pause(200);
  }
  await test(slow);
  sql(`DROP FUNCTION sage.slow(); NOTIFY pgrst, 'reload schema'`);
}

export const stats = (bot, endpoint, query = '') => `/api/v1/stats/bot/${bot}/${endpoint}${query && `?${query}`}`;

// ---------------------------------------------------------------- the one shape of errors

// What is wrong with an error's answer; '' when nothing is.
export function faultOf(answer, method = 'GET') {
  const faults = [];
  if (!/^application\/json(; charset=utf-8)?$/.test(answer.headers?.['content-type'] ?? /^content-type: (.*)$/im.exec(answer.head)?.[1])) {
    faults.push('it is not application/json');
  }
  if (method !== 'HEAD') {
    if (!isDeepStrictEqual(Object.keys(answer.json ?? {}).sort(), ['code', 'details', 'hint', 'message'])) {
      faults.push('it has not the shape of errors');
    } else if (typeof answer.json.message !== 'string' || typeof answer.json.code !== 'string') {
      faults.push('it has no code or no message');
    }
  }
  if (/\b(SELECT|INSERT|CONTEXT|PL\/pgSQL|SPI|\.c:\d+|\.sql|postgres\w*:\/\/|\/run\/|\.sock)\b/.test(answer.text)) {
    faults.push('it tells of the inside');
  }
  return faults.join(', ');
}

// ---------------------------------------------------------------- keys and tokens

const encoded = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

// Requests are counted by key: each program has one of its own, so that none pays for what another asked.
const program = basename(process.argv[1], '.mjs');

// A token as the database makes it, unless told otherwise.
export function token(claims, { key = secret, header = { alg: 'HS256', typ: 'JWT' }, hash = 'sha256' } = {}) {
  const signed = `${encoded(header)}.${encoded({ role: 'kindly_api_user', aud: 'kindly_stats', exp: Math.floor(Date.now() / 1000) + 300, key: program, ...claims })}`;
  return `${signed}.${createHmac(hash, key).update(signed).digest('base64url')}`;
}

export const apiKey = (bot) => sql(`SELECT kindly_stats.create_api_key(${bot})`);
