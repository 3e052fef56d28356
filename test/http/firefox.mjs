// firefox.mjs: the page in Debian's Firefox.  What it shows is tested in Chromium; here,
// that another browser shows the same, and nothing goes wrong there.
//
//   KINDLY_FIREFOX  its program
//   KINDLY_SHOTS    a folder for pictures

import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import puppeteer from 'puppeteer-core';
import { base, done, is, ok, skip, token } from './lib.mjs';
import { stop, texts, visit } from './browser.mjs';

const program = process.env.KINDLY_FIREFOX;
if (!program) {
  skip('Firefox', 'it is not there');
  done();
  process.exit(0);
}

const browser = await puppeteer.launch({ browser: 'firefox', executablePath: program, headless: true, extraPrefsFirefox: { 'intl.accept_languages': 'en-GB', 'intl.locale.requested': 'en-GB' } });
mkdirSync(process.env.KINDLY_SHOTS, { recursive: true });

// Puppeteer's own way of waiting makes a function of a text in the page, which the page's policy forbids and some versions of Firefox refuse.
const until = async (page, condition) => {
  for (const end = Date.now() + 30000; !(await page.evaluate(condition)); await sleep(50)) {
    if (Date.now() > end) {
      throw new Error(`not within 30 s: ${condition}`);
    }
  }
};
const settled = (page) => until(page, () => ['ready', 'failed'].includes(document.body.dataset.state));

for (const section of ['overview', 'audience', 'content', 'outcomes']) {
  const query = section === 'outcomes' || section === 'content' ? `?from=2024-06-30&to=2024-07-03&tz=UTC&view=${section}` : `?from=2025-06-02&to=2025-07-01&tz=Europe/Oslo&view=${section}`;
  const page = await browser.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (['error', 'warn'].includes(message.type())) {
      faults.push(message.text());
    }
  });
  await page.setViewport({ width: 1280, height: 900 });
  await page.goto(`${base}/icon.svg`);
  await page.evaluate((value) => { document.cookie = `kindly_token=${value}; Path=/; SameSite=Strict`; }, token({ bot: 1, key: `firefox ${section}` }));
  await page.goto(`${base}/${query}`);
  await settled(page);
  // weeks begin as the browser's own language has them, which Firefox's is
  const chromium = await visit({ query, locale: await page.evaluate(() => navigator.language) });
  const there = await texts(chromium.page, '.card:not([hidden]) :is(h2, .figure strong, .ranked td, .heat td)');
  await chromium.context.close();
  is(await page.$$eval('.card:not([hidden]) :is(h2, .figure strong, .ranked td, .heat td)', (all) => all.map((each) => each.innerText)), there, `Firefox shows what Chromium does: ${section}`);
  ok(await page.evaluate(() => [...document.querySelectorAll('.card:not([hidden]) .plot')].every((plot) => {
    const canvas = plot.querySelector('canvas');
    return canvas !== null && canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((each) => each !== 0);
  })), `and draws: ${section}`);
  is(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0, 'nothing is cut off');
  is(faults, [], 'nothing went wrong');
  await page.screenshot({ path: `${process.env.KINDLY_SHOTS}/firefox-${section}.png`, fullPage: true });
  if (section === 'overview') {
    await page.click('#range');
    await until(page, () => document.querySelector('#range-panel button') !== null);
    await page.click('#range-panel li:last-child button');
    await until(page, () => new URLSearchParams(location.search).get('range') === 'all');
    await settled(page);
    ok((await page.$eval('#shown', (each) => each.textContent)).includes('731 days in Europe/Oslo'), 'and lets choose', await page.$eval('#shown', (each) => each.textContent));
  }
  await page.close();
}

await browser.close();
await stop();
done();
