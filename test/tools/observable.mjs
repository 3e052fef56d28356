// The page of bi/observable: built by Observable Framework, looked at in Chromium, and its figures compared.
//   KINDLY_CHROMIUM  the program
//   KINDLY_SHOTS     a folder for pictures

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { connect, done, is, rows } from './lib.mjs';

const project = fileURLToPath(new URL('../../bi/observable/', import.meta.url));
rmSync(`${project}dist`, { recursive: true, force: true });
rmSync(`${project}src/.observablehq`, { recursive: true, force: true });
const env = { ...process.env, PGTZ: 'Europe/Oslo', RANGE_FROM: '2024-10-01', RANGE_TO: '2024-12-01', OBSERVABLE_TELEMETRY_DISABLE: 'true' };
execFileSync('npm', ['run', 'build'], { cwd: project, env, stdio: ['ignore', 'ignore', 'inherit'] });
const html = readFileSync(`${project}dist/index.html`, 'utf8');
is([...html.matchAll(/(?:src|href)="(https?:[^"]*)"/g)].map(match => match[1]), [], 'nothing is loaded from elsewhere');

const types = { html: 'text/html', js: 'text/javascript', css: 'text/css', json: 'application/json' };
const server = createServer((request, response) => {
    const path = new URL(request.url, 'http://page').pathname.replace(/\/$/, '/index.html');
    try {
        const body = readFileSync(`${project}dist${decodeURIComponent(path)}`);
        response.writeHead(200, { 'Content-Type': types[path.split('.').at(-1)] ?? 'application/octet-stream' }).end(body);
    } catch {
        response.writeHead(404).end();
    }
});
await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));

const { default: puppeteer } = await import('puppeteer-core');
const browser = await puppeteer.launch({ executablePath: process.env.KINDLY_CHROMIUM, args: process.getuid() === 0 ? ['--no-sandbox'] : [] });
const page = await browser.newPage();
const faults = [];
page.on('pageerror', error => faults.push(String(error)));
page.on('console', message => message.type() === 'error' && !message.text().includes('404') && faults.push(message.text()));
page.on('response', response => response.status() >= 400 && !response.url().endsWith('/favicon.ico') && faults.push(`${response.status()} ${response.url()}`));
page.on('request', request => /^https?:/.test(request.url()) && new URL(request.url()).hostname !== '127.0.0.1' && faults.push(request.url()));
await page.setViewport({ width: 1280, height: 900 });
await page.goto(`http://127.0.0.1:${server.address().port}/`, { waitUntil: 'networkidle0' });
await page.waitForFunction(() => document.querySelectorAll('svg').length >= 3 && document.querySelector('table'));

const client = await connect();
const total = async (measure, column = 'count') => (await rows(client, `SELECT sum(t.${column}) FROM unnest(ARRAY['41', '42']) AS b (id), kindly_stats.stats_total(b.id, '2024-10-01', '2024-12-01', 'Europe/Oslo', measure => '${measure}') AS t`))[0][0];
const cards = Object.fromEntries(await page.$$eval('.card:has(.big)', list => list.map(card => [card.querySelector('h2').textContent, card.querySelector('.big').textContent])));
is(cards, {
    'Messages': (await total('messages')).toLocaleString('en-US'),
    'Fallback rate': `${(100 * await total('fallbacks') / await total('replies')).toFixed(1)} %`,
    'Handovers': String(await total('handovers_started')),
    'Bots': '2',
}, 'cards');
const expected = [];
for (const [i, month] of ['2024-10', '2024-11'].entries()) {
    for (const [id, name] of [['41', 'Shop'], ['42', 'Support']]) {
        const series = async (measure, column) => (await rows(client, `SELECT ${column} FROM kindly_stats.stats_series('${id}', '2024-10-01', '2024-12-01', 'Europe/Oslo', 'month', '${measure}')`))[i][0];
        expected.push([month, name, String(await series('messages', 'count')), String(await series('users', 'distinct_count'))]);
    }
}
is(await page.$$eval('table tr:has(td)', list => list.map(row => [...row.cells].slice(0, 4).map(cell => cell.textContent))), expected, 'months');
is(await page.$$eval('svg g[aria-label=cell] rect', list => list.length), 168, 'hours of the week');
is(await page.$$eval('svg g[aria-label=bar] rect', list => list.length), 3, 'pages');
is(await page.$$eval('svg g[aria-label=line] path', list => list.length), 2, 'a line for each bot');
is(await page.evaluate(() => document.body.textContent.includes('2024-10-01 to 2024-11-30')), true, 'the range');

mkdirSync(process.env.KINDLY_SHOTS, { recursive: true });
for (const [scheme, width] of [['light', 1280], ['dark', 1280], ['light', 390]]) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    await page.setViewport({ width, height: 900 });
    await new Promise(resolve => setTimeout(resolve, 500));
    is(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, `${width} pixels wide, ${scheme}: nothing sticks out`);
    await page.screenshot({ path: `${process.env.KINDLY_SHOTS}/observable-${width}-${scheme}.png`, fullPage: true });
}
is(faults, [], 'no faults, and nothing is asked of elsewhere');
await browser.close();
server.close();
await client.end();
done();
