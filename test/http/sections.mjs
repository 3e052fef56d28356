// sections.mjs: what the page has beside the statistics of the first documents: sections, rows to
// filter by, comparisons, files, and figures that stay when the server is away.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { done, is, ok, request, sql, token } from './lib.mjs';
import { picture, query, settled, stop, texts, visit } from './browser.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const count = (value) => new Intl.NumberFormat('en-GB').format(value);
const percent = (value) => new Intl.NumberFormat('en-GB', { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(value);
const rows = (page, id, cells = 'th, td') => page.evaluate(([selector, each]) => [...document.querySelectorAll(`${selector} tbody tr`)].map((row) => [...row.querySelectorAll(each)].map((cell) => cell.textContent)), [`#${id}`, cells]);
const lines = (text) => (text === '' ? [] : text.split('\n').map((line) => line.split('|')));

// A bot of which there is a little of everything.
const bot = 2102;
sql(`INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, user_id, source, topic, sentiment, matched)
  SELECT ${bot}, timestamptz '2025-03-03 10:00Z' + n * interval '7 hours', 'user_message', 's' || n / 3, 'u' || n % 9, CASE n % 4 WHEN 0 THEN 'web' WHEN 1 THEN '-odd' WHEN 2 THEN 'app' END,
    (ARRAY['orders', 'returns', NULL])[1 + n % 3], (ARRAY['positive', 'negative'])[1 + n % 2], n % 2 = 0 FROM generate_series(0, 59) AS n;
INSERT INTO chat_event (bot_id, occurred_at, kind, button_id, button_type, dialogue_id) SELECT ${bot}, '2025-03-05 12:00Z', 'button_click', 'b1', 'quick_reply', 'd1' FROM generate_series(1, 4);
INSERT INTO chat_event (bot_id, occurred_at, kind, button_id, button_type, dialogue_id) SELECT ${bot}, '2025-03-05 12:00Z', 'button_click', 'b2', 'quick_reply', 'd2';
INSERT INTO chat_event (bot_id, occurred_at, kind, interaction_id, interaction_name, interaction_type) VALUES (${bot}, '2025-03-05 12:00Z', 'interaction', 'b1', 'Track my parcel', 'button'),
  (${bot}, '2025-03-05 12:00Z', 'interaction', 'd2', 'Opening hours', 'dialogue');
INSERT INTO chat_event (bot_id, occurred_at, kind, event_name) VALUES (${bot}, '2025-03-05 12:00Z', 'event_triggered', '=HYPERLINK("x")');
INSERT INTO chat_event (bot_id, occurred_at, kind, url) VALUES (${bot}, '2025-03-05 12:00Z', 'link_click', 'https://example.com/a');
INSERT INTO chat_event (bot_id, occurred_at, kind, rating_type, rating) VALUES (${bot}, '2025-03-05 12:00Z', 'feedback', 'emojis', 3), (${bot}, '2025-03-13 12:00Z', 'feedback', 'emojis', 1)`);

// ---------------------------------------------------------------- one request

const first = await visit({ query: '?from=2025-06-02&to=2025-07-01' });
is(first.asked.filter(({ path }) => /^\/(api|reports)\//.test(path)).map(({ path }) => path), ['/api/native/rpc/overview'], 'the first picture takes one request');
await first.context.close();
// which files it waits for: the browser is told of all of them beforehand, and of none that only a click needs
for (const section of ['overview', 'audience']) {
  const each = await visit({ query: `?from=2025-06-02&to=2025-07-01&view=${section}` });
  const { files, told } = await each.page.evaluate(() => {
    const { startTime: end } = performance.getEntriesByName('first picture')[0];
    return {
      files: performance.getEntriesByType('resource').filter(({ name, startTime }) => startTime < end && name.endsWith('.js')).map(({ name }) => new URL(name).pathname).sort(),
      told: [...document.querySelectorAll('script[src], link[rel="modulepreload"]')].map((element) => element.getAttribute('src') ?? element.getAttribute('href')).sort(),
    };
  });
  is(files, told, `what the first picture needs is asked for at once, and once: ${section}`);
  is(files.filter((name) => ['/bots.js', '/form.js', '/save.js', '/share.js', ...(section === 'overview' ? ['/heatmap.js'] : [])].includes(name)), [], 'and nothing that it does not need');
  await each.page.waitForFunction(() => performance.getEntriesByType('resource').some(({ name }) => name.endsWith('/save.js')));
  await each.context.setOffline(true);
  await each.page.click('#users .tools .popover > button, #chats .tools .popover > button');
  await each.page.waitForSelector('.menu button');
  is(await each.page.locator('.menu button').allInnerTexts(), ['Table (CSV)', 'Picture (PNG)'], 'which comes then, so that it is there when the server is away');
  await each.context.close();
}
const refused = await request('/api/native/rpc/overview?from=2025-06-02&to=2025-07-01&cards={chats,x}', { token: token({ bot: 1 }) });
is([refused.status, refused.json.message], [400, 'there is no card "x"'], 'a card that is none');
is((await request('/api/native/rpc/overview?bot=2&from=2025-06-02&to=2025-07-01', { token: token({ bot: 1 }) })).status, 403, 'another bot\'s');
is((await request('/api/native/rpc/overview?from=2025-06-02&to=2025-07-01', {})).status, 401, 'no token');
for (const wrong of ['from=2025-06-02', 'period=today&from=2025-06-02&to=2025-07-01', 'period=fortnight', 'compare=never', 'measure=pages', 'tz=Nowhere']) {
  is((await request(`/api/native/rpc/overview?${wrong}`, { token: token({ bot: 1 }) })).status, 400, `400: ${wrong}`);
}
const polled = '/api/native/rpc/overview?from=2025-06-02&to=2025-07-01';
const { etag } = (await request(polled, { token: token({ bot: 1 }) })).headers;
is((await request(polled, { token: token({ bot: 1 }), headers: { 'If-None-Match': etag } })).status, 304, 'an answer that has not changed is not sent again');

// ---------------------------------------------------------------- sections

const utc = 'tz=UTC&from=2025-03-03&to=2025-03-11';
const { page, context, faults } = await visit({ bot, query: `?${utc}` });
is((await rows(page, 'buttons', 'b')).map(([name]) => name), ['Track my parcel', 'Quick reply'], 'buttons have the names of interactions');
ok((await page.innerText('#buttons')).includes('in Opening hours'), 'and so have dialogues', await page.innerText('#buttons'));
is(await page.innerText('#fallbacks .figure strong'), '–', 'a rate of nothing is none');
await page.click('#section label:has-text("Audience")');
await settled(page);
is(query(page).get('view'), 'audience', 'the address has the section');
is(await page.innerText('#users .figure strong'), sql(`SELECT count(DISTINCT user_id) FROM chat_event WHERE bot_id = ${bot} AND kind = 'user_message' AND occurred_at >= '2025-03-03Z' AND occurred_at < '2025-03-11Z'`), 'users');
is(await page.innerText('#users .sub'), '9 of them wrote for the first time', 'and new ones');
const sources = `SELECT coalesce(source, 'no source'), count(*), count(DISTINCT session_id) FROM chat_event WHERE bot_id = ${bot} AND kind = 'user_message' AND occurred_at >= '2025-03-03Z' AND occurred_at < '2025-03-11Z'`;
is((await rows(page, 'by-source')).sort(), lines(sql(`${sources} GROUP BY 1`)).sort(), 'by source, those without one as well');
// eight days, of which one weekday came twice
is((await rows(page, 'heatmap', 'td')).map((day, n) => day.map((each) => Number(each) * (n === 0 ? 2 : 1))), Array.from({ length: 7 }, (_, day) => Array.from({ length: 24 }, (__, hour) => Number(sql(`SELECT count(*) FROM chat_event WHERE bot_id = ${bot}
  AND kind = 'user_message' AND occurred_at >= '2025-03-03Z' AND occurred_at < '2025-03-11Z' AND extract(isodow FROM occurred_at AT TIME ZONE 'UTC') = ${day + 1} AND extract(hour FROM occurred_at AT TIME ZONE 'UTC') = ${hour}`)))), 'by hour of the week');
await page.click('#by-source .pick:has-text("-odd")');
await settled(page);
is([query(page).getAll('sources[]'), (await rows(page, 'by-source')).length], [['\\-odd'], 1], 'a click on a row filters by it');
is(await page.innerText('#users .figure strong'), sql(`SELECT count(DISTINCT user_id) FROM chat_event WHERE bot_id = ${bot} AND source = '-odd' AND occurred_at >= '2025-03-03Z' AND occurred_at < '2025-03-11Z'`), 'all the others, too');
await page.click('#by-source .pick');
await settled(page);
is([query(page).getAll('sources[]'), (await rows(page, 'by-source')).length], [[], 4], 'another gives all back');

await page.click('#section label:has-text("Content")');
await settled(page);
const topics = `SELECT topic, count(*) FROM chat_event WHERE bot_id = ${bot} AND topic IS NOT NULL AND occurred_at >= '2025-03-03Z' AND occurred_at < '2025-03-11Z' GROUP BY 1 ORDER BY 2 DESC, 1`;
is((await rows(page, 'topics')).map((row) => row.slice(0, 2)), lines(sql(topics)), 'topics');
is((await rows(page, 'sentiments')).length, 2, 'sentiments');
is((await rows(page, 'interactions')).map(([name]) => name).sort(), ['Opening hours', 'Track my parcel'], 'interactions');
is((await rows(page, 'links')).map(([name]) => name), ['https://example.com/a'], 'links');
is(await page.locator('#responses:visible, #intents:visible').count(), 0, 'what there is nothing of is not there');
const saved = async (click) => {
  const [file] = await Promise.all([page.waitForEvent('download'), click()]);
  return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
};
const save = (id, text) => saved(async () => {
  await page.click(`#save-${id}`);
  await page.click(`#save-${id}-panel button:has-text("${text}")`);
});
const events = await save('events', 'CSV');
is([events.name, events.bytes.toString()], ['events_2025-03-03_2025-03-10.csv', '\uFEFFEvent,Triggered,Of all\r\n"\'=HYPERLINK(""x"")",1,1\r\n'], 'a card as a file, in which no text is a formula');
is(await page.locator('#save-events-panel button:has-text("PNG")').count(), 0, 'a list is no picture');
const all = (await saved(() => page.click('#save-all'))).bytes.toString();
ok(all.startsWith('\uFEFFcard,row,column,value\r\n') && all.includes('Topics,orders,Messages,') && all.includes('Links,https://example.com/a,Clicks,1\r\n'), 'all cards in one', all);
// One line of a list: what there is of it.
await page.click('#topics .pick:has-text("orders")');
await settled(page);
is([query(page).get('measure'), query(page).getAll('key[]'), await page.innerText('#row strong')], ['topics', ['orders'], 'orders'], 'a click on a row of any list shows that row');
const only = `FROM chat_event WHERE bot_id = ${bot} AND topic = 'orders' AND occurred_at >= '2025-03-03Z' AND occurred_at < '2025-03-11Z'`;
is([await page.innerText('#row-events .figure strong'), (await rows(page, 'row-source')).sort()], [sql(`SELECT count(*) ${only}`), lines(sql(`SELECT coalesce(source, 'no source'), count(*) ${only} GROUP BY 1`)).sort()], 'its events, and their sources');
is([await page.locator('.card:visible').count(), await page.locator('#topics, #tabs:visible').count()], [4, 0], 'and nothing else', await page.innerText('#cards'));
await page.click('#row-source .pick:has-text("web")');
await settled(page);
is([query(page).getAll('sources[]'), await page.innerText('#row-events .figure strong')], [['web'], sql(`SELECT count(*) ${only} AND source = 'web'`)], 'beside other filters');
await page.goBack();
await settled(page);
await page.click('#row button');
await settled(page);
is([query(page).get('measure'), query(page).get('view'), await page.locator('#topics:visible').count()], [null, 'content', 1], 'and there is a way back');

await page.click('#section label:has-text("Overview")');
await settled(page);
is(await page.locator('#buttons .pick').count(), 2, 'buttons can be picked, too');
const chart = await save('messages', 'CSV');
is(chart.bytes.toString().split('\r\n').slice(0, 2), ['\uFEFFday,Messages', '2025-03-03,2'], 'a chart as a table');
const drawn = await save('messages', 'PNG');
is([drawn.name, drawn.bytes.subarray(1, 4).toString(), drawn.bytes.readUInt32BE(16) > 400], ['messages_2025-03-03_2025-03-10.png', 'PNG', true], 'and as a picture');
is(faults, [], 'nothing went wrong');
await context.close();

const ended = await visit({ query: '?from=2024-06-30&to=2024-07-03&tz=UTC&view=outcomes' });
const [rates] = lines(sql("SELECT automation_rate, bot_handled_rate, total_conversations FROM ultimate.metrics(1, '2024-06-30', '2024-07-03')"));
is([await ended.page.innerText('#outcomes .figure strong'), (await rows(ended.page, 'outcomes'))[0][1]], [percent(Number(rates[0])), percent(Number(rates[1]))], 'rates of conversations');
ok((await ended.page.innerText('#outcomes .sub')).includes(count(Number(rates[2]))), 'of how many');
await ended.page.click('#section label:has-text("Content")');
await settled(ended.page);
is((await rows(ended.page, 'intents'))[0].slice(0, 2), ['Greeting', rates[2]], 'intents');
await ended.page.click('#range');
is(await texts(ended.page, '#compare label'), ['The period before', 'A year before', 'A year before, same weekdays', 'Nothing'], 'what is compared with can be chosen');
await ended.context.close();

// ---------------------------------------------------------------- comparisons

const few = await visit({ bot, query: '?tz=UTC&from=2025-03-13&to=2025-03-21&view=overview' });
is(await few.page.innerText('#feedback .delta span >> nth=0'), '↓ -2.0', 'a mean that was 3 and is 1 has lost 2, not two thirds');
await few.context.close();
const year = await visit({ query: '?from=2025-06-02&to=2025-07-01&compare=previous_year' });
is(await year.page.innerText('#shown span'), ' · compared with 2 – 30 Jun 2024', 'a year before');
await year.page.focus('#messages .plot');
await year.page.keyboard.press('Home');
const was = sql("SELECT count FROM kindly_stats.stats_series(1, '2024-06-02', '2024-06-03', 'Europe/Oslo')");
ok((await year.page.innerText('#messages .plot [aria-live]')).endsWith(`Sun, 2 Jun 2024: ${was}`), 'day by day', await year.page.innerText('#messages .plot [aria-live]'));
await year.page.click('#range');
await year.page.click('#compare label:has-text("Nothing")');
await settled(year.page);
is([query(year.page).get('compare'), await year.page.locator('.delta').count()], ['none', 0], 'or with nothing');
await year.context.close();

// ---------------------------------------------------------------- a long life

const life = await visit({ query: '?range=all&view=audience' });
is([await life.page.innerText('#heatmap .message'), (await life.page.innerText('#users .figure strong')).length > 0], ['Hours are counted in ranges of up to a year.', true], 'a range that is too long for hours has all the rest');
await life.page.click('#granularity label:has-text("Month")');
await settled(life.page);
is(life.faults, [], 'nothing went wrong');
await life.context.close();

// ---------------------------------------------------------------- the first picture

// What there is of each card at the moment that counts as the first picture, which is when a frame has
// been painted after the last change of what is in sight; and which of them are in sight then, and in the end.
const recording = () => {
  let frames = 0;
  const count = () => {
    frames += 1;
    window.requestAnimationFrame(count);
  };
  window.requestAnimationFrame(count);
  const changed = new Map();
  new MutationObserver((changes) => changes.forEach(({ target }) => {
    const card = (target.nodeType === 1 ? target : target.parentElement)?.closest('.card');
    if (card) {
      changed.set(card.id, frames);
    }
  })).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  const mark = performance.mark.bind(performance);
  performance.mark = (name) => {
    const drawn = (canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((each) => each !== 0);
    window.atFirst = [...document.querySelectorAll('.card:not([hidden])')].map((card) => ({
      id: card.id, state: card.dataset.state, sight: card.getBoundingClientRect().top < window.innerHeight, frames: frames - changed.get(card.id),
      drawn: [...card.querySelectorAll('.plot canvas')].every(drawn), figure: card.querySelector('.figure strong')?.textContent ?? null,
    }));
    return mark(name);
  };
};
for (const [width, height] of [[1280, 800], [390, 844]]) {
  for (const section of ['overview', 'audience', 'content', 'outcomes']) {
    const each = await visit({ bot: section === 'outcomes' ? 1 : bot, query: `?${section === 'outcomes' ? 'from=2024-06-30&to=2024-07-03&tz=UTC' : utc}&view=${section}`, width, height, touch: width < 700, ready: recording });
    const first = await each.page.evaluate(() => window.atFirst);
    const sight = first.filter((card) => card.sight);
    const end = await each.page.evaluate(() => [...document.querySelectorAll('.card:not([hidden])')].filter((card) => card.getBoundingClientRect().top < window.innerHeight).map((card) => [card.id, card.querySelector('.figure strong')?.textContent ?? null]));
    is(sight.map(({ id, figure }) => [id, figure]), end, `what is in sight in the end is so at the first picture: ${section}, ${width}`);
    ok(sight.length > 0 && sight.every(({ state, drawn, frames }) => ['ready', 'empty'].includes(state) && drawn && frames > 0), 'with all that it shows, and painted', JSON.stringify(sight));
    is(await each.page.evaluate(() => document.body.dataset.state), 'ready', 'and what is below comes then');
    is(each.faults, [], 'nothing went wrong');
    await each.context.close();
  }
}

// ---------------------------------------------------------------- each minute

const own = await visit({ query: '?from=2025-06-02&to=2025-07-01', wait: false, jwt: token({ bot: 1, key: 'minute' }) });
await own.page.clock.install();
await own.page.reload();
await settled(own.page);
await own.page.click('#auto');
await settled(own.page);
const asked = () => own.asked.filter(({ path }) => path.endsWith('/rpc/overview')).length;
const begun = asked();
const next = own.page.waitForRequest('**/rpc/overview?*');
await own.page.clock.runFor(61000);
await next;
ok(asked() === begun + 1, 'it asks anew each minute when told to', begun, asked());
await own.page.click('#auto');
await own.page.clock.runFor(200000);
ok(asked() === begun + 1 && await own.page.getAttribute('#auto', 'aria-pressed') === 'false', 'and no more');
await own.context.close();

// ---------------------------------------------------------------- everybody

for (const [width, colorScheme] of [[1280, 'light'], [1280, 'dark'], [390, 'light'], [390, 'dark']]) {
  for (const section of ['overview', 'audience', 'content', 'outcomes']) {
    const shown = section === 'outcomes' ? { bot: 1, range: 'from=2024-06-30&to=2024-07-03&tz=UTC' } : { bot, range: utc };
    const each = await visit({ bot: shown.bot, query: `?${shown.range}&view=${section}`, width, height: 844, touch: width < 700, colorScheme });
    await picture(each.page, `${section}-${width}-${colorScheme}`);
    await each.page.evaluate(axe);
    const { violations } = await each.page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
    is(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).slice(0, 3).join(', ')}`), [], `everybody can use it: ${section}, ${width}, ${colorScheme}`);
    is(await each.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0, 'and nothing is cut off');
    is(each.faults, [], 'nothing went wrong');
    await each.context.close();
  }
}

await stop();
done();
