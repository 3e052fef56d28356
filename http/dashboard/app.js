// app.js: the dashboard.  The address has the choices, the choices make the view,
// the view asks the questions.

import { Api } from './api.js';
import { ChartCard, charts, pickedRange } from './cards.js';
import { lastWithEvents, parametersOf, readChoices, resolve, writeChoices, browserZone } from './choices.js';
import { Controls } from './controls.js';
import { byId, h, icon, sentence } from './dom.js';
import { signInForm } from './form.js';
import { plural } from './format.js';
import { FeedbackCard, ListCard, lists } from './lists.js';
import { themeSwitch } from './popover.js';
import { claimsOf, forgetToken, readToken } from './token.js';
import { addDays, daysBetween, rangeBefore, rangeName, suits } from './time.js';

// ---------------------------------------------------------------- signing in again

function askKey(bot) {
  const dialog = byId('again');
  return new Promise((resolve_) => {
    const form = signInForm({ bot, fixed: bot !== '', done: () => {
      dialog.close();
      resolve_();
    } });
    byId('again-form').replaceChildren(form);
    // Without a token there is nothing behind it to go back to.
    dialog.oncancel = (event) => event.preventDefault();
    dialog.showModal();
    form.focusFirst();
  });
}

function signOut(to = location.href) {
  forgetToken();
  if (to === location.href) {
    location.reload();
  } else {
    location.assign(to);
  }
}

// ---------------------------------------------------------------- notices

let countdown = null;

// { tone, symbol, text, hint, actions: [[text, f]] }
function notice(what) {
  const place = byId('notice');
  if (what === null) {
    place.replaceChildren();
    return;
  }
  place.replaceChildren(h('div', { class: `notice ${what.tone}` }, icon(what.symbol),
    h('div', {}, h('p', {}, what.text), what.hint ? h('p', { class: 'hint' }, what.hint) : null),
    h('div', { class: 'actions' }, ...(what.actions ?? []).map(([text, f]) => h('button', { type: 'button', class: 'quiet', onclick: f }, text)))));
}

function waiting(until) {
  clearInterval(countdown);
  if (until === null) {
    notice(null);
    return;
  }
  // Seen, not read out: it changes each second.
  const seconds = h('span', { ariaHidden: 'true' });
  const tell = () => {
    seconds.textContent = ` in ${plural(Math.max(Math.ceil((until - Date.now()) / 1000), 1), 'second', 'seconds')}`;
  };
  notice({ tone: 'wait', symbol: 'wait', text: h('span', {}, 'Too many requests. Going on', seconds, '…') });
  tell();
  countdown = setInterval(tell, 1000);
}

// ---------------------------------------------------------------- the page

class Dashboard {
  #api;
  #bot;
  #options = null;
  #choices = null;
  #view = null;
  #controls;
  #cards;
  #running = null;
  #question = null;

  constructor(bot) {
    this.#bot = bot;
    this.#api = new Api(bot, { askKey, waiting });
    this.#controls = new Controls((changes) => this.#choose(changes));
    const picked = (...buckets) => this.#choose({ range: null, granularity: null, ...pickedRange(...buckets) });
    this.#cards = [...charts.map((what) => new ChartCard(what, picked)), ...lists.map((what) => new ListCard(what, (card) => card.load(this.#question).catch(() => {}))), new FeedbackCard()];
    byId('cards').replaceChildren(...this.#cards.map(({ element }) => element));
    byId('refresh').addEventListener('click', () => this.start());
    window.addEventListener('popstate', () => {
      this.#choices = readChoices(location.search);
      this.#load();
    });
  }

  #choose(changes) {
    this.#choices = { ...this.#choices, ...changes };
    if ('range' in changes && this.#choices.granularity !== null && !suits(this.#choices.granularity, resolve(this.#choices, this.#options))) {
      this.#choices.granularity = null;
    }
    history.pushState(null, '', writeChoices(this.#bot, this.#choices));
    this.#load();
  }

  async start() {
    this.#choices = readChoices(location.search);
    try {
      this.#options = await this.#api.get('meta/options');
    } catch (error) {
      this.#fail(error);
      return;
    }
    await this.#load();
  }

  #ask(signal, view) {
    const asked = new Map();
    return {
      view, signal,
      ask: (endpoint, more = [], before = false) => {
        const parameters = [...parametersOf(view, before ? view.before : view), ...more];
        const key = `${endpoint}?${new URLSearchParams(parameters)}`;
        if (!asked.has(key)) {
          asked.set(key, this.#api.get(endpoint, parameters, signal));
        }
        return asked.get(key);
      },
    };
  }

  // A range before the bot's first event is nothing to compare with.
  #resolve() {
    const view = resolve(this.#choices, this.#options);
    const before = rangeBefore(view);
    return { ...view, before: view.life !== null && before.from >= view.life.first ? before : null };
  }

  async #load() {
    this.#running?.abort();
    this.#running = new AbortController();
    const { signal } = this.#running;
    this.#view = this.#resolve();
    this.#settle();
    this.#question = this.#ask(signal, this.#view);
    document.body.dataset.state = 'loading';
    const results = await Promise.allSettled(this.#cards.map((card) => card.load(this.#question)));
    if (signal.aborted) {
      return;
    }
    document.body.dataset.state = 'ready';
    this.#finish(results);
  }

  // The choices as they have come out, for the controls and for the address.
  #settle() {
    const { range, from, to, tz } = this.#view;
    this.#choices = { ...this.#choices, range, from: range === null ? from : null, to: range === null ? to : null, tz };
    history.replaceState(null, '', writeChoices(this.#bot, this.#choices));
    this.#controls.show(this.#view, this.#options);
    const days = daysBetween(from, to);
    byId('shown').replaceChildren(h('strong', {}, rangeName(this.#view)), ` · ${plural(days, 'day', 'days')} in ${tz}`,
      this.#view.before === null ? '' : h('span', {}, ` · compared with ${rangeName(this.#view.before)}`));
  }

  #finish(results) {
    const failed = results.filter(({ status }) => status === 'rejected').map(({ reason }) => reason);
    if (failed.length === results.length && new Set(failed.map(({ message }) => message)).size === 1) {
      this.#fail(failed[0]);
    } else if (failed.length === 0 && results.every(({ value }) => !value)) {
      this.#tellEmpty();
    } else {
      notice(null);
    }
    byId('updated').textContent = failed.length === 0 ? `As of ${new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' }).format(new Date())}` : '';
    byId('live').textContent = failed.length === 0 ? `Statistics of ${rangeName(this.#view)} are shown.` : '';
  }

  #fail(error) {
    document.body.dataset.state = 'failed';
    this.#cards.forEach((card) => card.blank());
    notice({
      tone: 'bad', symbol: 'alert', text: sentence(error.message), hint: error.hint,
      actions: [
        ['Try again', () => this.start()],
        ...(error.status === 400 ? [['Back to the last 30 days', () => this.#choose({
          range: null, from: null, to: null, tz: browserZone(), granularity: null, sources: { include: true, values: [] }, languages: { include: true, values: [] },
        })]] : []),
      ],
    });
  }

  #tellEmpty() {
    const { life, sources, languages } = this.#view;
    const filtered = sources.values.length + languages.values.length > 0;
    notice({
      tone: 'info', symbol: 'info',
      text: life === null ? 'This bot has no events yet.' : 'There is nothing in this range.',
      hint: life === null ? 'They are counted as soon as they are written.' : `The bot’s events are of ${rangeName({ from: life.first, to: addDays(life.last, 1) })}.`,
      actions: life === null ? [] : [
        ...(filtered ? [['All sources and languages', () => this.#choose({ sources: { include: true, values: [] }, languages: { include: true, values: [] } })]] : []),
        ['The last 30 days with events', () => this.#choose(lastWithEvents(life))],
        ['Whole life', () => this.#choose({ range: 'all', from: null, to: null })],
      ],
    });
  }
}

// ---------------------------------------------------------------- the beginning

async function begin() {
  themeSwitch('theme-place');
  byId('leave').addEventListener('click', () => signOut());
  // Charts write with the page's font, so it has to be there.
  await Promise.race([document.fonts.load('12px "Inter Variable"'), new Promise((resolve_) => setTimeout(resolve_, 1500))]).catch(() => {});
  if (readToken() === null) {
    await askKey(new URLSearchParams(location.search).get('bot') ?? '');
  }
  const { bot } = claimsOf(readToken());
  const wanted = new URLSearchParams(location.search).get('bot');
  byId('bot-number').textContent = `Bot ${bot}`;
  document.title = `Bot ${bot} · Chatbot statistics`;
  if (wanted !== null && wanted !== bot) {
    byId('cards').hidden = true;
    notice({ tone: 'info', symbol: 'info', text: `This address is of bot ${wanted}; you are signed in to bot ${bot}.`,
      actions: [[`Sign in to bot ${wanted}`, () => signOut()], [`Go to bot ${bot}`, () => location.assign(`/?bot=${encodeURIComponent(bot)}`)]] });
    return;
  }
  await new Dashboard(bot).start();
}

begin();
