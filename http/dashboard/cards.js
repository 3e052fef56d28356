// cards.js: what a card is, and the cards that have a chart.

import { Chart } from './chart.js';
import { h, icon, sentence } from './dom.js';
import { NONE, change, count, decimal, percent, percentAxis, plural, short } from './format.js';
import { filledBy, popover } from './popover.js';
import { bucketName, granularities, pickedRange, rangeName, shortcoming } from './time.js';

// The range that is shown, for the names of files.
export const shown = { name: '' };

function saveMenu(card) {
  const menu = popover({
    id: `save-${card.id}`, symbol: 'save', name: `Save ${card.title}`, plain: true,
    fill: filledBy(() => import('./save.js'), (save) => save.saveMenu(card, shown.name, () => menu.close())),
  });
  return menu.element;
}

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

  retitle(title) {
    this.title = title;
    this.heading.textContent = title;
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
      const [answer, view] = await Promise.all([this.ask(question), question.view]);
      question.signal.throwIfAborted();
      return this.show(answer, view);
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
  #shown = null;

  // what: { id, card, title, noun, series: [{ name, color, bars, dash }], values(now), more(now), figures, ... }
  // values: a list a series; choose(changes) is called with the range that was picked.
  constructor(what, choose) {
    super(what.id, what.title);
    this.#what = what;
    this.asks = what.card ?? what.id;
    this.optional = what.optional ?? false;
    if (what.series.length > 1) {
      this.#legend = h('ul', { class: 'legend', ariaLabel: 'What the chart shows' });
    }
    this.body.append(this.#plot, this.#table);
    this.#chart = new Chart(this.#plot, {
      series: what.series, format: what.rate ? percentAxis : short, exact: what.rate ? percent : count, whole: !what.rate, most: what.rate ? 1 : Infinity,
      onpick: (first, last) => choose({ range: null, granularity: null, ...pickedRange(this.#shown.buckets, first, last, this.#shown.granularity) }),
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
    if (!this.#table.hidden && this.#rows !== null) {
      this.#table.replaceChildren(this.#rows());
    }
  }

  picture() { return this.#chart.picture(); }

  ask(question) { return question.card(this.asks); }

  show(answer, view) {
    const { series, noun, more, rate, values: valuesOf } = this.#what;
    const { buckets, granularity } = view;
    this.#shown = view;
    if (this.#what.titleOf !== undefined) {
      this.retitle(this.#what.titleOf(answer));
    }
    const values = valuesOf(answer.now);
    const before = answer.before === null || series.length > 1 ? null : valuesOf(answer.before)[0];
    const notes = buckets.dates.map((_, n) => shortcoming(buckets, n, granularity, view, view.today));
    const extra = more?.(answer.now) ?? [];
    const nameOf = (n) => bucketName(buckets, n, granularity);
    const earlier = { dates: buckets.before, labels: null, end: view.before?.to };
    this.figures.replaceChildren(...figure(...this.#what.figures(answer, comparedWith(view), view)));
    if ([...values, ...extra.map((each) => each.values)].every((list) => list.every((value) => !value))) {
      this.empty(`No ${noun} in this range.`);
      return false;
    }
    this.ready();
    if (this.#legend !== null) {
      this.#fillLegend(answer.now.totals);
      this.figures.append(this.#legend);
    }
    this.#plot.setAttribute('aria-label', this.#summary(values[0], nameOf, view));
    this.#chart.show({ dates: buckets.dates, nameOf, notes, granularity, more: extra, values, before, beforeOf: (n) => bucketName(earlier, n, granularity) });
    this.exported = {
      columns: [granularity, ...series.map(({ name }) => name), ...extra.map(({ name }) => name), ...(before === null ? [] : [`${series[0].name} before`])],
      rows: buckets.dates.map((date, n) => [date.replace('T', ' '), ...values.map((list) => list[n]), ...extra.map((each) => each.values[n]), ...(before === null ? [] : [before[n] ?? null])]),
    };
    const [, unit] = granularities.find(([name]) => name === granularity);
    this.#rows = () => table(`${this.title} by ${unit.toLowerCase()}`, [unit, ...series.map(({ name }) => name), ...extra.map(({ name }) => name)],
      buckets.dates.map((_, n) => [
        [nameOf(n), notes[n] === null ? '' : ` (${notes[n]})`].join(''),
        ...values.map((list) => (rate ? percent : count)(list[n])), ...extra.map(({ texts }) => texts[n])]));
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
  #summary(values, nameOf, view) {
    const [{ name }] = this.#what.series;
    const highest = values.indexOf(Math.max(...values));
    const exact = this.#what.rate ? percent : count;
    return `${this.title}, a chart by ${view.granularity}, ${rangeName(view)}. ${name} are highest, ${exact(values[highest])}, in ${nameOf(highest)}. `
      + 'Arrow keys go from one to the next.';
  }
}

// ---------------------------------------------------------------- the charts

const relative = (now, before, better) => change(now, before ?? null, { better });
const sum = (list) => list.reduce((total, each) => total + each, 0);

// A rate of nothing is none.
const rateOf = (answer) => (answer !== null && answer.replies > 0 ? answer.fallbacks / answer.replies : null);

export const charts = [
  {
    id: 'chats', title: 'Chats', noun: 'chats',
    series: [{ name: 'Chats', color: '--chats', bars: true }], values: ({ series }) => [series],
    // Chats are told apart, so that one that lasts over midnight counts once in all.
    figures: ({ now, before }, compared, view) => [count(now.chats), relative(now.chats, before?.chats, 1), compared,
      sum(now.series) > now.chats ? `Those that go on into another ${view.granularity} count there, too` : 'Sessions with a message from a user'],
  },
  {
    id: 'messages', title: 'Messages', noun: 'messages',
    series: [{ name: 'Messages', color: '--messages', bars: true }], values: ({ series }) => [series],
    figures: ({ now, before }, compared) => [count(now.messages), relative(now.messages, before?.messages, 1), compared, now.chats > 0 ? `From users, ${decimal(now.messages / now.chats)} in a chat` : 'From users'],
  },
  {
    id: 'fallbacks', title: 'Fallback rate', noun: 'fallbacks', rate: true,
    series: [{ name: 'Fallback rate', color: '--fallbacks', bars: false }],
    values: ({ series, replied }) => [series.map((each, n) => (replied[n] > 0 ? each / replied[n] : null))],
    more: ({ series }) => [{ name: 'Fallbacks', texts: series.map(count), values: series }],
    figures: ({ now, before }, compared) => [rateOf(now) === null ? NONE : percent(rateOf(now)), now.fallbacks === 0 && before?.fallbacks === 0 ? null : change(rateOf(now), rateOf(before), { of: 'rate', better: -1 }), compared,
      rateOf(now) === null ? 'No replies of the bot' : `${plural(now.fallbacks, 'reply', 'replies')} of the bot ${now.fallbacks === 1 ? 'was a fallback' : 'were fallbacks'}`],
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
    values: ({ series }) => [series.requests, series.requests_while_closed, series.started, series.ended],
    figures: ({ now: { totals }, before }, compared) => [count(totals.started), relative(totals.started, before?.totals.started, 0), compared, null],
  },
];

export const userChart = {
  id: 'users', title: 'Users', noun: 'users',
  series: [{ name: 'Users', color: '--chats', bars: true }], values: ({ series }) => [series],
  figures: ({ now, before }, compared) => [count(now.users), relative(now.users, before?.users, 1), compared, `${plural(now.created, 'wrote', 'of them wrote')} for the first time`.replace(/^1 wrote/, '1 of them wrote')],
};

// What there is of one line of a list.
const members = { session_id: 'Chats', user_id: 'Users' };

export const rowCharts = [
  {
    id: 'row-events', card: 'row', title: 'Events', noun: 'events',
    series: [{ name: 'Events', color: '--messages', bars: true }], values: ({ series }) => [series],
    figures: ({ now, before }, compared) => [count(now.count), relative(now.count, before?.count, 0), compared, null],
  },
  {
    id: 'row-members', card: 'row', title: 'Chats', noun: 'chats', optional: true, titleOf: ({ member }) => members[member] ?? 'Members',
    series: [{ name: 'Different ones', color: '--chats', bars: true }], values: ({ member_series: series }) => [series],
    figures: ({ now, before }, compared) => [count(now.members), relative(now.members, before?.members, 0), compared, null],
  },
];
