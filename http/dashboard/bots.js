// bots.js: the bots that a login may see: a table of all, and a switch from one to the next.

import { Card, comparedWith } from './cards.js';
import { h } from './dom.js';
import { NONE, botName, change, count, percent } from './format.js';
import { popover } from './popover.js';

const rate = ({ fallbacks, replies }) => (replies > 0 ? fallbacks / replies : null);

function messagesOf({ messages, previous_messages: previous }, compared) {
  const delta = change(messages, previous);
  return [count(messages), delta === null ? '' : h('small', { class: `delta ${delta.tone}`, title: compared }, h('span', { ariaHidden: 'true' }, ` ${delta.arrow}${delta.text}`), h('span', { class: 'unseen' }, ` ${delta.spoken} ${compared}`))];
}

export class BotsCard extends Card {
  #choose;

  constructor(choose) {
    super('bots', 'Bots');
    // it scrolls where there is little room
    Object.entries({ tabindex: 0, role: 'region', 'aria-label': 'Totals of each bot' }).forEach(([name, value]) => this.body.setAttribute(name, value));
    this.#choose = choose;
  }

  ask(question) { return question.bots(); }

  show(bots, view) {
    if (bots.length === 0) {
      this.empty('No bot was granted to this login.');
      return false;
    }
    this.ready();
    const most = Math.max(...bots.map(({ messages }) => messages), 1);
    const columns = ['Bot', 'Messages', 'Chats', 'Fallback rate', 'Handovers'];
    this.body.replaceChildren(h('table', { class: 'ranked' }, h('caption', { class: 'unseen' }, 'Bots'),
      h('thead', {}, h('tr', {}, ...columns.map((name, n) => h('th', { scope: 'col', class: n > 0 ? 'number' : null }, name)))),
      h('tbody', {}, ...bots.map((bot) => h('tr', {},
        h('th', { scope: 'row', '--part': `${(100 * bot.messages) / most}%` }, h('button', { type: 'button', class: 'pick', title: `Bot ${bot.id}`, onclick: () => this.#choose({ bot: bot.id, row: null }) },
          h('span', { class: 'label-name', dir: 'auto' }, botName(bot)))),
        h('td', { class: 'number' }, ...messagesOf(bot, comparedWith(view))),
        ...[count(bot.chats), rate(bot) === null ? NONE : percent(rate(bot)), count(bot.handovers)].map((text) => h('td', { class: 'number' }, text)))))));
    this.exported = { columns: ['Bot', 'Id', 'Messages', 'Messages before', 'Chats', 'Fallback rate', 'Handovers'],
      rows: bots.map((bot) => [botName(bot), bot.id, bot.messages, bot.previous_messages, bot.chats, rate(bot), bot.handovers]) };
    return true;
  }
}

// The bots are asked for when the list is opened, for most never open it.
export class BotSwitch {
  #popover;
  #names;
  #choose;
  #bot = null;

  // names(): a promise of [{ bot, name }]
  constructor(names, choose) {
    this.#names = names;
    this.#choose = (bot) => {
      this.#popover.close();
      choose({ bot, row: null });
    };
    this.#popover = popover({ id: 'bot-switch', symbol: 'source', name: 'Bot', fill: (panel) => this.#fill(panel) });
    this.element = this.#popover.element;
  }

  #entry(bot, text) {
    return h('li', {}, h('button', { type: 'button', ariaCurrent: this.#bot === bot ? 'true' : null, title: bot === null ? null : `Bot ${bot}`, onclick: () => this.#choose(bot) }, h('span', { dir: 'auto' }, text)));
  }

  #fill(panel) {
    const list = h('ul', { class: 'presets' }, this.#entry(null, 'All bots'));
    const field = h('input', { type: 'text', ariaLabel: 'Find a bot', placeholder: 'Name or id', autocomplete: 'off', spellcheck: 'false', 'data-first': true });
    panel.replaceChildren(h('div', { class: 'bots' }, field, list));
    this.#names().then((bots) => {
      const narrow = () => {
        const wanted = field.value.trim().toLowerCase();
        list.replaceChildren(this.#entry(null, 'All bots'),
          ...bots.filter(({ bot, name }) => `${name ?? ''} ${bot}`.toLowerCase().includes(wanted)).slice(0, 100).map(({ bot, name }) => this.#entry(bot, botName({ id: bot, name }))));
      };
      field.addEventListener('input', narrow);
      narrow();
    }).catch(() => {});
  }

  show(bot) {
    this.#bot = bot?.id ?? null;
    this.#popover.say(bot === null ? 'All bots' : botName(bot));
    this.#popover.button.title = bot === null ? 'All bots' : `Bot ${bot.id}`;
  }
}
