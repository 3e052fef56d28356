// duckdb.mjs: asks DuckDB the questions of the benchmark.
//
//     node duckdb.mjs DIRECTORY
//
// DIRECTORY has events.csv, stretches.csv (the zone's stretches of constant
// offset) and questions.json; answers.jsonl is written there, a line for each
// way to ask a question: what it said and how many milliseconds it took.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';

const directory = process.argv[2];
const { settings, statements } = JSON.parse(readFileSync(`${directory}/questions.json`, 'utf8'));
const times = 5;

rmSync(`${directory}/events.duckdb`, { force: true });
const instance = await DuckDBInstance.create(`${directory}/events.duckdb`);
const connection = await instance.connect();

async function load() {
  await connection.run(`CREATE TABLE event AS
    SELECT * FROM read_csv('${directory}/events.csv', header = false, nullstr = '', columns = {
      bot_id: 'BIGINT', occurred_at: 'TIMESTAMP', kind: 'VARCHAR', session_id: 'VARCHAR', source: 'VARCHAR', language_code: 'VARCHAR',
      is_fallback: 'BOOLEAN', web_host: 'VARCHAR', web_path: 'VARCHAR', button_id: 'VARCHAR', button_type: 'VARCHAR', dialogue_id: 'VARCHAR'})
    ORDER BY bot_id, occurred_at`);
  await connection.run(`CREATE TABLE stretch AS SELECT * FROM read_csv('${directory}/stretches.csv', header = false,
    columns = {starts: 'TIMESTAMP', ends: 'TIMESTAMP', seconds: 'BIGINT'})`);
  // Local time by the zone's name, and by its offsets.
  await connection.run(`CREATE VIEW event_in_zone AS SELECT *, timezone('${settings.zone}', timezone('UTC', occurred_at)) AS local FROM event`);
  await connection.run(`CREATE VIEW event_by_offset AS SELECT e.*, e.occurred_at + to_seconds(s.seconds) AS local
    FROM event AS e JOIN stretch AS s ON e.occurred_at >= s.starts AND e.occurred_at < s.ends`);
  await connection.run('CREATE VIEW event_in_utc AS SELECT *, occurred_at AS local FROM event');
  await connection.run('CHECKPOINT');
}

// The instants at which a zone's clock shows from and to, in UTC.
async function range(zone, from, to) {
  const reader = await connection.runAndReadAll(`SELECT timezone('UTC', timezone('${zone}', TIMESTAMP '${from}'))::VARCHAR,
    timezone('UTC', timezone('${zone}', TIMESTAMP '${to}'))::VARCHAR`);
  const [first, last] = reader.getRowsJson()[0];
  return `bot_id = ${settings.bot} AND occurred_at >= TIMESTAMP '${first}' AND occurred_at < TIMESTAMP '${last}'`;
}

const series = (from, to, step) => `(SELECT unnest(generate_series(TIMESTAMP '${from}', TIMESTAMP '${to}' - INTERVAL 1 ${step}, INTERVAL 1 ${step})) AS date) AS d`;

async function fill(query, zone, events) {
  const values = {
    events,
    days: series(settings.from, settings.to, 'DAY'),
    hours: series(settings.monday, settings.next_monday, 'HOUR'),
    asked: await range(zone, settings.from, settings.to),
    week: await range(zone, settings.monday, settings.next_monday),
    sources: settings.sources.split(',').map((source) => `'${source}'`).join(', '),
    language: settings.language,
    bot: settings.bot,
  };
  return query.replace(/@(\w+)/g, (_, name) => values[name]);
}

// One run that warms up and gives the answer, then those that count.
async function ask(query) {
  const prepared = await connection.prepare(query);
  const rows = (await prepared.runAndReadAll()).getRowObjectsJson();
  const ms = [];
  for (let i = 0; i < times; i++) {
    const began = performance.now();
    await prepared.runAndReadAll();
    ms.push(performance.now() - began);
  }
  return { ms, rows };
}

await load();
const lines = [];
for (const { question, query } of statements) {
  for (const [side, zone, events] of [
    ['duckdb', settings.zone, 'event_in_zone'], ['duckdb', settings.zone, 'event_by_offset'], ['duckdb utc', 'UTC', 'event_in_utc']]) {
    lines.push(JSON.stringify({ question, side, ...(await ask(await fill(query, zone, events))) }));
  }
}
writeFileSync(`${directory}/answers.jsonl`, `${lines.join('\n')}\n`);
const version = await connection.runAndReadAll('SELECT version()');
writeFileSync(`${directory}/version`, version.getRowsJson()[0][0].replace('v', ''));
