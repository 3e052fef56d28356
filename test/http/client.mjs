// client.mjs: a program of a customer, written as Sage's documentation tells him
// to: the key for a JWT, a new one after 401, a pause after 429, for ten seconds where
// there is no Retry-After, and a chart of the bot's whole life from what meta/options
// answers, as it comes.
//
//     node client.mjs URL BOT_ID API_KEY
//
// The chart goes to standard output, what happened on the way to the other.

const [url, bot, key] = process.argv.slice(2);
let jwt = null;

async function getNewJwt() {
  const response = await fetch(`${url}/api/v2/bot/${bot}/sage/auth`, { headers: { Authorization: `Bearer ${key}` } });
  if (!response.ok) {
    throw new Error(`no JWT: ${response.status}`);
  }
  return (await response.json()).jwt;
}

export async function sageRequest(endpoint, parameters = {}) {
  for (;;) {
    jwt ??= await getNewJwt();
    const response = await fetch(`${url}/api/v1/stats/bot/${bot}/${endpoint}?${new URLSearchParams(parameters)}`,
      { headers: { Authorization: `Bearer ${jwt}` } });
    if (response.status === 401) {
      console.error('401: fetching new JWT before retrying');
      jwt = null;
    } else if (response.status === 429) {
      const seconds = Number(response.headers.get('retry-after') ?? 10);
      console.error(`429: rate limited: waiting ${seconds}s before retrying`);
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    } else if (response.ok) {
      return (await response.json()).data;
    } else {
      throw new Error(`${response.status}: ${await response.text()}`);
    }
    await response.body?.cancel();
  }
}

function bar(label, n, scale) {
  const width = Math.floor(n / scale);
  return `${label}: ${n === 0 ? '' : '█'.repeat(width) || '▍'} ${n}`;
}

if (process.argv[1].endsWith('client.mjs')) {
  // A JWT from earlier, which may have expired since.
  jwt = process.env.CLIENT_JWT ?? null;
  const { first, last } = await sageRequest('meta/options');
  const messages = await sageRequest('sessions/messages', { from: first, to: last });
  const highest = Math.max(...messages.map((each) => each.count));
  console.log(`Number of messages between ${first} and ${last}`);
  for (const { date, count } of messages) {
    console.log(bar(date.slice(0, 10), count, Math.max(Math.floor(highest / 80), 1)));
  }
  // Some more of the same, as a page with many charts asks all at once.
  const more = Number(process.env.CLIENT_MORE ?? 0);
  const answers = await Promise.all(Array.from({ length: more }, () => sageRequest('fallbacks/total', { from: first, to: last })));
  if (more > 0) {
    console.log(`${answers.filter((each) => each.count === answers[0].count).length} of ${more} more questions were answered`);
  }
}
