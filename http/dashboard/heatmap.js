// heatmap.js: messages by weekday and hour of the day.

import { Card } from './cards.js';
import { h } from './dom.js';
import { count } from './format.js';
import { named } from './time.js';

// Weeks begin on Monday here, as the buckets do; the answer's begin on Sunday.
const DAYS = [1, 2, 3, 4, 5, 6, 0];
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

// A Sunday, to name the days that follow it.
const dayName = (day, weekday) => named(`2023-01-0${day + 1}`, { weekday });
const hourName = (hour) => `${String(hour).padStart(2, '0')}:00`;

export class HeatmapCard extends Card {
  #counts = null;
  #most = 0;

  constructor() {
    super('heatmap', 'When they write');
    this.optional = true;
  }

  ask(question) { return question.card('heatmap'); }

  #at(day, hour) { return this.#counts[24 * day + hour]; }

  show({ now }) {
    this.#counts = now;
    this.#most = Math.max(...now);
    if (this.#most === 0) {
      this.empty('No messages in this range.');
      return false;
    }
    this.ready();
    const busiest = now.indexOf(this.#most);
    this.figures.replaceChildren(h('p', { class: 'sub' }, `Messages by hour of the week; most, ${count(this.#most)}, on ${dayName(Math.floor(busiest / 24), 'long')} from ${hourName(busiest % 24)}`));
    this.body.replaceChildren(h('div', { class: 'heat-frame', tabindex: 0, role: 'region', ariaLabel: 'Messages by hour of the week' },
      h('table', { class: 'heat' }, h('caption', { class: 'unseen' }, 'Messages by weekday and hour'),
        h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, h('span', { class: 'unseen' }, 'Day')), ...HOURS.map((hour) => h('th', { scope: 'col' }, h('span', { class: hour % 6 === 0 ? null : 'unseen' }, hour % 6 === 0 ? String(hour) : hourName(hour)))))),
        h('tbody', {}, ...DAYS.map((day) => h('tr', {}, h('th', { scope: 'row' }, dayName(day, 'short')), ...HOURS.map((hour) => h('td', {
          '--heat': `${Math.round((100 * this.#at(day, hour)) / this.#most)}%`, title: `${dayName(day, 'long')}, ${hourName(hour)}: ${count(this.#at(day, hour))}`,
        }, h('span', { class: 'unseen' }, count(this.#at(day, hour)))))))))));
    this.exported = { columns: ['Day', ...HOURS.map(hourName)], rows: DAYS.map((day) => [dayName(day, 'long'), ...HOURS.map((hour) => this.#at(day, hour))]) };
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
    const style = getComputedStyle(this.body.querySelector('td'));
    const ink = getComputedStyle(this.element).color;
    context.font = `${12 * scale}px "Inter Variable", system-ui, sans-serif`;
    DAYS.forEach((day, row) => {
      context.fillStyle = ink;
      context.fillText(dayName(day, 'short'), 0, top + (row + 0.7) * side);
      HOURS.forEach((hour) => {
        context.fillStyle = style.color;
        context.globalAlpha = 0.06 + 0.94 * (this.#at(day, hour) / this.#most);
        context.fillRect(left + hour * side, top + row * side, side - scale, side - scale);
        context.globalAlpha = 1;
      });
    });
    context.fillStyle = ink;
    HOURS.filter((hour) => hour % 6 === 0).forEach((hour) => context.fillText(String(hour), left + hour * side, top - 6 * scale));
    return canvas;
  }
}
