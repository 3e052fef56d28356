// both.mjs: one server and nodes, with the same events, asked the same over HTTP: what they answer is the same to the
// last byte.  Keys, tokens and closed days are those of all nodes, whichever was asked first.
//
//   KINDLY_URL, KINDLY_SECRET  of the single server, as lib.mjs of test/http has them
//   KINDLY_OTHERS              address and secret of the coordinator, and of a worker
//   KINDLY_NODES               connection strings of both, a line each

import { execFileSync } from 'node:child_process';
import { apiKey, base, done, is, ok, request, sql, stats, token } from '../http/lib.mjs';
import { questions } from '../http/questions.mjs';

const values = process.env.KINDLY_OTHERS.split(' ');
const strings = process.env.KINDLY_NODES.split('\n');
const coordinator = { name: 'the coordinator', url: values[0], secret: values[1], sql: (text) => sqlOf(strings[0], text) };
const worker = { name: 'a worker', url: values[2], secret: values[3], sql: (text) => sqlOf(strings[1], text) };
const single = { name: 'one server', url: base, secret: process.env.KINDLY_SECRET, sql };
const nodes = [coordinator, worker];

function sqlOf(connection, text) {
  return execFileSync('psql', ['-X', '-q', '-At', '-v', 'ON_ERROR_STOP=1', '-d', connection, '-c', text], { encoding: 'utf8' }).trim();
}

const ask = (there, path, { claims = { bot: 1 }, ...options } = {}) => request(path, { token: token(claims, { key: there.secret }), ...options, at: there.url });
const seen = ({ status, headers, text }) => [status, headers['content-type'], headers.etag, text];

// ---------------------------------------------------------------- what can be asked

is(coordinator.secret, worker.secret, 'a token is good for all nodes');
const strangers = [stats(2, 'meta/options'), '/api/v1/export/bot/2/2024-07-01', '/api/v1/metrics/bot/2?from=2024-06-30&to=2024-07-03', '/api/agent/analytics/user?dateFrom=2024-07-01&dateTo=2024-07-03&client=second',
  '/api/native/rpc/stats_total?bot=2&from=2024-07-01&to=2024-07-02'].map((address) => ({ wanted: 403, address }));
const nothing = [stats(1, 'sessions'), '/reports/conversations.sum', '/api/agent/analytics/users', '/api/v1/export/bot/1/', '/api/v2/bot/1/sage', '/x'].map((address) => ({ wanted: 404, address }));
for (const there of nodes) {
  const different = [];
  for (const { wanted, address } of [...questions, ...strangers, ...nothing]) {
    const [expected, found] = [seen(await ask(single, address)), seen(await ask(there, address))];
    if (expected[0] !== wanted || JSON.stringify(expected) !== JSON.stringify(found)) {
      different.push(`${address}: ${JSON.stringify(expected).slice(0, 400)} and ${JSON.stringify(found).slice(0, 400)}`);
    }
  }
  is(different.slice(0, 10), [], `${there.name}: ${questions.length + strangers.length + nothing.length} answers, those to strangers among them, are those of one server`, different.length);
}
for (const bot of [2, 2001, 2002, 2003, 2004, 2005, 2006, 2007, 2008, 2009, 2011, 2014, 2016, 4711]) {
  const different = [];
  for (const { address } of questions.filter(({ wanted, what }) => wanted === 200 && /: with what is required$/.test(what))) {
    const its = address.replace('/bot/1', `/bot/${bot}`).replace('First+%26+last', 'second').replace('2024-07-01', '2019-07-01');
    const expected = seen(await ask(single, its, { claims: { bot } }));
    for (const there of nodes) {
      if (JSON.stringify(expected) !== JSON.stringify(seen(await ask(there, its, { claims: { bot } })))) {
        different.push(`${there.name}: ${its}`);
      }
    }
  }
  is(different, [], `bot ${bot}: answers are those of one server`);
}

// ---------------------------------------------------------------- keys

const messages = stats(1, 'sessions/messages', 'from=2024-07-01&to=2024-07-07');
const exchange = (there, key, bot = 1) => request(`/api/v2/bot/${bot}/sage/auth`, { token: key, at: there.url });
for (const [maker, other] of [[coordinator, worker], [worker, coordinator]]) {
  const key = maker.sql(`SELECT kindly_stats.create_api_key(1, 'of ${maker.name}')`);
  const expected = (await ask(single, messages)).text;
  for (const there of nodes) {
    const given = await exchange(there, key);
    is(given.status, 200, `a key that was made on ${maker.name} is exchanged on ${there.name}`, given.text);
    for (const asked of nodes) {
      is((await request(messages, { token: given.json?.jwt, at: asked.url })).text, expected, `and its token is taken by ${asked.name}`);
    }
    is((await request(`/reports/conversations?period=last7days`, { token: key, at: there.url })).status, 200, `it is a credential of other systems on ${there.name}`);
    is([(await exchange(there, key, 2)).status, (await exchange(there, `${key.slice(0, -4)}AAAA`)).status], [403, 401], `it is of its bot alone, and nothing like it is a key: ${there.name}`);
  }
  is(other.sql(`SELECT count(*) FROM kindly_stats.api_keys() WHERE label = 'of ${maker.name}'`), '1', `${other.name} lists it`);
  other.sql(`SELECT kindly_stats.revoke_api_key('${key}')`);
  for (const there of nodes) {
    is((await exchange(there, key)).status, 401, `revoked on ${other.name}, it is refused by ${there.name}`);
  }
}
is((await exchange(coordinator, apiKey(1))).status, 401, 'a key of another database is none');
for (const there of nodes) {
  const refused = await Promise.all([{ token: undefined }, { token: 'x' }, { claims: { bot: 1, exp: 1 } }, { claims: { bot: 1, aud: 'another' } }, { claims: {} }, { claims: { bot: 1, role: 'postgres' } }]
    .map(async (options) => [await ask(single, messages, options), await ask(there, messages, options)].map(seen)));
  ok(refused.every(([expected, found]) => found[0] === 401 && JSON.stringify(expected) === JSON.stringify(found)), `${there.name} refuses as one server does`, JSON.stringify(refused));
}

// ---------------------------------------------------------------- closed days

const write = (day) => `INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (1, 'late ${day}', '${day} 10:00+00', '${day} 11:00+00')`;
for (const [there, day] of [[coordinator, '2024-06-30'], [worker, '2024-07-02']]) {
  const path = `/api/v1/export/bot/1/${day}`;
  const [expected, closed] = [await ask(single, path), await ask(there, path)];
  is(seen(closed), seen(expected), `an export of ${there.name} is that of one server`);
  ok(closed.json?.length > 1, 'with conversations', closed.text.slice(0, 200));
  for (const node of nodes) {
    let said = '';
    try {
      node.sql(write(day));
    } catch (error) {
      said = error.stderr;
    }
    ok(/have been exported/.test(said), `closed by ${there.name}, the day is written no more on ${node.name}`, said);
    is((await ask(node, path)).text, closed.text, `and exported again on ${node.name} it is the same`);
  }
}
done();
