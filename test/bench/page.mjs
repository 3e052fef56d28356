// page.mjs: opens the page for each of twenty bots, and says how long it took until
// the first picture was there, and the answer for it, and how long the page's thread
// was at work in all, which a busy machine changes less.

import { stop, visit } from '../http/browser.mjs';

const middle = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

// From the begin of the navigation until all that a window of 1280 × 800 shows was painted, in
// the page's font: then the page sets this mark, as test/http/sections.mjs makes sure.
const measured = (page) => page.evaluate(async () => {
  while (performance.getEntriesByName('first picture').length === 0) {
    await new Promise((later) => { setTimeout(later, 20); });
  }
  const answer = performance.getEntriesByType('resource').find(({ name }) => name.includes('/rpc/overview'));
  return { picture: performance.getEntriesByName('first picture')[0].startTime, answer: answer.responseEnd - answer.startTime };
});

// Processor time, in milliseconds.
async function workOf(cdp) {
  const { metrics } = await cdp.send('Performance.getMetrics');
  const of = (name) => 1000 * metrics.find((each) => each.name === name).value;
  return { task: of('TaskDuration'), script: of('ScriptDuration'), style: of('RecalcStyleDuration'), layout: of('LayoutDuration') };
}

async function open(bot, query) {
  let cdp = null;
  const { page, context } = await visit({ bot, query, height: 800, prepare: async (blank) => {
    cdp = await blank.context().newCDPSession(blank);
    await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  } });
  const times = { ...await measured(page), ...await workOf(cdp) };
  await context.close();
  return times;
}

// All of a bot before the next one: what comes later finds the machine no warmer than what comes first.
const year = 'from=2025-01-01&to=2026-01-01';
const ranges = [['overview', 'a month by day', 'from=2025-06-01&to=2025-07-01'], ...['overview', 'audience', 'content', 'outcomes'].map((section) => [section, 'the year by week', year])];
const all = ranges.map(() => []);
for (let bot = 0; bot <= 20; bot += 1) {
  for (const [n, [section, , range]] of ranges.entries()) {
    const times = await open(bot || 20, `?${range}&view=${section}`);
    // the first visits are those of a machine that was just started
    if (bot > 0) {
      all[n].push(times);
    }
  }
}
ranges.forEach(([section, name], n) => {
  const of = (each) => all[n].map((times) => times[each]);
  console.log([section, name, ...[middle(of('picture')), Math.max(...of('picture')), ...['answer', 'task', 'script', 'style', 'layout'].map((each) => middle(of(each)))].map((ms) => Math.round(ms))].join('\t'));
});
await stop();
