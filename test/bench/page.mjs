// page.mjs: opens the page for each of twenty bots, and says how long it took until
// the first picture was there, and the answer for it.

import { stop, visit } from '../http/browser.mjs';

const middle = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];

// From the begin of the navigation; the font is waited for, as by who looks.
const measured = (page) => page.evaluate(() => {
  const answer = performance.getEntriesByType('resource').find(({ name }) => name.includes('/rpc/overview'));
  return { picture: performance.getEntriesByName('ready')[0].startTime, answer: answer.responseEnd - answer.startTime };
});

async function open(bot, query) {
  const { page, context } = await visit({ bot, query, ready: () => {
    const look = () => (document.body?.dataset.state === 'ready' ? performance.mark('ready') : requestAnimationFrame(look));
    look();
  } });
  const times = await measured(page);
  await context.close();
  return times;
}

await open(1, '?range=all');
for (const [section, name, range] of [['overview', 'a month by day', 'from=2025-06-01&to=2025-07-01'], ['overview', 'the year by week', 'from=2025-01-01&to=2026-01-01'],
  ['audience', 'the year by week', 'from=2025-01-01&to=2026-01-01'], ['content', 'the year by week', 'from=2025-01-01&to=2026-01-01'], ['outcomes', 'the year by week', 'from=2025-01-01&to=2026-01-01']]) {
  const all = [];
  for (let bot = 1; bot <= 20; bot += 1) {
    all.push(await open(bot, `?${range}&view=${section}`));
  }
  console.log([section, name, ...['picture', 'answer'].flatMap((each) => [middle(all.map((times) => times[each])), Math.max(...all.map((times) => times[each]))]).map((ms) => Math.round(ms))].join('\t'));
}
await stop();
