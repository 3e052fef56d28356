// lists.js: the cards that have a list: pages, buttons, labels, topics, feedback and the like.

import { Card, comparedWith, figure } from './cards.js';
import { plainValue } from './choices.js';
import { languageName } from './controls.js';
import { h, icon } from './dom.js';
import { change, count, decimal, percent, plural } from './format.js';

const FEW = 5;
const MORE = 25;

// what: { id, card, title, noun, take(answer), columns: [{ name, text(item), value(item) }], head(item), plain(item), size(item), optional, pick(item) }
// plain: the head as it is written into files; pick: the changes of the choices that a click on a row makes, or null.
export class ListCard extends Card {
  #what;
  #limit = FEW;
  #again;
  #button = h('button', { type: 'button', class: 'more', hidden: true });

  #choose;

  constructor(what, again, choose) {
    super(what.id, what.title);
    this.#what = what;
    this.#again = again;
    this.#choose = choose;
    this.asks = what.card ?? what.id;
    this.optional = what.optional ?? false;
    this.#button.addEventListener('click', () => {
      this.#limit = this.#limit === FEW ? MORE : FEW;
      this.#again(this);
    });
    this.rows = h('div', {});
    this.body.append(this.rows, this.#button);
  }

  // More than are shown say whether there are more; one of them may have no name.
  async ask(question) {
    const { now } = await (this.#limit === FEW ? question.card(this.asks) : question.more(this.asks, MORE + 2));
    return now === null ? null : (this.#what.take?.(now) ?? now);
  }

  #head(item, view) {
    const { head, pick } = this.#what;
    const changes = pick?.(item, view) ?? null;
    return changes === null ? head(item, view) : h('button', { type: 'button', class: 'pick', title: changes.title, onclick: () => this.#choose(changes.choices) }, head(item, view));
  }

  show(list, view) {
    const { title, noun, columns, plain, size } = this.#what;
    if (list === null || list.length === 0) {
      this.empty(list === null ? 'Not counted by source and language.' : `No ${noun} in this range.`);
      return false;
    }
    this.ready();
    const shown = list.slice(0, this.#limit);
    const most = Math.max(...shown.map(size));
    this.rows.replaceChildren(h('table', { class: 'ranked' }, h('caption', { class: 'unseen' }, title),
      h('thead', {}, h('tr', {}, ...columns.map(({ name }, n) => h('th', { scope: 'col', class: n > 0 ? 'number' : null }, name)))),
      h('tbody', {}, ...shown.map((item) => h('tr', {},
        h('th', { scope: 'row', '--part': `${(100 * size(item)) / most}%` }, this.#head(item, view)),
        ...columns.slice(1).map(({ text }) => h('td', { class: 'number' }, text(item))))))));
    this.exported = { columns: columns.map(({ name }) => name), rows: shown.map((item) => [plain(item), ...columns.slice(1).map(({ value }) => value(item))]) };
    this.#button.hidden = list.length <= this.#limit && this.#limit === FEW;
    this.#button.textContent = this.#limit === FEW ? `Show up to ${MORE}` : `Show ${FEW}`;
    return true;
  }
}

const nothing = (text) => h('span', { class: 'nothing' }, text);
const words = (name) => name.replaceAll('_', ' ').replace(/^./, (letter) => letter.toUpperCase());

function page({ key: [host, path] }) {
  const text = `${host ?? ''}${path ?? ''}`;
  return text === '' ? nothing('no page') : h('span', { class: 'page', title: text, dir: 'ltr' }, h('span', {}, host ?? ''), h('b', {}, path ?? ''));
}

// Of a button its kind, its id and its dialogue are known; where an interaction has one of the ids, its name.
function button({ key: [id, type, dialogue], name, dialogue: where }) {
  return h('span', { class: 'button-name' },
    h('span', {}, h('b', { dir: 'auto' }, name ?? (type === null ? nothing('no type') : words(type))), dialogue === null ? null : h('small', { title: `dialogue ${dialogue}` }, ` in ${where === null ? `dialogue ${dialogue}` : where}`)),
    h('code', { title: `button ${id ?? 'without id'}` }, id ?? 'without id'));
}

const label = ({ key: [text, id] }) => h('span', { class: 'label-name', dir: 'auto', title: `label ${id ?? 'without id'}` }, text ?? nothing(id ?? 'no text'));

const counted = (name, field = 'count') => ({ name, text: (item) => count(item[field]), value: (item) => item[field] });
const part = { name: 'Of all', text: (item) => percent(item.ratio), value: (item) => item.ratio };

// What a row is called in the address of the page, and above its statistics.
const keyName = (key) => key.filter((each) => each !== null).join(' · ');

// One line, and what there is of it.  Whose key has a part without a value cannot be told
// from those that have one there, so that it is not offered.
const pickRow = (measure) => ({ key }) => (key.some((each) => each === null) ? null : { title: `Only ${keyName(key)}`, choices: { row: { measure, key } } });

// A measure's most frequent keys: those without the first part are events that have nothing of it.
const keyed = (id, title, column, noun, { measure = id, named = (key) => key[0], unit = 'Times', ratio = true } = {}) => ({
  id, title, noun, optional: true, size: (item) => item.count, columns: [{ name: column }, counted(unit), ...(ratio ? [part] : [])], pick: pickRow(measure),
  take: (list) => list.filter(({ key }) => named(key) !== null), plain: ({ key }) => named(key),
  head: ({ key }) => h('span', { class: 'label-name', dir: 'auto', title: keyName(key) }, named(key)),
});

// Clicked once more, a row gives all back.
const picked = (choice, name) => ({ value }, view) => {
  if (value === null) {
    return null;
  }
  const { include, values } = view[choice];
  const alone = include && values.length === 1 && values[0] === value;
  return { title: alone ? `All ${name}` : `Only ${plainValue(value)}`, choices: { [choice]: { include: true, values: alone ? [] : [value] } } };
};

const broken = (id, choice, title, column, textOf, columns) => ({
  id, card: choice, title, noun: 'messages', optional: true, size: (item) => item.count, columns: [{ name: column }, ...columns],
  plain: ({ value }) => (value === null ? '' : plainValue(value)), pick: picked(choice, choice),
  head: ({ value }) => h('span', { class: 'label-name', dir: 'auto' }, value === null ? nothing(`no ${column.toLowerCase()}`) : textOf(plainValue(value))),
});

export const lists = [
  {
    id: 'pages', title: 'Top pages', noun: 'pages', head: page, size: (item) => item.count, plain: ({ key }) => key.join(''), pick: pickRow('pages'),
    columns: [{ name: 'Page' }, counted('Messages'), counted('Chats', 'members')],
  },
  { id: 'labels', title: 'Labels', noun: 'labels', head: label, size: (item) => item.count, plain: ({ key: [text, id] }) => text ?? id, columns: [{ name: 'Label' }, counted('Added')], pick: pickRow('labels') },
  {
    id: 'buttons', title: 'Most clicked buttons', noun: 'clicks on buttons', head: button, size: (item) => item.count, plain: ({ name, key: [id] }) => name ?? id, pick: pickRow('buttons'),
    columns: [{ name: 'Button' }, counted('Clicks'), part],
  },
];

const bySource = (id, columns) => broken(id, 'sources', 'Sources', 'Source', (value) => value, columns);
const byLanguage = (id, columns) => broken(id, 'languages', 'Languages', 'Language', languageName, columns);
const messages = [counted('Messages'), counted('Chats', 'members')];

export const audienceLists = [bySource('by-source', messages), byLanguage('by-language', messages)];
export const rowLists = [bySource('row-source', [counted('Events')]), byLanguage('row-language', [counted('Events')])];

const interaction = ([type, name, id]) => name ?? type ?? id;

export const contentLists = [
  keyed('topics', 'Topics', 'Topic', 'topics', { unit: 'Messages' }),
  keyed('sentiments', 'Sentiments', 'Sentiment', 'sentiments', { unit: 'Messages' }),
  {
    id: 'intents', title: 'First intents', noun: 'intents', optional: true, size: (item) => item.total_conversations, plain: (item) => item.first_meaningful_intent,
    head: (item) => h('span', { class: 'label-name' }, item.first_meaningful_intent),
    columns: [{ name: 'Intent' }, counted('Conversations', 'total_conversations'), { name: 'By bot', text: (item) => percent(item.bot_handled_rate), value: (item) => item.bot_handled_rate }],
  },
  keyed('interactions', 'Interactions', 'Interaction', 'interactions', { named: interaction }),
  keyed('responses', 'Responses', 'Response', 'responses'),
  keyed('events', 'Events', 'Event', 'events', { measure: 'triggered_events', unit: 'Triggered' }),
  keyed('links', 'Links', 'Address', 'clicks on links', { unit: 'Clicks' }),
];

export const outcomeList = {
  ...keyed('outcome-list', 'How conversations ended', 'Outcome', 'conversations', { named: ([status, resolution]) => (status === null && resolution === null ? null : keyName([status, resolution])), measure: 'outcomes_ended', unit: 'Ended' }),
  card: 'outcomes', take: ({ list }) => list,
  plain: ({ key }) => keyName(key),
  head: ({ key: [status, resolution] }) => h('span', { class: 'label-name' }, h('b', {}, status ?? nothing('no status')), resolution === null ? null : h('span', { class: 'nothing' }, resolution)),
};

// ---------------------------------------------------------------- conversations

const measured = [['bot_handled_rate', 'Handled by the bot'], ['deflection_rate', 'Deflected'], ['escalation_rate', 'Escalated'], ['failed_escalation_rate', 'Escalation failed'],
  ['informed_rate', 'Informed'], ['messages_understood_rate', 'Messages understood']];

export class OutcomeCard extends Card {
  constructor() {
    super('outcomes', 'Automation rate');
    this.optional = true;
  }

  ask(question) { return question.card('outcomes'); }

  show({ now: { rates }, before }, view) {
    const conversations = rates.total_conversations;
    if (conversations === 0) {
      this.empty('No conversations in this range.');
      return false;
    }
    this.ready();
    this.figures.replaceChildren(...figure(percent(rates.automation_rate), change(rates.automation_rate, before?.rates.automation_rate ?? null, { of: 'rate', better: 1 }), comparedWith(view),
      `Of ${plural(conversations, 'conversation that', 'conversations that')} ended`));
    this.body.replaceChildren(h('table', { class: 'ranked' }, h('caption', { class: 'unseen' }, 'Rates of conversations'),
      h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Rate'), h('th', { scope: 'col', class: 'number' }, 'Of all'))),
      h('tbody', {}, ...measured.map(([name, text]) => h('tr', {}, h('th', { scope: 'row', '--part': `${100 * (rates[name] ?? 0)}%` }, h('span', { class: 'label-name' }, text)), h('td', { class: 'number' }, percent(rates[name])))))));
    this.exported = { columns: ['Rate', 'Of all'], rows: [['Automation rate', rates.automation_rate], ...measured.map(([name, text]) => [text, rates[name]])] };
    return true;
  }
}

// ---------------------------------------------------------------- feedback

const scales = {
  binary: { title: 'Thumbs', faces: [['thumbdown', 'Thumbs down'], ['up', 'Thumbs up']] },
  emojis: { title: 'Faces', faces: [['sad', 'Unhappy'], ['neutral', 'Neutral'], ['happy', 'Happy']] },
};

const total = (ratings) => ratings.reduce((sum, { count: each }) => sum + each, 0);
const mean = (ratings) => ratings.reduce((sum, { count: each, rating }) => sum + each * rating, 0) / total(ratings);

export class FeedbackCard extends Card {
  constructor() { super('feedback', 'Feedback'); }

  ask(question) { return question.card('feedback'); }

  show({ now, before }, view) {
    const given = Object.keys(scales).filter((name) => total(now[name]) > 0);
    if (given.length === 0) {
      this.empty('No feedback in this range.');
      return false;
    }
    this.ready();
    this.exported = { columns: ['Scale', 'Rating', 'Ratings', 'Of all'],
      rows: given.flatMap((name) => now[name].map(({ rating, count: each, ratio }) => [scales[name].title, scales[name].faces[rating - 1]?.[1] ?? rating, each, ratio])) };
    this.body.replaceChildren(...given.map((name) => this.#scale(name, now[name], before?.[name] ?? null, comparedWith(view))));
    return true;
  }

  #scale(name, ratings, before, compared) {
    const { title, faces } = scales[name];
    const comparable = before !== null && total(before) > 0;
    const best = ratings.at(-1).ratio;
    const head = name === 'binary'
      ? figure(percent(best), comparable ? change(best, before.at(-1).ratio, { of: 'rate', better: 1 }) : null, compared, `thumbs up, of ${plural(total(ratings), 'rating', 'ratings')}`)
      : figure(decimal(mean(ratings)), comparable ? change(mean(ratings), mean(before), { of: 'mean', better: 1 }) : null, compared, `of ${faces.length} on average, of ${plural(total(ratings), 'rating', 'ratings')}`);
    return h('div', { class: `scale ${name}` }, h('div', { class: 'figures' }, ...head),
      h('table', { class: 'ranked' }, h('caption', { class: 'unseen' }, `Feedback: ${title}`),
        h('thead', { class: 'flat' }, h('tr', {}, ...['Rating', 'Ratings', 'Of all'].map((column, n) => h('th', { scope: 'col', class: n > 0 ? 'number' : null }, h('span', { class: 'unseen' }, column))))),
        h('tbody', {}, ...ratings.toReversed().map(({ rating, count: each, ratio }) => {
          const [face, text] = faces[rating - 1] ?? ['neutral', String(rating)];
          return h('tr', {}, h('th', { scope: 'row', class: face, '--part': `${100 * ratio}%` }, h('span', { class: 'rating' }, icon(face), text)),
            h('td', { class: 'number' }, count(each)), h('td', { class: 'number' }, percent(ratio)));
        }))));
  }
}
