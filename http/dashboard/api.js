// api.js: questions to the statistics API, with what its documentation asks of a
// program: a new token after 401, a pause after 429.
// What is asked again comes only where it has changed (304).

import { claimsOf, readToken } from './token.js';

export class ApiError extends Error {
  constructor(status, message, hint = null) {
    super(message);
    this.status = status;
    this.hint = hint;
  }
}

async function errorOf(response) {
  // Whatever is between here and the server may answer in another shape.
  const body = await response.json().catch(() => ({}));
  return new ApiError(response.status, body.message ?? `the server answered ${response.status}`, body.hint ?? null);
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}

// So many questions run at once; the server lets a key have little more.
const AT_ONCE = 6;

// Seconds to wait where nothing says how long: Sage's addresses have no Retry-After,
// and some requests more are let through each second.
const PAUSE = 1;

// So many answers are kept, those that were had last; in the page, for browsers keep
// theirs on disk.
const KEPT = 100;

// One for the page.  askKey(bot) resolves when there is a new token; waiting(until)
// is told until when nothing may be asked, and null when it goes on.
export class Api {
  #askKey;
  #waiting;
  #until = 0;
  #asking = null;
  #free = AT_ONCE;
  #line = [];
  #kept = new Map();
  // Beside the cookie, which another tab may have given to another bot since.
  #token = readToken();

  constructor(bot, { askKey, waiting }) {
    this.bot = bot;
    this.#askKey = askKey;
    this.#waiting = waiting;
  }

  // However many questions find the token expired, the key is asked for once; and not
  // at all, where it was given in another tab.
  async #renew(refused) {
    const kept = readToken();
    if (kept !== null && kept !== refused && claimsOf(kept).bot === this.bot) {
      this.#token = kept;
      return;
    }
    this.#asking ??= this.#askKey(this.bot).then(() => { this.#token = readToken(); }).finally(() => { this.#asking = null; });
    await this.#asking;
  }

  // All wait for the one that was told to, and go on one after the other.
  async #turn(signal) {
    while (this.#until > Date.now()) {
      await pause(this.#until - Date.now() + Math.random() * 250, signal);
      if (this.#until <= Date.now()) {
        this.#waiting(null);
      }
    }
  }

  #hold(response) {
    const seconds = Number(response.headers.get('retry-after') ?? PAUSE);
    this.#until = Math.max(this.#until, Date.now() + 1000 * (Number.isFinite(seconds) && seconds > 0 ? seconds : PAUSE));
    this.#waiting(this.#until);
  }

  // Questions that came too late to be among them wait in a line.
  async #enter() {
    if (this.#free > 0) {
      this.#free -= 1;
    } else {
      await new Promise((resolve) => this.#line.push(resolve));
    }
  }

  #leave() {
    const next = this.#line.shift();
    if (next === undefined) {
      this.#free += 1;
    } else {
      next();
    }
  }

  async #ask(url, signal) {
    await this.#enter();
    try {
      return await this.#send(url, signal);
    } finally {
      this.#leave();
    }
  }

  async #send(url, signal) {
    await this.#turn(signal);
    signal?.throwIfAborted();
    const token = this.#token;
    try {
      const headers = { Authorization: `Bearer ${token}` };
      const known = this.#kept.get(url);
      if (known !== undefined) {
        headers['If-None-Match'] = known.tag;
      }
      return { token, response: await fetch(url, { headers, credentials: 'omit', cache: 'no-store', signal }) };
    } catch (error) {
      if (signal?.aborted) {
        throw error;
      }
      throw new ApiError(0, 'the server cannot be reached', 'Check the connection and try again.');
    }
  }

  // The answer, as new or as it was; whoever has it may change it.
  async #take(url, response) {
    const text = response.status === 304 ? this.#kept.get(url).text : await response.text();
    const tag = response.headers.get('etag');
    this.#kept.delete(url);
    if (tag !== null) {
      this.#kept.set(url, { tag, text });
    }
    if (this.#kept.size > KEPT) {
      this.#kept.delete(this.#kept.keys().next().value);
    }
    return JSON.parse(text);
  }

  async #get(url, signal) {
    for (;;) {
      const { token, response } = await this.#ask(url, signal);
      if (response.ok || response.status === 304) {
        return this.#take(url, response);
      }
      if (response.status === 429) {
        this.#hold(response);
      } else if (response.status !== 401) {
        throw await errorOf(response);
      } else if (this.#token === token) {
        await this.#renew(token);
      }
    }
  }

  // What the bot's events can be filtered by, and when they were.
  async options(signal = undefined) {
    return (await this.#get(`/api/v1/stats/bot/${encodeURIComponent(this.bot)}/meta/options`, signal)).data;
  }

  // Cards by name, all of one moment.  Parameters are pairs.
  overview(parameters, signal = undefined) {
    return this.#get(`/api/native/rpc/overview?${new URLSearchParams(parameters)}`, signal);
  }
}
