// lists.js: the cards that have a list: pages, buttons, labels, feedback.

import { Card, comparedWith, figure } from './cards.js';
import { h, icon } from './dom.js';
import { change, count, decimal, percent, plural } from './format.js';

const FEW = 5;
const MORE = 25;

// what: { id, title, noun, endpoint, columns: [{ name, text(item) }], head(item), size(item) }
export class ListCard extends Card {
  #what;
  #limit = FEW;
  #again;
  #button = h('button', { type: 'button', class: 'more', hidden: true });

  constructor(what, again) {
    super(what.id, what.title);
    this.#what = what;
    this.#again = again;
    this.#button.addEventListener('click', () => {
      this.#limit = this.#limit === FEW ? MORE : FEW;
      this.#again(this);
    });
    this.rows = h('div', {});
    this.body.append(this.rows, this.#button);
  }

  // One more than is shown says whether there are more.
  ask(question) { return question.ask(this.#what.endpoint, [['limit', this.#limit + 1]]); }

  show(list) {
    const { title, noun, columns, head, size } = this.#what;
    if (list.length === 0) {
      this.empty(`No ${noun} in this range.`);
      return false;
    }
    this.ready();
    const shown = list.slice(0, this.#limit);
    const most = Math.max(...shown.map(size));
    this.rows.replaceChildren(h('table', { class: 'ranked' }, h('caption', { class: 'unseen' }, title),
      h('thead', {}, h('tr', {}, ...columns.map(({ name }, n) => h('th', { scope: 'col', class: n > 0 ? 'number' : null }, name)))),
      h('tbody', {}, ...shown.map((item) => h('tr', {},
        h('th', { scope: 'row', '--part': `${(100 * size(item)) / most}%` }, head(item)),
        ...columns.slice(1).map(({ text }) => h('td', { class: 'number' }, text(item))))))));
    this.#button.hidden = list.length <= this.#limit && this.#limit === FEW;
    this.#button.textContent = this.#limit === FEW ? `Show up to ${MORE}` : `Show ${FEW}`;
    return true;
  }
}

const nothing = (text) => h('span', { class: 'nothing' }, text);
const words = (name) => name.replaceAll('_', ' ').replace(/^./, (letter) => letter.toUpperCase());

function page({ web_host: host, web_path: path }) {
  const text = `${host ?? ''}${path ?? ''}`;
  return text === '' ? nothing('no page') : h('span', { class: 'page', title: text }, h('span', {}, host ?? ''), h('b', {}, path ?? ''));
}

// All that is known of a button is its kind, its id and the dialogue that it is in.
function button({ button_id: id, button_type: type, dialogue_id: dialogue }) {
  return h('span', { class: 'button-name' },
    h('span', {}, h('b', {}, type === null ? nothing('no type') : words(type)), dialogue === null ? null : h('small', { title: `dialogue ${dialogue}` }, ` in dialogue ${dialogue}`)),
    h('code', { title: `button ${id ?? 'without id'}` }, id ?? 'without id'));
}

const label = ({ label_text: text, label_id: id }) => h('span', { class: 'label-name', title: `label ${id ?? 'without id'}` }, text ?? nothing(id ?? 'no text'));

export const lists = [
  {
    id: 'pages', title: 'Top pages', noun: 'pages', endpoint: 'chatbubble/pages', head: page, size: (item) => item.messages,
    columns: [{ name: 'Page' }, { name: 'Messages', text: (item) => count(item.messages) }, { name: 'Chats', text: (item) => count(item.sessions) }],
  },
  {
    id: 'labels', title: 'Labels', noun: 'labels', endpoint: 'chatlabels/added', head: label, size: (item) => item.count,
    columns: [{ name: 'Label' }, { name: 'Added', text: (item) => count(item.count) }],
  },
  {
    id: 'buttons', title: 'Most clicked buttons', noun: 'clicks on buttons', endpoint: 'buttons/most_clicked', head: button, size: (item) => item.count,
    columns: [{ name: 'Button' }, { name: 'Clicks', text: (item) => count(item.count) }, { name: 'Of all', text: (item) => percent(item.ratio) }],
  },
];

// ---------------------------------------------------------------- feedback

const scales = {
  binary: { title: 'Thumbs', faces: [['thumbdown', 'Thumbs down'], ['up', 'Thumbs up']] },
  emojis: { title: 'Faces', faces: [['sad', 'Unhappy'], ['neutral', 'Neutral'], ['happy', 'Happy']] },
};

const total = (ratings) => ratings.reduce((sum, { count: each }) => sum + each, 0);
const mean = (ratings) => ratings.reduce((sum, { count: each, rating }) => sum + each * rating, 0) / total(ratings);

export class FeedbackCard extends Card {
  constructor() { super('feedback', 'Feedback'); }

  async ask(question) {
    const [now, before] = await Promise.all([question.ask('feedback/summary'), question.view.before === null ? null : question.ask('feedback/summary', [], true)]);
    return { now, before };
  }

  show({ now, before }, view) {
    const given = Object.keys(scales).filter((name) => total(now[name]) > 0);
    if (given.length === 0) {
      this.empty('No feedback in this range.');
      return false;
    }
    this.ready();
    this.body.replaceChildren(...given.map((name) => this.#scale(name, now[name], before?.[name] ?? null, comparedWith(view))));
    return true;
  }

  #scale(name, ratings, before, compared) {
    const { title, faces } = scales[name];
    const comparable = before !== null && total(before) > 0;
    const best = ratings.at(-1).ratio;
    const head = name === 'binary'
      ? figure(percent(best), comparable ? change(best, before.at(-1).ratio, { points: true, better: 1 }) : null, compared, `thumbs up, of ${plural(total(ratings), 'rating', 'ratings')}`)
      : figure(decimal(mean(ratings)), comparable ? change(mean(ratings), mean(before), { better: 1 }) : null, compared, `of ${faces.length} on average, of ${plural(total(ratings), 'rating', 'ratings')}`);
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
