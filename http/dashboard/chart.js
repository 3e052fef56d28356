// chart.js: one time series, or several, drawn by uPlot.
//
// The horizontal axis counts buckets, not seconds: a day of 23 or 25 hours is as
// wide as the others, and the hour that comes twice is there twice.

import { h } from './dom.js';
import { ticks } from './time.js';

const FONT = '12px "Inter Variable", system-ui, sans-serif';
const HEIGHT = 224;
// The room that marks beside each other need, in pixels.
const MARK = 8;
const { uPlot } = window;

// The custom properties that charts have, as colours that a canvas understands.  They are asked
// for all at once, and once a theme, for the answer costs the browser a look at all styles.
const names = ['--muted', '--line', '--line-strong', '--card', '--chats', '--messages', '--fallbacks', '--requests', '--closed', '--started', '--ended'];
let colours = null;
document.addEventListener('themechange', () => { colours = null; });

function readColours() {
  const probes = names.map(() => h('span'));
  probes.forEach((probe, n) => { probe.style.color = `var(${names[n]})`; });
  const place = h('div', { hidden: true }, ...probes);
  document.body.append(place);
  colours = new Map(names.map((name, n) => [name, getComputedStyle(probes[n]).color]));
  place.remove();
}

function colour(name) {
  if (colours === null) {
    readColours();
  }
  return colours.get(name);
}

// Computed colours are rgb(r, g, b).
const faded = (color, alpha) => color.replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);
const channels = (color) => color.match(/\d+/g).slice(0, 3).map(Number);
const mixed = (color, ground, part) => `rgb(${channels(color).map((each, n) => Math.round(part * each + (1 - part) * channels(ground)[n])).join(', ')})`;

// A line has no length where there is nothing before and after: there a point is drawn.
function lonely(u, n, show) {
  const values = u.data[n];
  return show ? null : values.flatMap((value, index) => (value !== null && (values[index - 1] ?? null) === null && (values[index + 1] ?? null) === null ? [index] : []));
}

// Steps of 1, 2 or 5 times a power of ten, about four of them.
function scaleOf(values, whole, most) {
  const highest = values.reduce((max, value) => (value !== null && value > max ? value : max), 0);
  const rough = (highest || (whole ? 4 : 0.1)) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = power * [1, 2, 2.5, 5, 10].find((each) => each * power >= rough - 1e-12);
  if (whole) {
    step = Math.max(Math.ceil(step), 1);
  }
  const top = Math.min(Math.max(Math.ceil(highest / step - 1e-9), 1) * step, most);
  return Array.from({ length: Math.round(top / step) + 1 }, (_, n) => n * step);
}

// new Chart(place, { series: [{ name, color, bars, on, mark, dash }], format, exact, whole, most, onpick })
// on: number of the series that its columns stand on; mark: a dot or a ring in the
// place of a line, while there is room for them; format is for the axis, exact
// for what is pointed at.
export class Chart {
  #place;
  #settings;
  #plot = null;
  #data = null;
  #tip = h('div', { class: 'tip', hidden: true });
  #band = h('div', { class: 'band', hidden: true });
  #live = h('p', { class: 'unseen', ariaLive: 'polite' });
  #at = -1;
  #hidden = new Set();

  #wide = 0;

  // The chart that is pointed at: the others only follow.
  static #pointed = null;
  static #ruler = null;
  // Those that have something newer than what is drawn.
  static #stale = new Set();

  constructor(place, settings) {
    this.#place = place;
    this.#settings = settings;
    place.append(this.#tip, this.#live);
    place.tabIndex = 0;
    place.addEventListener('keydown', (event) => this.#key(event));
    place.addEventListener('blur', () => this.#leave());
    place.addEventListener('pointerenter', () => { Chart.#pointed = this; });
    place.addEventListener('pointerdown', () => { Chart.#pointed = this; });
    new ResizeObserver(() => this.#resize()).observe(place);
    document.addEventListener('themechange', () => this.#redraw());
  }

  // Draws what show() was told.  All widths are read before anything is drawn, for then the browser
  // lays the page out once, and not for each chart.
  static drawAll() {
    const charts = [...Chart.#stale];
    Chart.#stale.clear();
    charts.forEach((chart) => chart.#measurePlace());
    charts.forEach((chart) => chart.#draw());
  }

  // dates: labels of the buckets; nameOf(n): what they are called; values: a list a series;
  // notes: of each bucket what is to be said of it, or null; more: [{ name, texts }], which
  // are not drawn.  before: what the first series was in the range that it is compared with,
  // bucket by bucket, or null; beforeOf(n): what those buckets are called.  drawAll() draws it.
  show({ dates, nameOf, values, granularity, notes, more = [], before = null, beforeOf = null }) {
    this.#data = { dates, nameOf, values, granularity, notes, more, before: before === null ? null : dates.map((_, n) => before[n] ?? null), beforeOf };
    Chart.#stale.add(this);
  }

  shows(index) { return !this.#hidden.has(index); }

  toggle(index) {
    if (!this.#hidden.delete(index)) {
      this.#hidden.add(index);
    }
    this.#redraw();
    return this.shows(index);
  }

  // A copy of what is drawn, or null.
  picture() {
    if (this.#plot === null) {
      return null;
    }
    const { canvas } = this.#plot.ctx;
    const copy = h('canvas', { width: canvas.width, height: canvas.height });
    copy.getContext('2d').drawImage(canvas, 0, 0);
    return copy;
  }

  // ---------------------------------------------------------------- drawing

  // What there is room for; nothing is drawn where there is none.
  #measurePlace() {
    const width = this.#place.clientWidth;
    this.#wide = width === 0 ? 0 : Math.max(width, 120);
  }

  #redraw() {
    this.#measurePlace();
    this.#draw();
  }

  // Also where it was hidden, or is now.
  #resize() {
    const drawn = this.#wide;
    this.#measurePlace();
    if (this.#data !== null && this.#wide !== drawn) {
      this.#draw();
    }
  }

  #draw() {
    this.#plot?.destroy();
    this.#plot = null;
    this.#leave();
    if (this.#data === null || this.#wide === 0) {
      return;
    }
    const { dates, before } = this.#data;
    const columns = this.#columns();
    const behind = before === null ? [] : [before];
    const splits = scaleOf([...columns.flatMap(({ heights }) => heights), ...behind.flat()], this.#settings.whole, this.#settings.most ?? Infinity);
    this.#plot = new uPlot(this.#options(columns, splits), [dates.map((_, index) => index), ...columns.map(({ heights }) => heights), ...behind], this.#place);
    this.#plot.over.prepend(this.#band);
    this.#touch(this.#plot.over);
  }

  // What room a column needs, in pixels: below that one series reads better as a line,
  // while several lines would hide each other.
  get #least() { return this.#settings.series.length > 1 ? 1 : 3; }

  // The series in the order in which they are painted, what stands on another first.
  #columns() {
    const { values } = this.#data;
    const room = (this.#wide - 60) / this.#data.dates.length;
    const heights = ({ on, mark }, index) => values[index].map((value, n) => {
      // A mark of nothing would only cover the axis.
      if (this.#hidden.has(index) || (value === 0 && mark !== undefined && room >= MARK)) {
        return null;
      }
      return value === null ? null : value + (on !== undefined && room >= this.#least && !this.#hidden.has(on) ? values[on][n] : 0);
    });
    return this.#settings.series.map((series, index) => ({ series, index, heights: heights(series, index) }))
      .sort((a, b) => Number(b.series.on !== undefined) - Number(a.series.on !== undefined));
  }

  #options(columns, splits) {
    const { format } = this.#settings;
    const { dates } = this.#data;
    const [muted, line, strong] = ['--muted', '--line', '--line-strong'].map(colour);
    const names = splits.map((value) => format(value, splits.at(-1)));
    const least = this.#measure(...names) + 14;
    const marks = this.#marks(dates, least);
    // The first tick's name may need more room on its left than the numbers.
    const room = Math.max(least, this.#measure(...marks[0].text.split('\n')) / 2 - ((this.#wide - least - 12) * (marks[0].index + 0.5)) / dates.length + 1);
    const axis = { font: FONT, stroke: muted, ticks: { show: false }, border: { show: false } };
    return {
      width: this.#wide,
      height: HEIGHT,
      padding: [10, 12, 0, 0],
      legend: { show: false },
      cursor: {
        x: false, y: false, drag: { x: true, y: false, setScale: false, dist: 8 }, sync: { key: 'dashboard' },
        points: { size: 8, width: 2, fill: (u, n) => u.series[n].points._color, stroke: colour('--card') },
      },
      select: { show: true },
      scales: { x: { time: false, range: [-0.5, dates.length - 0.5] }, y: { range: [0, splits.at(-1)] } },
      axes: [
        { ...axis, size: marks.some(({ text }) => text.includes('\n')) ? 40 : 25, gap: 8, splits: () => marks.map(({ index }) => index), values: () => marks.map(({ text }) => text),
          grid: { show: false }, border: { show: true, stroke: strong, width: 1 } },
        { ...axis, size: room, gap: 8, splits: () => splits, values: () => names, grid: { stroke: line, width: 1 } },
      ],
      series: [{}, ...columns.map(({ series, index }) => this.#series(series, index, (this.#wide - room) / dates.length)), ...(this.#data.before === null ? [] : [this.#before()])],
      hooks: { setCursor: [(u) => this.#move(u)], setSelect: [(u) => this.#pick(u)] },
    };
  }

  // Ticks whose names end within the picture.
  #marks(dates, room) {
    const wide = this.#wide - room - 12;
    const end = ({ index, text }) => room + (wide * (index + 0.5)) / dates.length + this.#measure(...text.split('\n')) / 2;
    return ticks(dates, this.#data.granularity, wide - 12).filter((mark, n) => n === 0 || end(mark) <= this.#wide);
  }

  // The widest of these texts.
  #measure(...texts) {
    if (Chart.#ruler === null) {
      Chart.#ruler = document.createElement('canvas').getContext('2d');
      Chart.#ruler.font = FONT;
    }
    return Math.max(...texts.map((text) => Chart.#ruler.measureText(text).width));
  }

  // Columns for what is counted while there is room for them, else, and for rates, a line.
  #series({ color: name, bars, mark, dash }, index, room) {
    const color = colour(name);
    const pale = mixed(color, colour('--card'), 0.45);
    const few = room > 12;
    if (bars && room >= this.#least) {
      return {
        class: 'column', stroke: color, width: 0, points: { show: false, _color: color },
        paths: uPlot.paths.bars({
          size: [room > 14 ? 0.68 : 0.76, 44], radius: [Math.min(3 / (room * 0.7), 0.3), 0],
          disp: { fill: { unit: 3, values: () => this.#data.values[index].map((_, n) => (this.#data.notes[n] === null ? color : pale)) } },
        }),
      };
    }
    if (mark !== undefined && room >= MARK) {
      return {
        class: 'column', stroke: color, width: 0, paths: () => null,
        points: mark === 'round' ? { show: true, size: Math.min(6, room / 2), width: 0, fill: color }
          : { show: true, size: Math.min(10, room - 1), width: room < 12 ? 1.5 : 2, stroke: color, fill: 'transparent' },
      };
    }
    return {
      stroke: color, width: room < 3 ? 1.25 : 2, dash: room < 6 ? undefined : dash, fill: this.#settings.series.length > 1 ? undefined : faded(color, 0.09),
      points: { show: few && this.#settings.series.length === 1, filter: lonely, size: few ? 5 : 3, width: 0, fill: color, _color: color }, paths: uPlot.paths.linear(),
    };
  }

  #before() {
    const color = colour('--muted');
    return { class: 'column', stroke: color, width: 1.25, dash: [3, 4], paths: uPlot.paths.linear(), points: { show: false, _color: color } };
  }

  // ---------------------------------------------------------------- pointing

  #leave() {
    this.#at = -1;
    this.#tip.hidden = true;
    this.#band.hidden = true;
    this.#live.textContent = '';
  }

  #move(u) {
    const { left, idx } = u.cursor;
    if (left < 0 || idx === null || idx === undefined) {
      this.#leave();
      return;
    }
    this.#at = idx;
    const from = u.valToPos(idx - 0.5, 'x');
    const to = u.valToPos(idx + 0.5, 'x');
    this.#band.style.left = `${Math.min(from, (from + to) / 2 - 0.5)}px`;
    this.#band.style.width = `${Math.max(to - from, 1)}px`;
    this.#band.hidden = false;
    this.#tip.hidden = Chart.#pointed !== this;
    if (!this.#tip.hidden) {
      this.#describe(u, idx);
    }
  }

  #lines(index) {
    const { values, more, before, beforeOf } = this.#data;
    const earlier = before === null || before[index] === null ? [] : [{ name: beforeOf(index), color: '--muted', mark: 'dash', value: this.#settings.exact(before[index]) }];
    return [
      ...this.#settings.series.flatMap(({ name, color, mark }, n) => (this.#hidden.has(n) ? [] : [{ name, color, mark, value: values[n][index] === null ? '–' : this.#settings.exact(values[n][index]) }])),
      ...more.map(({ name, texts }) => ({ name, color: null, value: texts[index] })), ...earlier,
    ];
  }

  #describe(u, index) {
    const note = this.#data.notes[index];
    this.#tip.replaceChildren(
      h('p', { class: 'when' }, this.#data.nameOf(index), note === null ? null : h('span', { class: 'part' }, note)),
      ...this.#lines(index).map(({ name, color, mark, value }) => h('p', {}, h('i', { class: `dot ${mark ?? ''}`, '--dot': color === null ? 'transparent' : `var(${color})` }), h('span', {}, name), h('b', {}, value))));
    const x = u.over.offsetLeft + u.valToPos(index, 'x');
    const room = this.#place.clientWidth;
    const width = this.#tip.offsetWidth;
    const beside = x + 16 + width <= room ? x + 16 : x - 16 - width;
    this.#tip.style.left = `${Math.max(Math.min(beside, room - width), 0)}px`;
    this.#tip.style.top = `${u.over.offsetTop + 8}px`;
  }

  // A finger has no hover: while it is on the chart, it points.
  #touch(over) {
    const point = (event) => {
      if (event.pointerType !== 'mouse') {
        const box = over.getBoundingClientRect();
        this.#plot?.setCursor({ left: Math.min(Math.max(event.clientX - box.left, 0), box.width - 1), top: 10 });
      }
    };
    over.addEventListener('pointerdown', point);
    over.addEventListener('pointermove', point);
  }

  #key(event) {
    const last = (this.#data?.dates.length ?? 0) - 1;
    const page = Math.max(Math.round(last / 10), 1);
    const to = {
      ArrowLeft: this.#at < 0 ? last : this.#at - 1, ArrowRight: this.#at + 1, Home: 0, End: last, PageUp: this.#at - page, PageDown: this.#at + page,
    }[event.key];
    if (event.key === 'Escape') {
      this.#plot?.setCursor({ left: -10, top: -10 });
    }
    if (to === undefined || this.#plot === null || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    event.preventDefault();
    const index = Math.min(Math.max(to, 0), last);
    Chart.#pointed = this;
    this.#plot.setCursor({ left: this.#plot.valToPos(index, 'x'), top: 10 });
    this.#live.textContent = [this.#data.nameOf(index), this.#data.notes[index],
      ...this.#lines(index).map(({ name, value }) => `${name}: ${value}`)].filter(Boolean).join(', ');
  }

  // What was dragged over becomes the range.  The others only show it.
  #pick(u) {
    const { left, width } = u.select;
    if (width < 8 || Chart.#pointed !== this) {
      return;
    }
    const last = this.#data.dates.length - 1;
    const [from, to] = [left, left + width].map((x) => Math.min(Math.max(Math.round(u.posToVal(x, 'x')), 0), last));
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.#settings.onpick(from, to);
  }
}
