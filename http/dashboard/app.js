// app.js: the dashboard.  The address has the choices, the choices make the view,
// the view asks the questions.

import { Api, ApiError } from './api.js';
import { ChartCard, charts, rowCharts, shown, userChart } from './cards.js';
import { Chart } from './chart.js';
import { browserZone, lastWithEvents, readChoices, sections, viewOf, viewWithout, writeChoices } from './choices.js';
import { Controls } from './controls.js';
import { byId, h, icon, sentence } from './dom.js';
import { botName, plural } from './format.js';
import { FeedbackCard, ListCard, OutcomeCard, audienceLists, contentLists, lists, outcomeList, rowLists } from './lists.js';
import { filledBy, popover, segments, themeSwitch } from './popover.js';
import { claimsOf, forgetToken, isShared, readToken } from './token.js';
import { addDays, dayAndTime, daysBetween, language, rangeName, suits } from './time.js';

// Parts that the first picture is without.
const later = { bots: () => import('./bots.js'), form: () => import('./form.js'), heatmap: () => import('./heatmap.js'), save: () => import('./save.js'), share: () => import('./share.js') };

const get = (part) => later[part]().catch(() => { throw new ApiError(0, 'the server cannot be reached', 'Check the connection and try again.'); });

// ---------------------------------------------------------------- signing in again

// of: { bot, login }, whose token it was
async function askKey(of) {
  const dialog = byId('again');
  const { signInForm } = await get('form');
  await new Promise((resolve_) => {
    const form = signInForm({ bot: of.bot ?? '', fixed: of.bot !== null, of, done: () => {
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

const EACH = 60e3;

// Charts write with the page's font, so it has to be there; where it does not come, without.
const font = Promise.race([document.fonts.load('12px "Inter Variable"'), new Promise((resolve_) => setTimeout(resolve_, 1500))]).catch(() => {});

// Where a card begins above the end of what is seen; one that is not shown has no place yet.
const isInSight = ({ element }) => element.hidden || element.getBoundingClientRect().top < document.documentElement.clientHeight;

// So long nothing is shown but what there is in the end, for mostly that is there by then: a shape
// of it would cost the browser another picture.
const SOON = 150;
const wait = (milliseconds) => new Promise((resolve_) => { setTimeout(resolve_, milliseconds); });

// When the browser has painted what there is now; a tab that nobody looks at is not painted.
const painted = () => new Promise((resolve_) => {
  if (document.hidden) {
    resolve_();
  } else {
    requestAnimationFrame(() => setTimeout(resolve_));
  }
});

class Dashboard {
  #api;
  // claims of the token: the bot, or the login that has several
  #of;
  #bots;
  #choices = null;
  // The bot, as the last answer named it.
  #bot = null;
  #view = null;
  #controls;
  #tabs;
  #switch = null;
  // by section, once it has been shown
  #made = {};
  #running = null;
  #question = null;
  // { view, at }: what the cards show
  #shown = null;
  #timer = null;
  #painted = false;

  // bots: the module, for who has several
  constructor(of, bots) {
    this.#of = of;
    this.#bots = bots;
    this.#api = new Api(of, { askKey, waiting });
    this.#controls = new Controls((changes) => this.#choose(changes));
    this.#tabs = segments({ id: 'section', name: 'Statistics of', options: sections, onchoose: (section) => this.#choose({ section }) });
    byId('tabs').replaceChildren(this.#tabs.element);
    byId('refresh').addEventListener('click', () => this.start());
    byId('save-all').addEventListener('click', () => get('save').then(({ saveAll }) => saveAll(this.#cards, shown.name)).catch((error) => this.#fail(error)));
    this.#addAuto();
    if (of.login !== null) {
      this.#switch = new bots.BotSwitch(() => this.#api.names(), (changes) => this.#choose(changes));
      byId('bot-number').replaceWith(this.#switch.element);
    }
    if (isShared()) {
      byId('leave').remove();
      byId('share-place').remove();
    } else {
      byId('share-place').append(popover({
        id: 'share', symbol: 'share', name: 'Share a link', plain: true,
        fill: filledBy(later.share, ({ shareForm }) => shareForm((lifetime) => this.#api.share(this.#asked.bot, lifetime))),
      }).element);
    }
    window.addEventListener('popstate', () => {
      this.#choices = this.#read();
      this.#load();
    });
    window.addEventListener('online', () => {
      if (document.body.dataset.state === 'failed') {
        this.start();
      }
    });
  }

  async #makeCards(section) {
    const { HeatmapCard } = section === 'audience' || section === 'row' ? await get('heatmap') : {};
    const choose = (changes) => this.#choose(changes);
    const chart = (what) => new ChartCard(what, choose);
    const list = (what) => new ListCard(what, (card) => card.load(this.#question).catch((error) => this.#fail(error)), choose);
    return {
      bots: () => [new this.#bots.BotsCard(choose)],
      overview: () => [...charts.map(chart), ...lists.map(list), new FeedbackCard()],
      audience: () => [chart(userChart), new HeatmapCard('heatmap', 'messages'), ...audienceLists.map(list)],
      content: () => contentLists.map(list),
      outcomes: () => [new OutcomeCard(), list(outcomeList)],
      row: () => [...rowCharts.map(chart), new HeatmapCard('row-heatmap', 'events'), ...rowLists.map(list)],
    }[section]();
  }

  // What is shown: all bots, one line of a list, or a section.
  get #section() { return this.#asked.bot === null && this.#of.login !== null ? 'bots' : this.#choices.row !== null ? 'row' : this.#choices.section; }

  get #cards() { return this.#made[this.#section] ?? []; }

  // The choices as questions have them: one bot's token needs no bot.
  get #asked() { return { ...this.#choices, bot: this.#of.login === null ? null : this.#choices.bot }; }

  // What the address says; it always has the one bot that there is.
  #read() {
    const choices = readChoices(location.search);
    return { ...choices, bot: this.#of.login === null ? this.#of.bot : choices.bot };
  }

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

  // The range that is chosen, where it is known before there is an answer.
  #rangeOf({ range, from, to }) {
    const [first, last] = range === null ? [from, to] : range === 'all' ? [this.#view?.life?.from, this.#view?.life?.to] : this.#view?.periods[range] ?? [];
    return first && last ? { from: first, to: last } : null;
  }

  #choose(changes) {
    this.#choices = { ...this.#choices, ...changes };
    if ('range' in changes && this.#choices.granularity !== null) {
      const range = this.#rangeOf(this.#choices);
      if (range === null || !suits(this.#choices.granularity, range)) {
        this.#choices.granularity = null;
      }
    }
    this.#write('pushState');
    this.#load();
  }

  // A link has its token behind its choices.
  #write(how) { history[how](null, '', `${writeChoices(this.#choices)}${isShared() ? location.hash : ''}`); }

  async start() {
    this.#choices = this.#read();
    await this.#load();
  }

  // One request has the answers for all cards of a section.
  #ask(signal) {
    const choices = this.#asked;
    const answer = this.#section === 'bots' ? this.#api.bots(choices, signal) : this.#api.overview(choices, undefined, undefined, signal);
    const view = answer.then((all) => ({ ...viewOf(this.#choices, all), buckets: all.buckets === undefined ? null : { ...all.buckets, dates: all.buckets.date, labels: all.buckets.label } }));
    // Whoever waits for the answer is told.
    view.catch(() => {});
    return {
      answer, view, signal, card: async (name) => (await answer).cards[name], bots: async () => (await answer).bots,
      more: async (name, top) => (await this.#api.overview(choices, [name], top, signal)).cards[name],
    };
  }

  async #load() {
    this.#running?.abort();
    this.#running = new AbortController();
    const { signal } = this.#running;
    document.body.dataset.state = 'loading';
    document.body.dataset.section = this.#section;
    const question = this.#ask(signal);
    this.#question = question;
    this.#tellRow();
    try {
      if (!this.#painted) {
        await Promise.race([Promise.allSettled([question.answer, font]), wait(SOON)]);
        signal.throwIfAborted();
      }
      await this.#place(this.#section, signal);
      await Promise.all([question.answer, font]);
    } catch (error) {
      if (!signal.aborted) {
        this.#view ??= viewWithout(this.#choices);
        this.#controls.show({ ...this.#view, ...this.#choices, ...(this.#choices.from === null ? { from: this.#view.from, to: this.#view.to } : {}), granularity: this.#choices.granularity ?? this.#view.granularity }, { sources: [], language_codes: [] });
        this.#fail(error);
      }
      return;
    }
    if (signal.aborted) {
      return;
    }
    const answer = await question.answer;
    this.#view = await question.view;
    this.#bot = answer.bot ?? null;
    // While the page is as it was painted, where they are is known.
    const here = this.#cards.filter(isInSight);
    this.#settle(answer);
    const results = await this.#fill(here, question);
    if (signal.aborted) {
      return;
    }
    document.body.dataset.state = 'ready';
    this.#finish(results);
    // also where there is nothing to see but that
    await this.#paint();
  }

  // The cards of a section in the document, waiting for what they are to show.
  async #place(section, signal) {
    if (this.#made[section] === undefined) {
      byId('cards').replaceChildren();
      this.#made[section] = await this.#makeCards(section);
      signal.throwIfAborted();
    }
    const cards = this.#made[section];
    if (byId('cards').firstChild !== cards[0].element) {
      window.scrollTo(0, 0);
      byId('cards').replaceChildren(...cards.map(({ element }) => element));
    }
    cards.forEach((card) => card.begin());
  }

  // First what is in sight, then, when that has been painted, the rest.
  async #fill(first, question) {
    const load = async (some) => {
      const results = await Promise.allSettled(some.map((card) => card.load(question)));
      Chart.drawAll();
      return results;
    };
    const results = [];
    let [here, rest] = [first, this.#cards];
    do {
      rest = rest.filter((card) => !here.includes(card));
      results.push(...await load(here));
      // where cards came out lower than they stood, more of them are in sight
      here = rest.filter(isInSight);
    } while (here.length > 0 && !question.signal.aborted);
    if (!question.signal.aborted && results.some(({ value }) => value)) {
      this.#tellTime();
      await this.#paint();
    }
    return question.signal.aborted ? results : [...results, ...await load(rest)];
  }

  // Waits until it is painted, which is marked the first time.
  async #paint() {
    await painted();
    if (!this.#painted) {
      this.#painted = true;
      performance.mark('first picture');
    }
  }

  #tellTime() {
    const at = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit' }).format(new Date());
    byId('updated').textContent = `As of ${at}`;
    return at;
  }

  // The choices as they have come out, for the controls and for the address.
  #settle(answer) {
    const { range, from, to, tz, section } = this.#view;
    this.#choices = { ...this.#choices, range, from: range === null ? from : null, to: range === null ? to : null, tz };
    this.#write('replaceState');
    this.#controls.show(this.#view, answer);
    this.#tabs.set(section);
    const name = this.#bot === null ? 'All bots' : botName(this.#bot);
    document.title = `${name} · Chatbot statistics`;
    if (this.#switch !== null) {
      this.#switch.show(this.#bot);
    } else {
      byId('bot-number').textContent = name;
      byId('bot-number').title = `Bot ${this.#bot.id}`;
    }
    if (isShared()) {
      byId('until').textContent = `Shared until ${dayAndTime(this.#of.exp)}`;
    }
    this.#tellShown(this.#view);
  }

  // That one line of a list is looked at, and the way back.
  #tellRow() {
    const { row } = this.#choices;
    byId('row').replaceChildren(...(this.#section !== 'row' ? [] : [h('p', {}, 'Only ', h('strong', { dir: 'auto' }, row.key.join(' · '))),
      h('p', { class: 'note' }, 'What is counted apart from it is not shown.'),
      h('button', { type: 'button', class: 'quiet', onclick: () => this.#choose({ row: null }) }, icon('close'), 'All statistics')]));
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
    if (empty && this.#section === 'overview') {
      this.#tellEmpty();
    } else {
      notice(empty && this.#section !== 'bots' ? { tone: 'info', symbol: 'info', text: 'There is nothing of this kind in this range.', actions: [] } : null);
    }
    this.#shown = { view: this.#view, section: this.#section, at: this.#tellTime() };
    byId('live').textContent = `Statistics of ${rangeName(this.#view)} are shown.`;
  }

  // What is shown stays, where only the way to newer figures is broken.
  #keeps(error) {
    return this.#shown !== null && this.#shown.section === this.#section && this.#shown.view.bot === this.#choices.bot && (error.status === 0 || error.status >= 500);
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
          range: null, from: null, to: null, tz: browserZone(), granularity: null, sources: { include: true, values: [] }, languages: { include: true, values: [] }, row: null,
        })]] : []),
        ...(error.status === 403 && this.#of.login !== null ? [['All bots', () => this.#choose({ bot: null, row: null })]] : []),
      ],
    });
  }

  #tellEmpty() {
    const { life, sources, languages } = this.#view;
    const filtered = sources.values.length + languages.values.length > 0;
    notice({
      tone: 'info', symbol: 'info',
      text: life === null ? 'This bot has no events yet.' : 'There is nothing in this range.',
      hint: life === null ? 'They are counted as soon as they are written.' : `The bot’s events are of ${rangeName(life)}.`,
      actions: life === null ? [] : [
        ...(filtered ? [['All sources and languages', () => this.#choose({ sources: { include: true, values: [] }, languages: { include: true, values: [] } })]] : []),
        ['The last 30 days with events', () => this.#choose(lastWithEvents(life))],
        ['Whole life', () => this.#choose({ range: 'all', from: null, to: null })],
      ],
    });
  }
}

// ---------------------------------------------------------------- the beginning

const NOBODY = { bot: null, login: null };

// A link is there or not; nobody can be asked for it.
function tellNoLink() {
  document.body.dataset.state = 'failed';
  byId('leave').remove();
  notice({ tone: 'bad', symbol: 'alert', text: 'This link is not complete.', hint: 'It may have been cut off behind its #. Ask for a new one where you got it.', actions: [] });
}

async function begin() {
  themeSwitch('theme-place');
  byId('leave').addEventListener('click', () => signOut());
  const wanted = new URLSearchParams(location.search).get('bot');
  if (isShared() && claimsOf(readToken() ?? '').bot === null) {
    tellNoLink();
    return;
  }
  if (readToken() === null) {
    await askKey({ ...NOBODY, bot: wanted });
  }
  const of = claimsOf(readToken());
  if (of.login === null && wanted !== null && wanted !== of.bot) {
    document.title = `Bot ${of.bot} · Chatbot statistics`;
    byId('bot-number').textContent = `Bot ${of.bot}`;
    byId('cards').hidden = true;
    notice({ tone: 'info', symbol: 'info', text: `This address is of bot ${wanted}; you are signed in to bot ${of.bot}.`,
      actions: [[`Sign in to bot ${wanted}`, () => signOut()], [`Go to bot ${of.bot}`, () => location.assign(`/?bot=${encodeURIComponent(of.bot)}`)]] });
    return;
  }
  await new Dashboard(of, of.login === null ? null : await get('bots')).start();
  // What they are for may come when the server is away.
  Promise.allSettled([later.form(), later.heatmap(), later.save(), later.share()]);
}

begin();
