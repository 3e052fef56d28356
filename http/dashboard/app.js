// app.js: the dashboard.  The address has the choices, the choices make the view,
// the view asks the questions.

import { Api } from './api.js';
import { ChartCard, charts, pickedRange, userChart } from './cards.js';
import { lastWithEvents, parametersOf, readChoices, resolve, sections, writeChoices, browserZone } from './choices.js';
import { Controls } from './controls.js';
import { byId, h, icon, sentence } from './dom.js';
import { signInForm } from './form.js';
import { plural } from './format.js';
import { HeatmapCard } from './heatmap.js';
import { FeedbackCard, ListCard, OutcomeCard, audienceLists, contentLists, lists, outcomeList } from './lists.js';
import { segments, themeSwitch } from './popover.js';
import { saveAll, shown } from './save.js';
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

// Lines that lists show at first, one more to know whether there are more, and one that may have no name.
const LINES = 7;
const EACH = 60e3;

class Dashboard {
  #api;
  #bot;
  #options = null;
  #choices = null;
  #view = null;
  #controls;
  #tabs;
  #sections;
  #running = null;
  #question = null;
  // { view, at }: what the cards show
  #shown = null;
  #timer = null;

  constructor(bot) {
    this.#bot = bot;
    this.#api = new Api(bot, { askKey, waiting });
    this.#controls = new Controls((changes) => this.#choose(changes));
    this.#sections = this.#makeCards();
    this.#tabs = segments({ id: 'section', name: 'Statistics of', options: sections, onchoose: (section) => this.#choose({ section }) });
    byId('tabs').replaceChildren(this.#tabs.element);
    byId('refresh').addEventListener('click', () => this.start());
    byId('save-all').addEventListener('click', () => saveAll(this.#cards));
    this.#addAuto();
    window.addEventListener('popstate', () => {
      this.#choices = readChoices(location.search);
      this.#load();
    });
    window.addEventListener('online', () => {
      if (document.body.dataset.state === 'failed') {
        this.start();
      }
    });
  }

  // By section: a card in each, those that are shown in the document.
  #makeCards() {
    const picked = (...buckets) => this.#choose({ range: null, granularity: null, ...pickedRange(...buckets) });
    const chart = (what) => new ChartCard(what, picked);
    const list = (what) => new ListCard(what, (card) => card.load(this.#question).catch((error) => this.#fail(error)), (changes) => this.#choose(changes));
    return {
      overview: [...charts.map(chart), ...lists.map(list), new FeedbackCard()],
      audience: [chart(userChart), new HeatmapCard(), ...audienceLists.map(list)],
      content: contentLists.map(list),
      outcomes: [new OutcomeCard(), list(outcomeList)],
    };
  }

  get #cards() { return this.#sections[this.#choices.section]; }

  // Asks anew each minute, while somebody looks.
  #addAuto() {
    const button = byId('auto');
    button.addEventListener('click', () => {
      const on = button.getAttribute('aria-pressed') !== 'true';
      button.setAttribute('aria-pressed', String(on));
      clearInterval(this.#timer);
      if (on) {
        this.#timer = setInterval(() => {
          if (!document.hidden && !byId('again').open && document.body.dataset.state !== 'loading') {
            this.start();
          }
        }, EACH);
        this.start();
      }
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
    document.body.dataset.state = 'loading';
    try {
      this.#options = await this.#api.options();
    } catch (error) {
      this.#fail(error);
      return;
    }
    await this.#load();
  }

  // One request has the answers for all cards of a section.
  #ask(signal, view) {
    const asked = (cards, top) => this.#api.overview(parametersOf(view, cards, top), signal);
    const all = asked([...new Set(this.#cards.map(({ asks }) => asks))], LINES);
    return { view, signal, card: async (name) => (await all)[name], more: async (name, top) => (await asked([name], top))[name] };
  }

  // A range before the bot's first event is nothing to compare with.
  #resolve() {
    const view = resolve(this.#choices, this.#options);
    const before = rangeBefore(view, view.compare);
    return { ...view, before: before !== null && view.life !== null && before.from >= view.life.first ? before : null };
  }

  async #load() {
    this.#running?.abort();
    this.#running = new AbortController();
    const { signal } = this.#running;
    this.#view = this.#resolve();
    this.#settle();
    const cards = this.#cards;
    if (byId('cards').firstChild !== cards[0].element) {
      byId('cards').replaceChildren(...cards.map(({ element }) => element));
    }
    this.#question = this.#ask(signal, this.#view);
    document.body.dataset.state = 'loading';
    const results = await Promise.allSettled(cards.map((card) => card.load(this.#question)));
    if (signal.aborted) {
      return;
    }
    document.body.dataset.state = 'ready';
    this.#finish(results);
  }

  // The choices as they have come out, for the controls and for the address.
  #settle() {
    const { range, from, to, tz, section } = this.#view;
    this.#choices = { ...this.#choices, range, from: range === null ? from : null, to: range === null ? to : null, tz };
    history.replaceState(null, '', writeChoices(this.#bot, this.#choices));
    this.#controls.show(this.#view, this.#options);
    this.#tabs.set(section);
    this.#tellShown(this.#view);
  }

  #tellShown(view) {
    const days = daysBetween(view.from, view.to);
    shown.name = `${view.from}_${addDays(view.to, -1)}`;
    byId('shown').replaceChildren(h('strong', {}, rangeName(view)), ` · ${plural(days, 'day', 'days')} in ${view.tz}`,
      view.before === null ? '' : h('span', {}, ` · compared with ${rangeName(view.before)}`));
  }

  #finish(results) {
    const failed = results.find(({ status }) => status === 'rejected');
    if (failed !== undefined) {
      this.#fail(failed.reason);
      return;
    }
    const empty = results.every(({ value }) => !value);
    if (empty && this.#view.section === 'overview') {
      this.#tellEmpty();
    } else {
      notice(empty ? { tone: 'info', symbol: 'info', text: 'There is nothing of this kind in this range.', actions: [] } : null);
    }
    const at = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' }).format(new Date());
    this.#shown = { view: this.#view, at };
    byId('updated').textContent = `As of ${at}`;
    byId('live').textContent = `Statistics of ${rangeName(this.#view)} are shown.`;
  }

  // What is shown stays, where only the way to newer figures is broken.
  #keeps(error) {
    return this.#shown !== null && this.#shown.view.section === this.#choices.section && (error.status === 0 || error.status >= 500);
  }

  #fail(error) {
    const kept = this.#keeps(error);
    document.body.dataset.state = 'failed';
    this.#cards.forEach((card) => (kept ? card.stay() : card.blank()));
    if (kept) {
      this.#tellShown(this.#shown.view);
    }
    notice({
      tone: 'bad', symbol: 'alert', text: sentence(error.message), hint: kept ? `What is shown is of ${rangeName(this.#shown.view)}, as of ${this.#shown.at}.` : error.hint,
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
