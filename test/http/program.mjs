// program.mjs: the program that Sage's documentation has, in Python, as it stands
// there: taken out of the document, with nothing changed but hosts, bot and key, and
// with its lines moved back to the right, which the document's text has not kept.  It
// is run when all is well, and where it meets with 429.
//
//   KINDLY_DOCUMENT  the document's text; without it there is nothing to run
//   KINDLY_PYTHON    a Python that has the package requests

import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { apiKey, base, done, is, ok, skip, slowly } from './lib.mjs';

const bot = 2001;
const file = process.env.KINDLY_DOCUMENT;
const python = process.env.KINDLY_PYTHON;

// How far each line of the program is indented.
const depths = '0000000011110111232332344434444320000000000000000100112121210000';

function program(key) {
  const lines = readFileSync(file, 'utf8').split('\n').map((line) => line.trimEnd());
  const text = lines.slice(lines.lastIndexOf('sage_stats.py') + 1).filter((line) => line !== '');
  if (text.length !== depths.length) {
    throw new Error(`the program has ${text.length} lines, not ${depths.length}`);
  }
  return text.map((line, n) => '    '.repeat(Number(depths[n])) + line).join('\n')
    .replace(/https:\/\/(sage|api)\.kindly\.ai/g, base)
    .replace('BOT_ID: int = REPLACE ME', `BOT_ID: int = ${bot}`)
    .replace('KINDLY_STATISTICS_API_KEY: str = REPLACE ME', `KINDLY_STATISTICS_API_KEY: str = '${key}'`);
}

function ran(key) {
  return new Promise((resolve) => {
    const process_ = spawn(python, ['-u', '-c', program(key)], { env: { ...process.env, NO_PROXY: '*', PYTHONIOENCODING: 'utf-8' } });
    const said = { out: '', err: '' };
    process_.stdout.on('data', (piece) => { said.out += piece; });
    process_.stderr.on('data', (piece) => { said.err += piece; });
    process_.on('close', (status) => resolve({ status, ...said }));
  });
}

if (!file || !existsSync(file)) {
  skip('the document\'s program', 'the document is not there (KINDLY_DOCUMENT)');
} else if (!python) {
  skip('the document\'s program', 'no Python with the package requests (KINDLY_PYTHON)');
} else {
  const plain = await ran(apiKey(bot));
  is([plain.status, plain.err], [0, ''], 'the document\'s program runs', plain.out);
  ok(/^The earliest date with data is: 2019-07-01T00:00:00\.000000\nThe latest date with data is: 2019-07-06T23:59:59\.999999\nGranularity options are: \['hour', 'day', 'week'\]\nLanguage options are: \['en', 'nb'\]\nSource options are: \['app', 'test', 'web'\]$/m
    .test(plain.out), 'it learns what there is', plain.out);
  is(plain.out.trim().split('\n').slice(-6).map((line) => line.replace(/█+/, '')), [1661, 1507, 1563, 1572, 1227, 964].map((count, n) => `2019-07-0${1 + n}:  ${count}`), 'and draws the document\'s figures');

  // As many of the key's requests are being answered as may be.
  const key = apiKey(bot);
  await slowly(5, async (slow) => {
    const running = Array.from({ length: 8 }, () => slow({ bot, key: key.slice(3, 15) }));
    await pause(1000);
    const eager = await ran(key);
    await Promise.all(running);
    is([eager.status, eager.err, eager.out.split('\n')[0]], [0, '', '429: rate limited: waiting 10s before retrying'], 'where it is limited, it waits as long as it can be told');
    is(eager.out.slice(eager.out.indexOf('\nThe earliest')), plain.out.slice(plain.out.indexOf('\nThe earliest')), 'and has the same in the end');
  });
}
done();
