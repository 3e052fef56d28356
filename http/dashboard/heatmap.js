// heatmap.js: messages, or the events of one line of a list, by weekday and hour of the day: how many
// there were in each of these hours, for not all came equally often in the range.

import { Card } from './cards.js';
import { h } from './dom.js';
import { count, decimal } from './format.js';
import { named } from './time.js';

const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

// A Sunday, to name the days that follow it.
const dayName = (day, weekday) => named(`2023-01-0${day + 1}`, { weekday });
const hourName = (hour) => `${String(hour).padStart(2, '0')}:00`;

export class HeatmapCard extends Card {
  #counts = null;
  #times = null;
  // days as the reader's weeks have them; 0 is Sunday
  #days = [];
  #most = 0;

  constructor(id, noun) {
    super(id, 'When they write');
    this.noun = noun;
    this.asks = 'heatmap';
    this.optional = true;
    if (id !== 'heatmap') {
      this.retitle('When they come');
    }
  }

  ask(question) { return question.card(this.asks); }

  #at(day, hour) { return this.#counts[24 * day + hour]; }

  // For each time that the hour came, or null where it never did.
  #mean(day, hour) {
    const times = this.#times[24 * day + hour];
    return times === 0 ? null : this.#at(day, hour) / times;
  }

  // What a cell says when it is pointed at.
  #tell({ target }) {
    const cell = target.closest('td:not([title])');
    if (cell !== null) {
      cell.title = this.#say(this.#days[cell.parentElement.sectionRowIndex], cell.cellIndex - 1);
    }
  }

  #say(day, hour) {
    const times = this.#times[24 * day + hour];
    const all = `${count(this.#at(day, hour))} in all`;
    return `${dayName(day, 'long')}, ${hourName(hour)}: ${times === 0 ? 'not in this range' : times === 1 ? count(this.#at(day, hour)) : `${decimal(this.#mean(day, hour))} each of ${count(times)} times, ${all}`}`;
  }

  show({ now }) {
    // what is too long for hours is said, and what there is nothing of is not
    this.optional = now !== null;
    if (now === null) {
      this.#counts = null;
      this.empty('Hours are counted in ranges of up to a year.');
      return false;
    }
    this.#counts = now.counts;
    this.#times = now.occurrences;
    this.#days = now.days;
    const means = this.#counts.map((each, n) => (this.#times[n] === 0 ? 0 : each / this.#times[n]));
    this.#most = Math.max(...means);
    if (this.#most === 0) {
      this.empty(`No ${this.noun} in this range.`);
      return false;
    }
    this.ready();
    const busiest = means.indexOf(this.#most);
    const [noun, cell] = [this.noun.replace(/^./, (letter) => letter.toUpperCase()), (day, hour) => (this.#mean(day, hour) === null ? '–' : decimal(this.#mean(day, hour)))];
    this.figures.replaceChildren(h('p', { class: 'sub' }, `${noun} in each hour of the week, on average; most, ${decimal(this.#most)}, on ${dayName(Math.floor(busiest / 24), 'long')} from ${hourName(busiest % 24)}`));
    const table = h('table', { class: 'heat', onpointerover: (event) => this.#tell(event) }, h('caption', { class: 'unseen' }, `${noun} by weekday and hour, on average`),
      h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, h('span', { class: 'unseen' }, 'Day')), ...HOURS.map((hour) => h('th', { scope: 'col' }, h('span', { class: hour % 6 === 0 ? null : 'unseen' }, hour % 6 === 0 ? String(hour) : hourName(hour)))))),
      h('tbody', {}, ...this.#days.map((day) => h('tr', {}, h('th', { scope: 'row' }, dayName(day, 'short')), ...HOURS.map((hour) => h('td', {
        '--heat': `${Math.round((100 * (this.#mean(day, hour) ?? 0)) / this.#most)}%`,
      }, cell(day, hour)))))));
    this.body.replaceChildren(h('div', { class: 'heat-frame', tabindex: 0, role: 'region', ariaLabel: `${noun} by hour of the week` }, table));
    this.exported = { columns: ['Day', 'Hour', noun, 'Times that the hour came', 'On average'],
      rows: this.#days.flatMap((day) => HOURS.map((hour) => [dayName(day, 'long'), hourName(hour), this.#at(day, hour), this.#times[24 * day + hour], this.#mean(day, hour)])) };
    return true;
  }

  picture() {
    if (this.#counts === null || this.#most === 0) {
      return null;
    }
    const scale = window.devicePixelRatio || 1;
    const [side, left, top] = [22 * scale, 44 * scale, 20 * scale];
    const canvas = h('canvas', { width: left + 24 * side, height: top + 7 * side });
    const context = canvas.getContext('2d');
    const cells = [...this.body.querySelectorAll('td')].map((each) => getComputedStyle(each).backgroundColor);
    const ink = getComputedStyle(this.element).color;
    context.font = `${12 * scale}px "Inter Variable", system-ui, sans-serif`;
    this.#days.forEach((day, row) => {
      context.fillStyle = ink;
      context.fillText(dayName(day, 'short'), 0, top + (row + 0.7) * side);
      HOURS.forEach((hour) => {
        context.fillStyle = cells[24 * row + hour];
        context.fillRect(left + hour * side, top + row * side, side - scale, side - scale);
      });
    });
    context.fillStyle = ink;
    HOURS.filter((hour) => hour % 6 === 0).forEach((hour) => context.fillText(String(hour), left + hour * side, top - 6 * scale));
    return canvas;
  }
}
