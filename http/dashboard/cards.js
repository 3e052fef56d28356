// cards.js: what a card is, and the cards that have a chart.

import { Chart } from './chart.js';
import { h, icon, sentence } from './dom.js';
import { saveMenu } from './save.js';
import { NONE, change, count, decimal, percent, percentAxis, plural, short } from './format.js';
import { bucketEnd, bucketName, granularities, rangeName, shortcoming } from './time.js';

// A section with a heading that says how it stands: loading, ready, empty or failed.
// exported: what it shows as { columns, rows }, for files.
export class Card {
  exported = null;

  constructor(id, title) {
    this.id = id;
    // of the overview's cards, the one that it shows
    this.asks = id;
    this.title = title;
    this.optional = false;
    this.tools = h('div', { class: 'tools' });
    this.heading = h('h2', { id: `${id}-title` }, title);
    this.figures = h('div', { class: 'figures' });
    this.body = h('div', { class: 'body' });
    this.message = h('div', { class: 'message', hidden: true });
    this.element = h('section', { id, class: 'card', ariaLabelledby: `${id}-title`, 'data-state': 'loading' },
      h('header', {}, this.heading, this.tools), this.figures, this.body, this.message);
    this.tools.append(saveMenu(this));
  }

  // A canvas with what is drawn, where something is.
  picture() { return null; }

  #state(state, ...message) {
    this.element.dataset.state = state;
    this.element.removeAttribute('aria-busy');
    this.body.hidden = state === 'empty' || state === 'failed';
    this.message.hidden = !this.body.hidden;
    this.message.replaceChildren(...message);
    // What most bots have not, nobody is told that he has not.
    this.element.hidden = this.optional && state === 'empty';
    if (state !== 'ready') {
      this.exported = null;
    }
  }

  ready() { this.#state('ready'); }

  empty(text) { this.#state('empty', icon('chart'), h('p', {}, text)); }

  failed(error) {
    this.figures.replaceChildren();
    this.#state('failed', icon('alert'), h('p', {}, sentence(error.message)), error.hint ? h('p', { class: 'hint' }, error.hint) : '');
  }

  // It shows what it did: there is nothing newer.
  stay() { this.element.removeAttribute('aria-busy'); }

  // Why is said once for the whole page.
  blank() {
    this.figures.replaceChildren();
    this.#state('empty', h('p', {}, 'Not loaded'));
  }

  // What was shown stays, dimmed, until there is something newer.
  begin() {
    this.element.setAttribute('aria-busy', 'true');
    if (this.element.dataset.state === 'failed') {
      this.#state('loading');
    }
  }

  // True when there was something to show.
  async load(question) {
    this.begin();
    try {
      const answer = await this.ask(question);
      question.signal.throwIfAborted();
      return this.show(answer, question.view);
    } catch (error) {
      if (!question.signal.aborted) {
        this.stay();
      }
      throw error;
    }
  }
}

// The number of a card, what became of it, and what there is to add.
export function figure(value, delta, compared, note) {
  const change_ = delta === null ? null : h('span', { class: `delta ${delta.tone}`, title: compared },
    h('span', { ariaHidden: 'true' }, `${delta.arrow}${delta.text}`), h('span', { class: 'unseen' }, `${delta.spoken} ${compared}`));
  return [h('p', { class: 'figure' }, h('strong', {}, value), change_), note === null ? '' : h('p', { class: 'sub' }, note)];
}

export const comparedWith = (view) => (view.before === null ? '' : `compared with ${rangeName(view.before)}`);

// A table that scrolls in its own frame; the first column heads the rows.
export function table(caption, columns, rows) {
  return h('div', { class: 'frame', tabindex: 0, role: 'region', ariaLabel: caption },
    h('table', {}, h('caption', { class: 'unseen' }, caption),
      h('thead', {}, h('tr', {}, ...columns.map((column, n) => h('th', { scope: 'col', class: n > 0 ? 'number' : null }, column)))),
      h('tbody', {}, ...rows.map(([head, ...cells]) => h('tr', {}, h('th', { scope: 'row' }, head), ...cells.map((cell) => h('td', { class: 'number' }, cell)))))));
}

export class ChartCard extends Card {
  #chart;
  #plot = h('div', { class: 'plot', role: 'img' });
  #table = h('div', { class: 'rows', hidden: true });
  #legend = null;
  #what;
  #rows = null;

  // what: { id, title, noun, series: [{ name, field, color, bars, dash }], ask, figures, more, ... }
  constructor(what, onpick) {
    super(what.id, what.title);
    this.#what = what;
    if (what.series.length > 1) {
      this.#legend = h('ul', { class: 'legend', ariaLabel: 'What the chart shows' });
    }
    this.body.append(this.#plot, this.#table);
    this.#chart = new Chart(this.#plot, {
      series: what.series, format: what.rate ? percentAxis : short, exact: what.rate ? percent : count, whole: !what.rate, most: what.rate ? 1 : Infinity, onpick,
    });
    this.#addSwitch();
  }

  #addSwitch() {
    const button = h('button', { type: 'button', class: 'plain', ariaPressed: 'false', title: 'Show as a table', ariaLabel: `${this.title} as a table` }, icon('table'));
    button.addEventListener('click', () => {
      const on = button.getAttribute('aria-pressed') !== 'true';
      button.setAttribute('aria-pressed', String(on));
      this.#plot.hidden = on;
      this.#table.hidden = !on;
      this.#fillTable();
    });
    this.tools.prepend(button);
  }

  // Thousands of rows are made only for who wants them.
  #fillTable() {
    if (!this.#table.hidden) {
      this.#table.replaceChildren(this.#rows());
    }
  }

  picture() { return this.#chart.picture(); }

  ask(question) { return question.card(this.asks); }

  show(answer, view) {
    const { series, noun, more, rate, bucketsOf = (card) => card.series } = this.#what;
    const buckets = bucketsOf(answer.now);
    const before = answer.before === null || series.length > 1 ? null : bucketsOf(answer.before);
    const dates = buckets.map(({ date }) => date);
    const notes = dates.map((date) => shortcoming(date, view.granularity, view, view.today));
    const extra = more?.(buckets) ?? [];
    this.figures.replaceChildren(...figure(...this.#what.figures(answer, comparedWith(view), view)));
    if (buckets.every((bucket) => series.every(({ field }) => !bucket[field]) && !bucket.count)) {
      this.empty(`No ${noun} in this range.`);
      return false;
    }
    this.ready();
    if (this.#legend !== null) {
      this.#fillLegend(answer.now.totals);
      this.figures.append(this.#legend);
    }
    this.#plot.setAttribute('aria-label', this.#summary(buckets, dates, view));
    this.#chart.show({ dates, notes, granularity: view.granularity, more: extra, values: series.map(({ field }) => buckets.map((bucket) => bucket[field])),
      before: before?.map((bucket) => bucket[series[0].field]) ?? null, beforeDates: before?.map(({ date }) => date) ?? null });
    this.exported = {
      columns: [view.granularity, ...series.map(({ name }) => name), ...extra.map(({ name }) => name), ...(before === null ? [] : [`${series[0].name} before`])],
      rows: dates.map((date, n) => [view.granularity === 'hour' ? date.slice(0, 16).replace('T', ' ') : date.slice(0, 10), ...series.map(({ field }) => buckets[n][field]),
        ...extra.map(({ values }) => values[n]), ...(before === null ? [] : [before[n]?.[series[0].field] ?? null])]),
    };
    const [, unit] = granularities.find(([name]) => name === view.granularity);
    this.#rows = () => table(`${this.title} by ${unit.toLowerCase()}`, [unit, ...series.map(({ name }) => name), ...extra.map(({ name }) => name)],
      dates.map((date, n) => [
        [bucketName(dates, n, view.granularity), notes[n] === null ? '' : ` (${notes[n]})`].join(''),
        ...series.map(({ field }) => (rate ? percent : count)(buckets[n][field])), ...extra.map(({ texts }) => texts[n])]));
    this.#fillTable();
    return true;
  }

  #fillLegend(totals) {
    this.#legend.replaceChildren(...this.#what.series.map(({ name, color, field }, n) => {
      const button = h('button', { type: 'button', ariaPressed: 'true', title: `Show or hide ${name.toLowerCase()}` },
        h('i', { class: `dot ${this.#what.series[n].mark ?? ''}`, '--dot': `var(${color})` }), h('span', {}, name), h('b', {}, count(totals[field])));
      button.setAttribute('aria-pressed', String(this.#chart.shows(n)));
      button.addEventListener('click', () => button.setAttribute('aria-pressed', String(this.#chart.toggle(n))));
      return h('li', {}, button);
    }));
  }

  // What the picture shows, for who does not see it.
  #summary(buckets, dates, view) {
    const [{ field, name }] = this.#what.series;
    const values = buckets.map((bucket) => bucket[field]);
    const highest = values.indexOf(Math.max(...values));
    const exact = this.#what.rate ? percent : count;
    return `${this.title}, a chart by ${view.granularity}, ${rangeName(view)}. ${name} are highest, ${exact(values[highest])}, in ${bucketName(dates, highest, view.granularity)}. `
      + 'Arrow keys go from one to the next.';
  }
}

// ---------------------------------------------------------------- the charts

const sum = (list, field) => list.reduce((total, each) => total + each[field], 0);
const relative = (now, before, better) => change(now, before ?? null, { better });

// A rate of nothing is answered as 0, too.
const rates = ({ series, replies }) => series.map((bucket, n) => ({ ...bucket, rate: replies[n] > 0 ? bucket.rate : null }));
const rateOf = (card) => (card !== null && sum(card.replies.map((replies) => ({ replies })), 'replies') > 0 ? card.total.rate : null);

export const charts = [
  {
    id: 'chats', title: 'Chats', noun: 'chats',
    series: [{ name: 'Chats', field: 'count', color: '--chats', bars: true }],
    // Chats are told apart, so that one that lasts over midnight counts once in all.
    figures: ({ now, before }, compared, view) => {
      const more = sum(now.series, 'count') - now.chats;
      return [count(now.chats), relative(now.chats, before?.chats, 1), compared, more > 0 ? `Those that go on into another ${view.granularity} count there, too` : 'Sessions with a message from a user'];
    },
  },
  {
    id: 'messages', title: 'Messages', noun: 'messages',
    series: [{ name: 'Messages', field: 'count', color: '--messages', bars: true }],
    figures: ({ now, before }, compared) => [count(now.messages), relative(now.messages, before?.messages, 1), compared, now.chats > 0 ? `From users, ${decimal(now.messages / now.chats)} in a chat` : 'From users'],
  },
  {
    id: 'fallbacks', title: 'Fallback rate', noun: 'fallbacks', rate: true, bucketsOf: rates,
    series: [{ name: 'Fallback rate', field: 'rate', color: '--fallbacks', bars: false }],
    more: (buckets) => [{ name: 'Fallbacks', texts: buckets.map((bucket) => count(bucket.count)), values: buckets.map((bucket) => bucket.count) }],
    figures: ({ now, before }, compared) => [rateOf(now) === null ? NONE : percent(now.total.rate), now.total.count === 0 && before?.total.count === 0 ? null : change(rateOf(now), rateOf(before), { of: 'rate', better: -1 }), compared,
      rateOf(now) === null ? 'No replies of the bot' : `${plural(now.total.count, 'reply', 'replies')} of the bot ${now.total.count === 1 ? 'was a fallback' : 'were fallbacks'}`],
  },
  {
    id: 'handovers', title: 'Handovers', noun: 'handovers',
    // Who asks does so while somebody is there, or not: together they are the columns.
    series: [
      { name: 'Requests', field: 'requests', color: '--requests', bars: true },
      { name: 'While closed', field: 'requests_while_closed', color: '--closed', bars: true, on: 0 },
      { name: 'Started', field: 'started', color: '--started', mark: 'round' },
      { name: 'Ended', field: 'ended', color: '--ended', mark: 'ring', dash: [3, 3] },
    ],
    figures: ({ now: { totals }, before }, compared) => [count(totals.started), relative(totals.started, before?.totals.started, 0), compared, null],
  },
];

export const userChart = {
  id: 'users', title: 'Users', noun: 'users',
  series: [{ name: 'Users', field: 'count', color: '--chats', bars: true }],
  figures: ({ now, before }, compared) => [count(now.users), relative(now.users, before?.users, 1), compared, `${plural(now.created, 'wrote', 'of them wrote')} for the first time`.replace(/^1 wrote/, '1 of them wrote')],
};

// From where to where, of two buckets that were picked.
export const pickedRange = (first, last, granularity) => ({ from: first.slice(0, 10), to: bucketEnd(last, granularity) });
