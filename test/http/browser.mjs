// browser.mjs: Debian's Chromium before the page, and what it has seen.
//
//   KINDLY_CHROMIUM  its program
//   KINDLY_SHOTS     a folder for pictures

import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { base, token } from './lib.mjs';

let browser = null;

// Chromium's sandbox does not let root in; nothing but our own pages is opened here.
async function start() {
  browser ??= await chromium.launch({
    executablePath: process.env.KINDLY_CHROMIUM, args: process.getuid() === 0 ? ['--no-sandbox'] : [],
  });
  return browser;
}

export const stop = async () => browser?.close();

// What a page must not do; `faults` is empty when all is well.
function watch(page, faults, asked) {
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) {
      faults.push(`${message.type()}: ${message.text()}`);
    }
  });
  page.on('pageerror', (error) => faults.push(`uncaught: ${error.message}`));
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin !== new URL(base).origin) {
      faults.push(`another host: ${request.url()}`);
    }
    asked.push({ path: url.pathname, query: url.searchParams, headers: request.headers() });
  });
}

// visit({ bot, jwt, query, ... }): the page, with a token of the bot unless jwt is null; ready is a script that runs before the page's own, prepare what is done with the empty page.  Each visitor has requests of his own:
// where the clock stands still, nobody could wait for more.
let visits = 0;
export async function visit({
  bot = 1, jwt = token({ bot, key: `visit${visits += 1}` }), query = '', width = 1280, height = 900, colorScheme = 'light', locale = 'en-GB', zone = 'Europe/Oslo', touch = false,
  now = undefined, wait = true, ready = null, prepare = null,
} = {}) {
  const context = await (await start()).newContext({
    viewport: { width, height }, colorScheme, locale, timezoneId: zone, hasTouch: touch, isMobile: touch, reducedMotion: 'reduce',
  });
  if (jwt !== null) {
    await context.addCookies([{ name: 'kindly_token', value: jwt, url: base, sameSite: 'Strict' }]);
  }
  const page = await context.newPage();
  const faults = [];
  const asked = [];
  watch(page, faults, asked);
  if (now !== undefined) {
    await page.clock.setFixedTime(now);
  }
  if (ready !== null) {
    await page.addInitScript(ready);
  }
  await prepare?.(page);
  await page.goto(`${base}/${query}`);
  if (wait && jwt !== null) {
    await settled(page);
  }
  return { page, context, faults, asked };
}

// A change makes the page load at once; then this waits for the answers.
export const settled = (page) => page.waitForFunction(() => ['ready', 'failed'].includes(document.body.dataset.state), null, { timeout: 30000 });

// The lines that Chromium writes for answers that were meant to fail.
export const unexpected = (faults, ...statuses) => faults.filter((fault) => !statuses.some((status) => fault.includes(`responded with a status of ${status}`)));

export async function picture(page, name, fullPage = true) {
  mkdirSync(process.env.KINDLY_SHOTS, { recursive: true });
  await page.screenshot({ path: `${process.env.KINDLY_SHOTS}/${name}.png`, fullPage, animations: 'disabled' });
}

export const texts = (page, selector) => page.locator(selector).allInnerTexts();
export const query = (page) => new URL(page.url()).searchParams;
