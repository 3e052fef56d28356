// customer.mjs: client.mjs in three situations: all is well, its JWT has expired
// since, and it asks more than it may.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { apiKey, base, done, is, ok, sql, token } from './lib.mjs';

const program = fileURLToPath(new URL('client.mjs', import.meta.url));

function client(bot, key, env = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, base, bot, key],
    { encoding: 'utf8', env: { ...process.env, ...env }, timeout: 120000 });
  const [title, ...chart] = stdout.trim().split('\n');
  return { status, title, chart, stderr };
}

const bot = 1;
const key = apiKey(bot);
const [first, last, messages, days] = sql(`
  SELECT to_char(min(occurred_at), 'YYYY-MM-DD"T"HH24:MI:SS.US'), to_char(max(occurred_at), 'YYYY-MM-DD"T"HH24:MI:SS.US'),
    count(*) FILTER (WHERE kind = 'user_message'), max(occurred_at)::date - min(occurred_at)::date + 1
  FROM chat_event WHERE bot_id = ${bot}`).split('|');

const plain = client(bot, key);
is([plain.status, plain.stderr], [0, ''], 'the customer\'s program runs');
is(plain.title, `Number of messages between ${first} and ${last}`, 'it learns the bot\'s life');
is(plain.chart.length, Number(days), 'its chart has every day of it');
is(plain.chart.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0), Number(messages), 'and every message');

const expired = client(bot, key, { CLIENT_JWT: token({ bot, exp: Math.floor(Date.now() / 1000) - 120 }) });
is([expired.status, expired.stderr], [0, '401: fetching new JWT before retrying\n'], 'an expired JWT is exchanged for a new one');
is(expired.chart, plain.chart, 'and the chart is the same');

const eager = client(bot, key, { CLIENT_MORE: '250' });
ok(/^429: rate limited: waiting 10s before retrying$/m.test(eager.stderr), 'who asks too much waits as long as the document\'s program does', eager.stderr);
is([eager.status, eager.chart.at(-1)], [0, '250 of 250 more questions were answered'], 'and gets all answers in the end', eager.stderr.slice(0, 500));

const wrong = client(bot, `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`);
ok(wrong.status !== 0 && /no JWT: 401/.test(wrong.stderr), 'a wrong key gets no JWT', wrong.stderr);
done();
