// hog.mjs: a customer who asks some usual questions a second, alone and beside
// clients that ask for as much as they can.  A line for each of these on standard
// output, separated by tabs.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

const port = process.env.HOG_PORT;
const seconds = Number(process.env.BENCH_SECONDS ?? 15);
const keys = process.env.HOG_KEYS.split(' ');
const agent = new http.Agent({ keepAlive: true });

// The status of an answer, and how long it took in milliseconds.
function ask(path, bearer, from) {
  return new Promise((resolve) => {
    const began = performance.now();
    const sent = http.get({ host: '127.0.0.1', port, path, agent, localAddress: from, headers: { Authorization: `Bearer ${bearer}` } }, (response) => {
      const pieces = [];
      response.on('data', (piece) => pieces.push(piece));
      response.on('end', () => resolve({ status: response.statusCode, took: performance.now() - began, text: Buffer.concat(pieces).toString() }));
    });
    sent.on('error', () => resolve({ status: 0, took: performance.now() - began, text: '' }));
  });
}

const tokens = [];
for (const [n, key] of keys.entries()) {
  tokens.push(JSON.parse((await ask(`/api/v2/bot/${n + 1}/sage/auth`, key, '127.0.1.1')).text).jwt);
}

// ---------------------------------------------------------------- the customer

const range = 'from=2025-01-01&to=2026-01-01&tz=Europe/Oslo';
const usual = ['meta/options', `sessions/chats?${range}`, `sessions/messages?${range}&granularity=week&language_codes[]=en`, `fallbacks/total?${range}`, `buttons/most_clicked?${range}&limit=10`];

// Twenty questions a second, whether or not those before have been answered.
async function customer() {
  const asked = [];
  const end = performance.now() + seconds * 1000;
  for (let n = 0; performance.now() < end; n += 1) {
    asked.push(ask(`/api/v1/stats/bot/1/${usual[n % usual.length]}`, tokens[0], '127.0.1.1'));
    await pause(50);
  }
  return Promise.all(asked);
}

// ---------------------------------------------------------------- the others

// So many at a time, each with the next question as soon as it has its answer.
async function hog(atOnce, one) {
  const counts = new Map();
  const end = performance.now() + seconds * 1000;
  await Promise.all(Array.from({ length: atOnce }, async (_, n) => {
    while (performance.now() < end) {
      const { status } = await one(n);
      counts.set(status, (counts.get(status) ?? 0) + 1);
    }
  }));
  return counts;
}

const all = 'from=0001-01-01&to=9999-12-31&granularity=month&locale=zh-CN-u-ca-chinese&tz=UTC';
const most = 'from=1310-01-01&to=2032-01-01&granularity=month&locale=zh-CN-u-ca-chinese&tz=UTC';
const series = (query) => `/api/native/rpc/stats_series?${query}`;
const address = (n) => `127.0.2.${1 + n}`;

async function report(name, other) {
  const [answers, counts] = await Promise.all([customer(), other?.() ?? new Map()]);
  const took = answers.map((each) => each.took).sort((a, b) => a - b);
  const at = (part) => took[Math.min(Math.floor(took.length * part), took.length - 1)].toFixed(1);
  const sum = [...counts.values()].reduce((a, b) => a + b, 0);
  console.log([name, sum === 0 ? '' : (sum / seconds).toFixed(0), [...counts].sort().map(([status, count]) => `${count} × ${status}`).join(', '),
    took.length, at(0.5), at(0.99), answers.filter((each) => each.status !== 200).length].join('\t'));
}

// Caches, connections and plans are there before it counts.
await Promise.all(Array.from({ length: 8 }, () => Promise.all(usual.map((each) => ask(`/api/v1/stats/bot/1/${each}`, tokens[0], '127.0.1.1')))));
await report('nobody');
await report('20 at a time for every month of 10,000 years by the Chinese calendar', () => hog(20, () => ask(series(all), tokens[1], address(0))));
await report('20 at a time for as many buckets as are allowed', () => hog(20, () => ask(series(most), tokens[1], address(0))));
await report('the same, 20 addresses', () => hog(20, (n) => ask(series(most), tokens[1], address(n))));
await report('the same, three bots, 60 addresses', () => hog(60, (n) => ask(series(most), tokens[1 + (n % 3)], address(n))));

const writer = spawn(process.env.HOG_PSQL, ['-X', '-q', '-At'], { stdio: ['pipe', 'pipe', 'inherit'] });
const written = new Promise((resolve) => writer.stdout.on('data', (text) => /written/.test(text) && resolve()));
writer.stdin.write(`BEGIN; INSERT INTO conversation (bot_id, conversation_id, conversation_start_time, conversation_end_time) VALUES (2, 'x', '2025-03-01 00:00Z', '2025-03-01 01:00Z');\n\\echo written\n`);
await written;
await report('12 exports at a time of a day that is being written', () => hog(12, () => ask('/api/v1/export/bot/2/2025-03-01', tokens[1], address(0))));
writer.stdin.end('ROLLBACK;\n');
await report('made-up tokens, 20 at a time', () => hog(20, () => ask(series(most), `${randomBytes(27).toString('base64url')}.${randomBytes(60).toString('base64url')}.${randomBytes(32).toString('base64url')}`, address(0))));
await report('made-up keys, 20 at a time', () => hog(20, () => ask('/api/v2/bot/2/sage/auth', `ks_${randomBytes(6).toString('hex')}_${randomBytes(32).toString('base64url')}`, address(0))));
agent.destroy();
