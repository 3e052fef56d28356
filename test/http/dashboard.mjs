// dashboard.mjs: what the page shows is what the endpoints answer, whatever is chosen,
// on every screen.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { done, is, ok, request, skip, sql, stats, token } from './lib.mjs';
import { picture, query, settled, stop, texts, visit } from './browser.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// ---------------------------------------------------------------- what is expected

const tokens = {};

async function ask(bot, endpoint, parameters, more = {}) {
  tokens[bot] ??= token({ bot, expectation: true });
  const answer = await request(stats(bot, endpoint, String(new URLSearchParams([...parameters, ...Object.entries(more)]))), { token: tokens[bot] });
  if (answer.status !== 200) {
    throw new Error(`${endpoint}: ${answer.text}`);
  }
  return answer.json.data;
}

// What the documents of the four systems do not have, from PostgREST's own way.
async function native(bot, name, parameters, more = {}) {
  tokens[bot] ??= token({ bot, expectation: true });
  const list = (parameter) => parameters.filter(([key]) => key === `${parameter}[]`).map(([, value]) => value);
  const lists = ['sources', 'language_codes'].filter((parameter) => list(parameter).length > 0).map((parameter) => [parameter, `{${list(parameter).join(',')}}`]);
  const answer = await request(`/api/native/rpc/${name}?${new URLSearchParams([...parameters.filter(([key]) => !key.endsWith('[]')), ...lists, ...Object.entries(more)])}`, { token: tokens[bot] });
  if (answer.status !== 200) {
    throw new Error(`${name}: ${answer.text}`);
  }
  return answer.json;
}

const locale = 'en-GB';
const count = (value) => new Intl.NumberFormat(locale).format(value);
const percent = (value) => new Intl.NumberFormat(locale, { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(value);
const sum = (list, field = 'count') => list.reduce((total, each) => total + each[field], 0);

async function expected(bot, parameters, granularity) {
  const series = (endpoint) => ask(bot, endpoint, parameters, { granularity });
  const [chats, messages, fallbacks, handovers] = [await series('sessions/chats'), await series('sessions/messages'), await series('fallbacks/series'), await series('takeovers/series')];
  const [rate, totals] = [await ask(bot, 'fallbacks/total', parameters), await ask(bot, 'takeovers/totals', parameters)];
  const replies = (await native(bot, 'stats_series', parameters, { granularity, measure: 'replies' })).map((bucket) => bucket.count);
  const [{ distinct_count: all }] = await native(bot, 'stats_total', parameters);
  const feedback = await ask(bot, 'feedback/summary', parameters);
  const list = async (endpoint, row) => (await ask(bot, endpoint, parameters, { limit: 5 })).map(row);
  return {
    figures: [count(all), count(sum(messages)), replies.some((each) => each > 0) ? percent(rate.rate) : '–', count(totals.started)],
    totals: ['requests', 'requests_while_closed', 'started', 'ended'].map((field) => count(totals[field])),
    chats: chats.map((bucket) => [count(bucket.count)]),
    messages: messages.map((bucket) => [count(bucket.count)]),
    fallbacks: fallbacks.map((bucket, n) => [replies[n] > 0 ? percent(bucket.rate) : '–', count(bucket.count)]),
    handovers: handovers.map((bucket) => [bucket.requests, bucket.requests_while_closed, bucket.started, bucket.ended].map(count)),
    pages: await list('chatbubble/pages', (item) => [`${item.web_host}${item.web_path}`, count(item.messages), count(item.sessions)]),
    labels: await list('chatlabels/added', (item) => [item.label_text, count(item.count)]),
    buttons: await list('buttons/most_clicked', (item) => [item.button_id, count(item.count), percent(item.ratio)]),
    feedback: [feedback.binary, feedback.emojis].filter((ratings) => sum(ratings) > 0).flatMap((ratings) => [...ratings].reverse().map((each) => [count(each.count), percent(each.ratio)])),
  };
}

// The same of the page: figures, tables and lists as they can be read there.
async function shown(page) {
  return page.evaluate(() => {
    document.querySelectorAll('.tools > button[aria-pressed="false"]').forEach((button) => button.click());
    const rows = (selector, cells) => [...document.querySelectorAll(`${selector}:not([data-state="empty"]) tbody tr`)].map((row) => [...row.querySelectorAll(cells)].map((cell) => cell.textContent));
    return {
      figures: ['chats', 'messages', 'fallbacks', 'handovers'].map((id) => document.querySelector(`#${id} .figure strong`).textContent),
      totals: [...document.querySelectorAll('#handovers .legend b')].map((each) => each.textContent),
      ...Object.fromEntries(['chats', 'messages', 'fallbacks', 'handovers'].map((id) => [id, rows(`#${id}`, 'td')])),
      pages: rows('#pages', 'th, td'),
      labels: rows('#labels', 'th, td'),
      buttons: rows('#buttons', 'code, td'),
      feedback: rows('#feedback', 'td'),
    };
  });
}

// Where there is nothing to show, there is no table and no legend.
function comparable(all) {
  const none = (id) => all[id].every((row) => row.every((cell) => /^(0(\.0%)?|–)$/.test(cell)));
  const kept = Object.fromEntries(Object.entries(all).map(([name, value]) => [name, ['chats', 'messages', 'fallbacks', 'handovers'].includes(name) && none(name) ? [] : value]));
  return { ...kept, totals: kept.handovers.length > 0 ? kept.totals : [] };
}

async function same(page, bot, parameters, granularity, name) {
  const [here, there] = [comparable(await shown(page)), comparable(await expected(bot, parameters, granularity))];
  for (const part of Object.keys(there)) {
    is(here[part], there[part], `${name}: ${part}`);
  }
}

const range = (from, to, tz = 'Europe/Oslo') => [['from', from], ['to', to], ['tz', tz]];

// ---------------------------------------------------------------- numbers

const june = await visit({ query: '?from=2025-06-02&to=2025-07-01' });
await picture(june.page, 'light');
await same(june.page, 1, range('2025-06-02', '2025-07-01'), 'day', 'a month');
is(await june.page.locator('#chats tbody th').first().innerText(), 'Mon, 2 Jun 2025', 'days have names');
is(await june.page.innerText('#shown'), '2 – 30 Jun 2025 · 29 days in Europe/Oslo · compared with 4 May – 1 Jun 2025', 'the range is said, and what it is compared with');
const [before, after] = [sum(await ask(1, 'sessions/messages', range('2025-05-04', '2025-06-02'))), sum(await ask(1, 'sessions/messages', range('2025-06-02', '2025-07-01')))];
const delta = new Intl.NumberFormat(locale, { style: 'percent', signDisplay: 'exceptZero', maximumFractionDigits: Math.abs(after / before - 1) < 0.0995 ? 1 : 0, minimumFractionDigits: Math.abs(after / before - 1) < 0.0995 ? 1 : 0 }).format(after / before - 1);
ok((await june.page.innerText('#messages .delta')).includes(delta), `the change against the range before is ${delta}`, await june.page.innerText('#messages .delta'));
const [rates] = [[await ask(1, 'fallbacks/total', range('2025-05-04', '2025-06-02')), await ask(1, 'fallbacks/total', range('2025-06-02', '2025-07-01'))].map(({ rate }) => rate)];
ok((await june.page.innerText('#fallbacks .delta')).includes(new Intl.NumberFormat(locale, { signDisplay: 'exceptZero', minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(100 * (rates[1] - rates[0]))),
  'that of a rate is in percentage points', await june.page.innerText('#fallbacks .delta'));
await june.page.click('#pages .more');
await june.page.waitForFunction(() => document.querySelectorAll('#pages tbody tr').length > 5);
is((await shown(june.page)).pages, (await ask(1, 'chatbubble/pages', range('2025-06-02', '2025-07-01'), { limit: 25 })).map((item) => [`${item.web_host}${item.web_path}`, count(item.messages), count(item.sessions)]),
  'lists show more when asked');

// ---------------------------------------------------------------- choices

is(june.faults, [], 'nothing went wrong');
await june.context.close();

const year = await visit({ query: '?from=2025-01-02&to=2026-01-01' });
const { page } = year;
const chosen = async (name, parameters, granularity, address) => {
  await settled(page);
  for (const [parameter, values] of Object.entries(address)) {
    is(query(page).getAll(parameter), values, `${name}: the address has ${parameter}`);
  }
  await same(page, 1, parameters, granularity, name);
};
const zoned = (tz, ...more) => [...range('2025-01-02', '2026-01-01', tz), ...more];

await chosen('a year, by what fits it', zoned(), 'week', { granularity: [] });
is((await texts(page, '#chats tbody th')).map((text) => text.replace(/ \(.*/, '')).at(-1), '29 Dec 2025 – 4 Jan 2026 · week 1, 2026', 'weeks have names');
ok(/\(only 29 – 31 Dec\)$/.test((await texts(page, '#chats tbody th')).at(-1)), 'one that is not whole says so');
await page.click('#granularity label:has-text("Day")');
await chosen('by day', zoned(), 'day', { granularity: ['day'] });

await page.click('#zone');
await page.keyboard.type('los ang');
await page.keyboard.press('Enter');
await chosen('another zone', zoned('America/Los_Angeles'), 'day', { tz: ['America/Los_Angeles'] });
await page.click('#zone');
await page.keyboard.type('W. Europe Standard Time');
await page.keyboard.press('Enter');
await chosen('a zone that the browser does not know', zoned('W. Europe Standard Time'), 'day', { tz: ['W. Europe Standard Time'] });
await page.click('#zone');
await page.click('#zone-list li[data-zone="Europe/Oslo"]');

await page.click('#sources');
await page.check('#sources-panel input[value="web"]');
await settled(page);
await page.check('#sources-panel input[value="app"]');
await chosen('two sources', zoned('Europe/Oslo', ['sources[]', 'web'], ['sources[]', 'app']), 'day', { 'sources[]': ['app', 'web'] });
await page.click('#sources-panel label:has-text("All but these")');
await chosen('all but two sources', zoned('Europe/Oslo', ['sources[]', '-web'], ['sources[]', '-app']), 'day', { 'sources[]': ['-app', '-web'] });
is(await page.innerText('#sources .value'), 'not app, web', 'the choice can be read');
await picture(page, 'sources', false);
await page.keyboard.press('Escape');
await page.click('#languages');
await page.check('#languages-panel input[value="nb"]');
const narrow = zoned('Europe/Oslo', ['sources[]', '-web'], ['sources[]', '-app'], ['language_codes[]', 'nb']);
await chosen('a language as well', narrow, 'day', { 'language_codes[]': ['nb'], 'sources[]': ['-app', '-web'] });
ok(sum(await ask(1, 'sessions/messages', narrow)) > 0, 'which leaves some');
await page.keyboard.press('Escape');

const view = await page.innerText('main');
const copy = await visit({ query: new URL(page.url()).search, zone: 'Asia/Tokyo' });
await shown(copy.page);
is(await copy.page.innerText('main'), view, 'the address shows the same to others');
await copy.context.close();

await page.goBack();
await settled(page);
is(query(page).getAll('language_codes[]'), [], 'the browser\'s way back leads to the choice before');
await same(page, 1, zoned('Europe/Oslo', ['sources[]', '-web'], ['sources[]', '-app']), 'day', 'and to its numbers');
await page.click('#sources');
await page.click('#sources-panel .quiet');
await settled(page);
await page.keyboard.press('Escape');

await page.click('#range');
await picture(page, 'range', false);
await page.click('#range-panel button:has-text("Whole life")');
await chosen('the whole life', range('2024-01-01', '2026-01-01'), 'month', { range: ['all'], from: [], granularity: [] });
is(await page.locator('.delta').count(), 0, 'which nothing is compared with');
await page.click('#range');
await page.fill('#first-day', '2025-03-10');
await page.fill('#last-day', '2025-03-09');
await page.click('.dates button');
ok(await page.isVisible('.dates .fault'), 'a first day after the last is refused');
await page.fill('#last-day', '2025-03-11');
await page.click('.dates button');
await chosen('free dates', range('2025-03-10', '2025-03-12'), 'hour', { from: ['2025-03-10'], to: ['2025-03-12'], granularity: [] });
await page.click('.step >> nth=0');
await chosen('the range before', range('2025-03-08', '2025-03-10'), 'hour', { from: ['2025-03-08'], to: ['2025-03-10'] });
is(year.faults, [], 'nothing went wrong');
await year.context.close();

// The accepted spellings of the API, and what is none of it.
const spelt = await visit({ query: '?from=2025-06-02&to=2025-07-01&language_code[]=nb&sources=-test&granularity=fortnight&range=never&x=y' });
await same(spelt.page, 1, [...range('2025-06-02', '2025-07-01'), ['language_codes[]', 'nb'], ['sources[]', '-test']], 'day', 'other spellings');
await spelt.context.close();

// ---------------------------------------------------------------- ranges that move

// What a period is says the database, whatever clock the reader has; in this one it is 2019 for ever.
sql(`INSERT INTO chat_event (bot_id, occurred_at, kind, session_id) SELECT 2103, timestamptz '2019-03-27 09:00Z' - n * interval '9 hours', 'user_message', n FROM generate_series(0, 1000) AS n
  UNION ALL SELECT 2106, '2018-06-10 12:00Z', 'user_message', 1`);
const presets = await visit({ bot: 2103 });
const [[standard]] = [sql(`SELECT concat_ws(' ', "from", "to") FROM kindly_stats.period('last30days', 'Europe/Oslo')`).split('|')];
const lastAsked = () => presets.asked.findLast(({ path }) => path.endsWith('/rpc/overview')).query;
is([query(presets.page).get('range'), lastAsked().get('period')], ['last30days', null], 'unless told otherwise, the last thirty days of the zone');
await same(presets.page, 2103, range(...standard.split(' ')), 'day', 'the last thirty days');
// the browser and node may have different versions of ICU, which put other spaces, or none, around a dash
const plain = (text) => text.replace(/\s/g, ' ').replace(/ ?– ?/g, '–');
for (const [text, name] of [['Today', 'today'], ['Yesterday', 'yesterday'], ['Last 7 days', 'last7days'], ['This week', 'thisWeek'], ['Last week', 'lastWeek'], ['This month', 'thisMonth'], ['Last month', 'lastMonth'],
  ['Last 3 months', 'last3Months'], ['This quarter', 'thisQuarter'], ['Last quarter', 'lastQuarter'], ['This year', 'thisYear'], ['Last year', 'lastYear']]) {
  await presets.page.click('#range');
  await presets.page.click(`#range-panel button:has-text("${text}")`);
  await settled(presets.page);
  const [[from, to, granularity]] = [sql(`SELECT "from", "to", granularity FROM kindly_stats.period('${name}', 'Europe/Oslo', NULL, 'en-GB')`).split('|')];
  const { range: shownRange } = (await native(2103, 'overview', [['period', name], ['tz', 'Europe/Oslo'], ['locale', 'en-GB'], ['cards', '{chats}']]));
  is([lastAsked().get('period'), shownRange.from, shownRange.to, await presets.page.locator('#granularity input:checked').inputValue()], [name, from, to, granularity], `${text}: ${from} to ${to} by ${granularity}`);
  is(plain(await presets.page.innerText('#shown strong')), plain(new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' }).formatRange(new Date(from), new Date(new Date(to) - 864e5))), 'which is said');
}
is(presets.faults, [], 'nothing went wrong');
await presets.context.close();
const late = await visit({ bot: 2106 });
is([query(late.page).get('from'), query(late.page).get('to')], ['2018-05-12', '2018-06-11'], 'where no events are that new, the last days that have some');
await late.context.close();

// ---------------------------------------------------------------- clocks that change

const autumn = await visit({ query: '?from=2025-10-26&to=2025-10-27&granularity=hour' });
const hours = await shown(autumn.page);
is([hours.messages.length, (await texts(autumn.page, '#messages tbody th')).slice(1, 5)],
  [25, ['Sun 26 Oct, 01:00 – 02:00', 'Sun 26 Oct, 02:00 – 03:00', 'Sun 26 Oct, 02:00 – 03:00 (again)', 'Sun 26 Oct, 03:00 – 04:00']], 'a day of 25 hours has them all');
await autumn.context.close();
const spring = await visit({ query: '?from=2025-03-28&to=2025-04-01&granularity=hour' });
await shown(spring.page);
is((await texts(spring.page, '#messages tbody th')).slice(48, 51), ['Sun 30 Mar, 00:00 – 01:00', 'Sun 30 Mar, 01:00 – 02:00', 'Sun 30 Mar, 03:00 – 04:00'], 'and one of 23 has no more');
await spring.context.close();
const weeks = await visit({ query: '?from=2025-06-02&to=2025-06-10&granularity=hour' });
ok(await weeks.page.isDisabled('#granularity-hour') && weeks.faults.length === 0, 'hours of more than a week cannot be asked for');
await weeks.context.close();

// ---------------------------------------------------------------- pointing, keys, dragging

const pointed = await visit({ query: '?from=2025-06-02&to=2025-07-01' });
const days = await ask(1, 'sessions/messages', range('2025-06-02', '2025-07-01'));
await pointed.page.focus('#messages .plot');
await pointed.page.keyboard.press('Home');
await pointed.page.keyboard.press('ArrowRight');
is(await pointed.page.innerText('#messages .plot [aria-live]'), `Tue, 3 Jun 2025, Messages: ${count(days[1].count)}, Mon, 5 May 2025: ${count((await ask(1, 'sessions/messages', range('2025-05-04', '2025-06-02')))[1].count)}`, 'arrow keys read the chart');
const box = await pointed.page.locator('#messages .u-over').boundingBox();
const at = (n) => [box.x + (box.width * (n + 0.5)) / days.length, box.y + 40];
await pointed.page.mouse.move(...at(9));
const earlier = await ask(1, 'sessions/messages', range('2025-05-04', '2025-06-02'));
is((await pointed.page.innerText('#messages .tip')).split(/\s*\n\s*/), ['Wed, 11 Jun 2025', 'Messages', count(days[9].count), 'Tue, 13 May 2025', count(earlier[9].count)], 'a pointer shows its day, and that of the range before');
is(await pointed.page.locator('.tip:visible').count(), 1, 'in one chart');
is(await pointed.page.locator('.band:visible').count(), 4, 'and marks it in all');
await picture(pointed.page, 'pointing', false);
await pointed.page.mouse.down();
await pointed.page.mouse.move(...at(14), { steps: 4 });
await pointed.page.mouse.up();
await settled(pointed.page);
is([query(pointed.page).get('from'), query(pointed.page).get('to')], ['2025-06-11', '2025-06-17'], 'dragging makes a range');
await pointed.page.goto(`${new URL(pointed.page.url()).origin}/?from=2025-06-02&to=2025-07-01&granularity=week`);
await settled(pointed.page);
const week = (n) => [box.x + (box.width * (n + 0.5)) / 5, box.y + 40];
await pointed.page.mouse.move(...week(1));
await pointed.page.mouse.down();
await pointed.page.mouse.move(...week(2), { steps: 4 });
await pointed.page.mouse.up();
await settled(pointed.page);
is([query(pointed.page).get('from'), query(pointed.page).get('to')], ['2025-06-09', '2025-06-23'], 'of whole weeks, too');
await pointed.page.click('#handovers .legend button >> nth=0');
is(await pointed.page.getAttribute('#handovers .legend button >> nth=0', 'aria-pressed'), 'false', 'a line can be taken out');
is(pointed.faults, [], 'nothing went wrong');
await pointed.context.close();

// ---------------------------------------------------------------- screens, themes, languages

// Text on what it stands on, names, roles, order: by the rules of WCAG 2.2 AA.
async function everybody(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
  is(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).slice(0, 3).join(', ')}`), [], `everybody can use it: ${name}`);
}

const grounds = {};
for (const colorScheme of ['light', 'dark']) {
  const { page: themed, context, faults } = await visit({ query: '?from=2025-06-02&to=2025-07-01', colorScheme });
  grounds[colorScheme] = await themed.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await picture(themed, colorScheme);
  await everybody(themed, colorScheme);
  for (const choice of ['range', 'zone', 'sources']) {
    await themed.click(`#${choice}`);
    await everybody(themed, `${colorScheme}, with ${choice} open`);
    await themed.keyboard.press('Escape');
  }
  await shown(themed);
  await everybody(themed, `${colorScheme}, with tables`);
  is(faults, [], `nothing went wrong: ${colorScheme}`);
  await context.close();
}
ok(grounds.light !== grounds.dark, `the theme is the system's: ${JSON.stringify(grounds)}`);
const themes = await visit({ query: '?from=2025-06-02&to=2025-07-01' });
const seen = [];
for (const name of ['Light', 'Dark']) {
  await themes.page.click('#theme');
  is(await themes.page.getAttribute('#theme', 'title'), `Theme: ${name}`, `or what is chosen: ${name}`);
  await themes.page.reload();
  await settled(themes.page);
  seen.push(await themes.page.evaluate(() => getComputedStyle(document.body).backgroundColor));
}
is(seen, [grounds.light, grounds.dark], 'which is kept');
await themes.context.close();
const door = await visit({ jwt: null });
await everybody(door.page, 'signing in');
await door.context.close();

for (const [width, colorScheme] of [[320, 'light'], [390, 'dark'], [768, 'light'], [1920, 'light']]) {
  const { page: screen, context, faults } = await visit({ query: '?from=2025-06-02&to=2025-07-01', width, height: 844, touch: width < 700, colorScheme });
  const wider = () => screen.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  is(await wider(), 0, `${width} pixels: nothing is cut off`);
  await picture(screen, `${width}-${colorScheme}`);
  for (const choice of ['range', 'zone', 'sources']) {
    await screen.click(`#${choice}`);
    const { x, width: wide } = await screen.locator(`#${choice}-panel`).boundingBox();
    ok(x >= 0 && x + wide <= width && await wider() === 0, `${width} pixels: nor the panel of ${choice}`, x, wide);
    if (choice === 'range') {
      await picture(screen, `${width}-${colorScheme}-range`, false);
    }
    await screen.keyboard.press('Escape');
  }
  await shown(screen);
  is(await wider(), 0, `${width} pixels: nor the tables`);
  is(faults, [], `nothing went wrong: ${width} pixels`);
  await context.close();
}

// Weeks begin, and months are, as the reader's language has them; English words stay where they are.
const american = await visit({ query: '?from=2025-06-01&to=2025-07-06&granularity=week', locale: 'en-US' });
await shown(american.page);
is((await texts(american.page, '#messages tbody th'))[0], 'Jun 1 – 7, 2025 · week 23, 2025', 'weeks of American readers begin on Sunday');
await american.context.close();
const persian = await visit({ query: '?from=2025-03-21&to=2025-09-23&granularity=month', locale: 'fa-IR', width: 390, height: 844, touch: true });
is([await persian.page.evaluate(() => document.querySelector('#messages .plot').getAttribute('aria-label').includes('۱۴۰۴')), sql("SELECT count(*) FROM kindly_stats.stats_series(1, '2025-03-21', '2025-09-23', 'Europe/Oslo', 'month', locale => 'fa-IR')")], [true, '6'],
  'months are those of the reader\'s calendar');
is([(await native(1, 'overview', range('2025-03-21', '2025-09-23'), { locale: 'fa-IR', granularity: 'month', cards: '{chats}' })).buckets.date.length, persian.faults], [6, []], 'each a bucket');
is(await persian.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0, 'and nothing is cut off');
ok((await texts(persian.page, '.delta [aria-hidden]')).every((text) => /^[↓↑] /.test(text)) , 'changes have a direction, whatever their digits', JSON.stringify(await texts(persian.page, '.delta [aria-hidden]')));
await picture(persian.page, '390-persian');
await persian.context.close();

const norwegian = await visit({ query: '?from=2024-01-01&to=2026-01-01', locale: 'nb-NO' });
is([await norwegian.page.innerText('#messages .figure strong'), await norwegian.page.innerText('#shown strong')],
  [new Intl.NumberFormat('nb-NO').format(sum(await ask(1, 'sessions/messages', range('2024-01-01', '2026-01-01')))), '1. jan. 2024–31. des. 2025'], 'numbers and dates are written in the reader\'s language');
await norwegian.context.close();

// ---------------------------------------------------------------- real events

const real = 113488;
if (sql(`SELECT count(*) FROM chat_event WHERE bot_id = ${real}`) === '0') {
  skip('real events', 'there are none');
} else {
  const life = sql(`SELECT min(occurred_at AT TIME ZONE 'Europe/Oslo')::date, (max(occurred_at AT TIME ZONE 'Europe/Oslo') + interval '1 day')::date FROM chat_event WHERE bot_id = ${real}`).split('|');
  const archive = await visit({ bot: real, query: '?range=all', colorScheme: 'dark' });
  await picture(archive.page, 'real-dark');
  await same(archive.page, real, range(...life), 'month', 'eight years of real events');
  await archive.page.click('#granularity label:has-text("Day")');
  await settled(archive.page);
  await picture(archive.page, 'real-days-dark');
  await same(archive.page, real, range(...life), 'day', 'all their days');
  is(archive.faults, [], 'nothing went wrong');
  await archive.context.close();
}

await stop();
done();
