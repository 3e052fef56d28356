// logins.mjs: keys of several bots, the page's list of them, and links that are shared.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { apiKey, base, done, faultOf, is, ok, request, sql, stats, token } from './lib.mjs';
import { picture, query, settled, stop, texts, unexpected, visit } from './browser.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const now = () => Math.floor(Date.now() / 1000);
const claims = (jwt) => JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url'));
const overview = (parameters = '') => `/api/native/rpc/overview?cards={chats}${parameters}`;
const post = (path, body, jwt) => request(path, { method: 'POST', token: jwt, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
const nasty = '<img src=x onerror=alert(1)>';

sql(`DO $$ BEGIN IF to_regrole('kindly_test_team') IS NULL THEN CREATE ROLE kindly_test_team NOLOGIN; END IF; END $$;
SELECT kindly_stats.grant_bot('kindly_test_team', b) FROM unnest('{1,2,acme-support,2104}'::text[]) AS b \\g /dev/null
INSERT INTO kindly_stats.bot_name (id, name) VALUES (2104, '${nasty} ${'long '.repeat(40)}') ON CONFLICT DO NOTHING;
INSERT INTO chat_event (bot_id, occurred_at, kind, session_id) VALUES (2104, '2025-06-03 12:00Z', 'user_message', 's'), (2105, '2025-06-03 12:00Z', 'user_message', 's')`);
const key = sql("SELECT kindly_stats.create_login_key('kindly_test_team')");

// ---------------------------------------------------------------- what a login may see

const { jwt } = (await request('/api/native/login', { token: key })).json;
is([claims(jwt).login, claims(jwt).bot, claims(jwt).exp - claims(jwt).iat], ['kindly_test_team', undefined, 600], 'the token of a login has no bot');
is((await request('/api/native/rpc/bots', { token: jwt })).json.map(({ bot }) => bot).sort(), ['1', '2', '2104', 'acme-support'], 'but all that were granted');
is(claims((await request('/api/native/login', { token: apiKey(1) })).json.jwt).bot, 1, 'a key of one bot gives a token of it');
is((await request('/api/native/rpc/bots', { token: token({ bot: 'acme-support' }) })).json, [{ bot: 'acme-support', name: null }], 'which has one bot');
for (const [name, status, path, options] of [['a bot of its own', 200, overview('&bot=2'), { token: jwt }], ['another', 403, overview('&bot=2105'), { token: jwt }], ['none', 400, overview(), { token: jwt }],
  ['a documented address', 403, stats(1, 'meta/options'), { token: jwt }], ['the key in the place of a token', 401, stats(1, 'meta/options'), { token: key }],
  ['a key for a bot of its own', 200, '/api/v2/bot/2/sage/auth', { token: key }], ['a key for another', 403, '/api/v2/bot/2105/sage/auth', { token: key }],
  ['signing in to another', 403, '/api/native/login?bot=2105', { token: key }], ['an unknown parameter', 400, '/api/native/login?x=1', { token: key }], ['no key', 401, '/api/native/login', {}],
  ['no GET', 405, '/api/native/login', { method: 'POST', token: key, body: '' }], ['a made-up login', 401, overview('&bot=1'), { token: token({ login: 'nobody' }) }],
  ['a login and a bot', 403, overview('&bot=2'), { token: token({ bot: 1, login: 'kindly_test_team' }) }]]) {
  const answer = await request(path, options);
  is([answer.status, answer.headers['content-type']], [status, 'application/json; charset=utf-8'], `${status}: ${name}`, answer.text);
  ok(status === 200 || faultOf(answer) === '', 'in the shape of errors', faultOf(answer));
}
for (const path of [stats(1, 'meta/options'), '/reports/conversations', '/api/agent/analytics/nlp?client=x']) {
  ok(/ or one of several bots: GET \/api\/v2\/bot\/<BOT_ID>\/sage\/auth /.test((await request(path, { token: key })).json.hint), `and why it is refused, and what to do: ${path}`);
}
const one = (await request('/api/v2/bot/2/sage/auth', { token: key })).json.jwt;
is([claims(one).bot, claims(one).login, (await request(stats(2, 'meta/options'), { token: one })).status, (await request(overview('&bot=1'), { token: one })).status], [2, undefined, 200, 403], 'and its token is of that bot alone');
const sage = async (bot) => (await request(`/api/native/rpc/sessions_messages?bot=${bot}&from=2025-06-03&to=2025-06-04`, { token: jwt, headers: { 'Accept-Profile': 'sage' } })).json.data[0].count;
is([await sage(2104), await sage(2105)], [1, 0], 'row-level security is exact');

const all = (await request('/api/native/rpc/bots_overview?from=2025-06-02&to=2025-07-01&tz=Europe/Oslo&compare=previous_period', { token: jwt })).json;
is(all.bots.map(({ id, messages, chats, previous_messages: previous, handovers }) => [id, messages, chats, previous, handovers]),
  sql(`SELECT t.id, t.messages, t.chats, t.previous, t.handovers FROM (SELECT b AS id, m.count AS messages, m.distinct_count AS chats, m.previous_count AS previous, h.count AS handovers
    FROM unnest('{1,2,2104,acme-support}'::text[]) AS b, kindly_stats.stats_total_compared(b, '2025-06-02', '2025-07-01', 'Europe/Oslo') AS m,
    kindly_stats.stats_total(b, '2025-06-02', '2025-07-01', 'Europe/Oslo', measure => 'handovers_started') AS h) AS t ORDER BY t.messages DESC, t.id`)
    .split('\n').map((line) => line.split('|').map((each, n) => (n === 0 ? each : Number(each)))), 'totals of each');
is((await request('/api/native/rpc/bots_overview', { token: jwt, headers: { 'If-None-Match': (await request('/api/native/rpc/bots_overview', { token: jwt })).headers.etag } })).status, 304, 'with a validator');

// ---------------------------------------------------------------- the page of a login

const door = await visit({ jwt: null, query: '?from=2025-06-02&to=2025-07-01' });
await door.page.fill('#key', key);
await door.page.click('button');
await door.page.waitForSelector('#bots tbody tr');
await settled(door.page);
const { page } = door;
is([await page.innerText('#bot-switch .value'), query(page).get('bot'), await page.locator('#share:visible, #tabs:visible').count()], ['All bots', null, 0], 'a login begins with all its bots');
is((await texts(page, '#bots .pick'))[2].slice(0, nasty.length), nasty, 'by name, which is text');
is(await page.locator('#bots tbody tr:has-text("acme-support") td:has-text("–")').count(), 1, 'and rates of nothing are none');
await page.click('#bots .pick:has-text("second")');
await settled(page);
is([query(page).get('bot'), await page.innerText('#bot-switch .value'), await page.innerText('#messages .figure strong')], ['2', 'second', String(all.bots.find(({ id }) => id === '2').messages)], 'a click leads to one');
await page.click('#bot-switch');
await page.fill('#bot-switch-panel input', 'first');
await page.click('#bot-switch-panel li:has-text("First & last") button');
await settled(page);
is([query(page).get('bot'), await page.title()], ['1', 'First & last · Chatbot statistics'], 'and there is a switch');
await page.goBack();
await settled(page);
is(await page.innerText('#bot-switch .value'), 'second', 'the browser\'s way back works');
await page.goto(`${base}/?bot=2105`);
await settled(page);
is([await page.innerText('.notice p >> nth=0'), (await texts(page, '.notice button')).at(-1)], ['The token does not give access to this.', 'All bots'], 'a bot of somebody else is refused');
is(unexpected(door.faults, 401, 403), [], 'nothing else went wrong');
await door.context.close();

// ---------------------------------------------------------------- links

const own = apiKey(1);
const mine = (await request('/api/native/login', { token: own })).json.jwt;
const shared = (await post('/api/native/rpc/share', { lifetime: '1 day' }, mine)).json;
is([claims(shared.token).bot, claims(shared.token).role, Math.abs(shared.expires - now() - 86400) < 30, claims(shared.token).exp === shared.expires], [1, 'kindly_api_guest', true, true], 'a link has a token of one bot, with an end');
for (const [name, status, path, options = {}] of [['the page\'s statistics', 200, overview()], ['its bot by name', 200, overview('&bot=1')], ['another bot', 403, overview('&bot=2')], ['a documented address', 403, stats(1, 'meta/options')],
  ['an export', 403, '/api/v1/export/bot/1/2024-07-01'], ['PostgREST\'s own way', 403, '/api/native/rpc/stats_options'], ['a dialect', 403, '/api/native/rpc/meta_options', { headers: { 'Accept-Profile': 'sage' } }],
  ['conversations', 403, '/api/native/rpc/export?day=2024-07-01', { headers: { 'Accept-Profile': 'ultimate' } }], ['all bots', 403, '/api/native/rpc/bots_overview']]) {
  const answer = await request(path, { token: shared.token, ...options });
  is([answer.status, status === 200 ? '' : faultOf(answer)], [status, ''], `${status}: a link, and ${name}`, answer.text);
}
is((await post('/api/native/rpc/share', { lifetime: '1 day' }, shared.token)).status, 403, 'a link makes no other link');
is((await request('/api/native/rpc/share?lifetime=1day', { token: mine })).status, 405, 'nor does a GET');
for (const [name, status, body, by] of [['another bot', 403, { bot: '2' }, mine], ['too long', 400, { lifetime: '10 years' }, mine], ['too short', 400, { lifetime: '-1 day' }, mine], ['nothing of a time', 400, { lifetime: 'x' }, mine],
  ['a token without a key', 403, {}, token({ bot: 1 })], ['a login, a bot of its own', 200, { bot: '2' }, jwt], ['a login, another', 403, { bot: '2105' }, jwt], ['a login, none', 400, {}, jwt], ['no token', 401, {}, undefined]]) {
  is((await post('/api/native/rpc/share', body, by)).status, status, `${status}: sharing: ${name}`);
}
is((await request(overview(), { token: token({ bot: 1, role: 'kindly_api_guest', key: '0123456789ab' }) })).status, 401, 'a link of a key that is none');
is((await request(overview(), { token: token({ bot: 2, role: 'kindly_api_guest', key: own.slice(3, 15) }) })).status, 401, 'or of another bot\'s key');

const page1 = await visit({ jwt: mine, query: '?from=2025-06-02&to=2025-07-01&granularity=week' });
await page1.page.click('#share');
await page1.page.selectOption('#share-lifetime', '30 days');
await page1.page.click('.share button[type=submit]');
await page1.page.waitForSelector('#share-link');
await page1.page.evaluate(axe);
is(await page1.page.evaluate(async () => (await window.axe.run('#share-panel', { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })).violations.map(({ id }) => id)), [], 'everybody can share');
await picture(page1.page, 'share', false);
const link = await page1.page.inputValue('#share-link');
ok(link.startsWith(`${base}/shared?`) && new URL(link).hash.length > 100 && !new URL(link).search.includes(new URL(link).hash.slice(1, 40)), 'a link has its token behind the #', link);
await page1.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
await page1.page.click('#share-copy');
await page1.page.waitForFunction(() => document.getElementById('share-copy').textContent === 'Copied');
is(await page1.page.evaluate(() => navigator.clipboard.readText()), link, 'and can be copied');
const figures = await texts(page1.page, '.figure strong');
is(page1.faults, [], 'nothing went wrong');
await page1.context.close();

const guest = await visit({ jwt: null, wait: false, width: 390, height: 844, touch: true });
await guest.page.goto(link);
await settled(guest.page);
is([await texts(guest.page, '.figure strong'), await guest.page.locator('#leave, #share').count(), (await guest.context.cookies()).length], [figures, 0, 0], 'whoever has it sees the same, and needs no cookie');
ok(/^Shared until /.test(await guest.page.textContent('#until')), 'and when it ends', await guest.page.textContent('#until'));
const secret = new URL(link).hash.slice(1);
is(guest.asked.filter(({ path, query: asked, headers }) => `${path}?${asked}`.includes(secret.slice(0, 60)) || (headers.referer ?? '').includes('shared') || `${headers.cookie}`.includes(secret)), [], 'its token is in no address and told to nobody');
await picture(guest.page, 'shared-390');
await guest.page.tap('#granularity label:has-text("Day")');
await settled(guest.page);
is([new URL(guest.page.url()).hash, new URL(guest.page.url()).pathname, query(guest.page).get('granularity')], [`#${secret}`, '/shared', 'day'], 'choices go before it');
is(unexpected(guest.faults, 401), [], 'nothing went wrong');
const answer = await request('/shared');
ok(answer.status === 200 && answer.headers['referrer-policy'] === 'no-referrer' && /default-src 'none'; script-src 'self'/.test(answer.headers['content-security-policy']), 'the page of a link has the same policy', JSON.stringify(answer.headers));
await guest.page.goto(`${base}/shared`);
await guest.page.waitForSelector('.notice');
is(await guest.page.innerText('.notice p >> nth=0'), 'This link is not complete.', 'without its token it says so');
await guest.page.goto(link);
await settled(guest.page);
sql(`SELECT kindly_stats.revoke_api_key('${own}')`);
is((await request(overview(), { token: secret })).status, 401, 'a link ends with its key, at once');
await guest.page.click('#refresh');
await guest.page.waitForSelector('.notice.bad');
is(await guest.page.innerText('.notice p >> nth=0'), 'This link has ended.', 'and says so');
await guest.context.close();

sql("SELECT kindly_stats.revoke_bot('kindly_test_team', 2)");
is([(await request(overview('&bot=2'), { token: jwt })).status, (await request(overview('&bot=1'), { token: jwt })).status], [403, 200], 'a bot that is taken back is gone at once');
sql('DROP ROLE IF EXISTS kindly_test_none; CREATE ROLE kindly_test_none');
const nothing = (await request('/api/native/login', { token: sql("SELECT kindly_stats.create_login_key('kindly_test_none')") })).json.jwt;
is((await request('/api/native/rpc/bots_overview', { token: nothing })).status, 401, 'who was granted nothing sees nothing');
sql('DROP ROLE kindly_test_none');

// ---------------------------------------------------------------- everybody

for (const [width, colorScheme] of [[1280, 'light'], [1280, 'dark'], [390, 'light'], [390, 'dark']]) {
  const each = await visit({ jwt, query: '?from=2025-06-02&to=2025-07-01&tz=Europe/Oslo', width, height: 844, touch: width < 700, colorScheme });
  await picture(each.page, `bots-${width}-${colorScheme}`);
  await each.page.evaluate(axe);
  const { violations } = await each.page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
  is(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).slice(0, 3).join(', ')}`), [], `everybody can use it: bots, ${width}, ${colorScheme}`);
  is([await each.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), each.faults], [0, []], 'and nothing is cut off, or went wrong');
  await each.page.click('#bot-switch');
  await picture(each.page, `bot-switch-${width}-${colorScheme}`, false);
  await each.page.keyboard.press('Escape');
  await each.page.goto(`${base}/?bot=1&from=2025-06-02&to=2025-07-01&tz=Europe/Oslo&measure=pages&key[]=www.example.no&key[]=/`);
  await settled(each.page);
  await picture(each.page, `row-${width}-${colorScheme}`);
  await each.page.evaluate(axe);
  is((await each.page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }))).violations.map(({ id, nodes }) => `${id}: ${nodes[0].target.join(' ')}`), [], 'nor a row');
  await each.context.close();
}

await stop();
sql("DROP OWNED BY kindly_test_team; DROP ROLE kindly_test_team");
done();
