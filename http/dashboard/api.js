// api.js: questions to the statistics API, with what its documentation asks of a
// program: a new token after 401, a pause after 429.
// What is asked again comes only where it has changed (304).

import { botsOf, botsPath, overviewOf, overviewPath } from './choices.js';
import { first } from './first.js';
import { claimsOf, isShared, readToken } from './token.js';

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
  #first = first;
  // Beside the cookie, which another tab may have given to another bot since.
  #token = readToken();

  // of: the claims of the token that all questions have
  constructor(of, { askKey, waiting }) {
    this.of = of;
    this.#askKey = askKey;
    this.#waiting = waiting;
  }

  // However many questions find the token expired, the key is asked for once; and not
  // at all, where it was given in another tab.  A link has none.
  async #renew(refused) {
    if (isShared()) {
      throw new ApiError(401, 'this link has ended', 'Ask for a new one where you got it.');
    }
    const kept = readToken();
    if (kept !== null && kept !== refused && claimsOf(kept).bot === this.of.bot && claimsOf(kept).login === this.of.login) {
      this.#token = kept;
      return;
    }
    this.#asking ??= this.#askKey(this.of).then(() => { this.#token = readToken(); }).finally(() => { this.#asking = null; });
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
      if (this.#first?.url === url && this.#first.token === token) {
        const { response } = this.#first;
        this.#first = null;
        return { token, response: await response };
      }
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

  // Cards by name, all of one moment, with what the choices come to.
  overview(choices, cards = undefined, top = undefined, signal = undefined) {
    return this.#get(overviewPath(overviewOf(choices, cards, top)), signal);
  }

  // A few totals of each bot that the token is for.
  bots(choices, signal = undefined) {
    return this.#get(botsPath(botsOf(choices)), signal);
  }

  names(signal = undefined) {
    return this.#get('/api/native/rpc/bots', signal);
  }

  // A token for who shall see one bot's statistics until then.
  async share(bot, lifetime) {
    for (;;) {
      const token = this.#token;
      let response;
      try {
        response = await fetch('/api/native/rpc/share', {
          method: 'POST', headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, credentials: 'omit', cache: 'no-store',
          body: JSON.stringify(bot === null ? { lifetime } : { bot, lifetime }),
        });
      } catch {
        throw new ApiError(0, 'the server cannot be reached', 'Check the connection and try again.');
      }
      if (response.ok) {
        return response.json();
      }
      if (response.status !== 401) {
        throw await errorOf(response);
      }
      if (this.#token === token) {
        await this.#renew(token);
      }
    }
  }
}
