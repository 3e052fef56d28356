// controls.js: the choices above the charts.

import { browserZone, plainValue } from './choices.js';
import { byId, h, icon } from './dom.js';
import { popover, segments } from './popover.js';
import { addDays, comparisons, granularities, isDate, language, presets, rangeName, stepRange } from './time.js';

// ---------------------------------------------------------------- the range

const SHORT = { day: 'numeric', month: 'short' };

function presetButton([name, text], view, choose) {
  const [from, to] = name === 'all' ? [view.life?.from, view.life?.to] : view.periods[name] ?? [];
  return h('button', { type: 'button', ariaCurrent: view.range === name ? 'true' : null, onclick: () => choose({ range: name, from: null, to: null }) },
    h('span', {}, text), from === undefined ? null : h('small', {}, rangeName({ from, to }, name === 'all' ? undefined : SHORT)));
}

const presetList = (view, choose) => h('ul', { class: 'presets' }, ...presets.map((preset) => h('li', {}, presetButton(preset, view, choose))));

// Both days are part of the range, for people; the API's `to` is the day after.
function freeDates(view, choose) {
  const [first, last] = [['first-day', 'First day', view.from], ['last-day', 'Last day', addDays(view.to, -1)]]
    .map(([id, text, value]) => ({ label: text, input: h('input', { type: 'date', id, value, required: true, min: '0001-01-01', max: '9998-12-31' }) }));
  const form = h('form', { class: 'dates', novalidate: true },
    ...[first, last].map(({ label, input }) => h('label', { for: input.id }, label, input)),
    h('p', { class: 'fault', role: 'alert', hidden: true }, 'The first day must not be after the last.'),
    h('button', { class: 'primary', type: 'submit' }, 'Show'));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const [from, to] = [first.input.value, last.input.value];
    const good = isDate(from) && isDate(to) && from <= to;
    form.querySelector('.fault').hidden = good;
    if (good) {
      choose({ range: null, from, to: addDays(to, 1) });
    }
  });
  return form;
}

function comparison(view, choose) {
  const each = segments({ id: 'compare', name: 'Compared with', options: comparisons, onchoose: (compare) => choose({ compare }) });
  each.set(view.compare);
  return h('div', { class: 'compared' }, h('p', { ariaHidden: 'true' }, 'Compared with'), each.element);
}

class RangeControl {
  #view = null;
  #popover;
  #steps;

  constructor(choose) {
    const done = (choice) => {
      this.#popover.close();
      choose(choice);
    };
    this.#popover = popover({
      id: 'range', symbol: 'calendar', name: 'Range',
      fill: (panel) => panel.replaceChildren(h('div', { class: 'range' }, presetList(this.#view, done), freeDates(this.#view, done), comparison(this.#view, done))),
    });
    this.#steps = [['left', 'Earlier', -1], ['right', 'Later', 1]].map(([symbol, text, direction]) => h('button', {
      type: 'button', class: 'step', title: text, ariaLabel: `${text}: the range beside`,
      onclick: () => choose({ range: null, ...stepRange(this.#view, direction) }),
    }, icon(symbol)));
    this.element = h('div', { class: 'ranger' }, this.#steps[0], this.#popover.element, this.#steps[1]);
  }

  show(view) {
    this.#view = view;
    const preset = presets.find(([name]) => name === view.range);
    this.#popover.say(preset === undefined ? rangeName(view) : preset[1]);
    this.#popover.button.title = rangeName(view);
    this.#steps[1].disabled = view.to > view.today;
  }
}

// ---------------------------------------------------------------- the zone

let zones = null;

function allZones() {
  zones ??= [...new Set(['UTC', ...Intl.supportedValuesOf('timeZone')])];
  return zones;
}

function offsetOf(zone) {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'shortOffset' }).formatToParts().find(({ type }) => type === 'timeZoneName').value.replace('GMT', 'UTC');
  } catch {
    return '';
  }
}

const plain = (text) => text.toLowerCase().replaceAll('_', ' ');

// The zones that a text may mean, and the text itself: the server knows more names.
function zonesFor(text, current) {
  const wanted = plain(text.trim());
  if (wanted === '') {
    return [...new Set([current, browserZone(), 'UTC', ...allZones()])];
  }
  const found = allZones().filter((zone) => plain(zone).includes(wanted));
  const begins = (zone) => plain(zone).split('/').some((part) => part.startsWith(wanted));
  found.sort((a, b) => begins(b) - begins(a));
  return found.some((zone) => plain(zone) === wanted) ? found : [...found, text.trim()];
}

class ZoneControl {
  #view = null;
  #popover;
  #choose;

  constructor(choose) {
    this.#choose = choose;
    this.#popover = popover({ id: 'zone', symbol: 'globe', name: 'Time zone', fill: (panel) => this.#fill(panel) });
    this.element = this.#popover.element;
  }

  #pick(zone) {
    this.#popover.close();
    this.#choose({ tz: zone });
  }

  #option(zone, n) {
    const known = allZones().includes(zone);
    return h('li', { role: 'option', id: `zone-${n}`, ariaSelected: String(zone === this.#view.tz), 'data-zone': zone, onclick: () => this.#pick(zone) },
      h('span', {}, known || zone === this.#view.tz ? zone : `Use “${zone}”`), h('small', {}, offsetOf(zone)));
  }

  // A list that is narrowed down by typing; the focus stays in the field.
  #fill(panel) {
    const list = h('ul', { role: 'listbox', id: 'zone-list', ariaLabel: 'Time zones' });
    const field = h('input', {
      type: 'text', role: 'combobox', ariaLabel: 'Find a time zone', ariaControls: 'zone-list', ariaExpanded: 'true', ariaAutocomplete: 'list',
      autocomplete: 'off', spellcheck: 'false', placeholder: 'City, region or tz name', 'data-first': true,
    });
    let active = -1;
    const activate = (n) => {
      list.children[active]?.classList.remove('active');
      active = Math.min(Math.max(n, 0), list.children.length - 1);
      list.children[active]?.classList.add('active');
      list.children[active]?.scrollIntoView({ block: 'nearest' });
      field.setAttribute('aria-activedescendant', `zone-${active}`);
    };
    const narrow = () => {
      list.replaceChildren(...zonesFor(field.value, this.#view.tz).slice(0, 80).map((zone, n) => this.#option(zone, n)));
      active = -1;
      if (field.value.trim() !== '') {
        activate(0);
      }
    };
    field.addEventListener('input', narrow);
    field.addEventListener('keydown', (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
      if (step !== undefined) {
        event.preventDefault();
        activate(active + step);
      } else if (event.key === 'Enter' && active >= 0) {
        event.preventDefault();
        this.#pick(list.children[active].dataset.zone);
      }
    });
    narrow();
    panel.replaceChildren(h('div', { class: 'zones' }, field, list));
  }

  show(view) {
    this.#view = view;
    this.#popover.say(view.tz);
  }
}

// ---------------------------------------------------------------- sources, languages

export function languageName(code) {
  try {
    const name = new Intl.DisplayNames(language, { type: 'language' }).of(code);
    return name === code ? code : `${name} (${code})`;
  } catch {
    return code;
  }
}

const modes = [['include', 'Only these'], ['exclude', 'All but these']];

class ListControl {
  #popover;
  #choose;
  #settings;
  #options = [];
  #list = null;

  // settings: { id, symbol, name, all, key, text(value) }
  constructor(settings, choose) {
    this.#settings = settings;
    this.#choose = (list) => choose({ [settings.key]: list });
    this.#popover = popover({ id: settings.id, symbol: settings.symbol, name: settings.name, fill: (panel) => this.#fill(panel) });
    this.element = this.#popover.element;
  }

  #fill(panel) {
    const { id, name, all, text } = this.#settings;
    let { include } = this.#list;
    const values = [...new Set([...this.#options, ...this.#list.values])];
    const boxes = values.map((value) => h('input', { type: 'checkbox', value, checked: this.#list.values.includes(value), onchange: () => tell() }));
    const tell = () => this.#choose({ include, values: boxes.filter((box) => box.checked).map((box) => box.value) });
    const mode = segments({ id: `${id}-mode`, name: `What the marked ${name.toLowerCase()} are`, options: modes, onchoose: (value) => {
      include = value === 'include';
      if (boxes.some((box) => box.checked)) {
        tell();
      }
    } });
    mode.set(include ? 'include' : 'exclude');
    panel.replaceChildren(h('div', { class: 'list' }, mode.element,
      values.length === 0 ? h('p', { class: 'note' }, `No events with ${name.toLowerCase()} yet.`) : h('ul', {}, ...values.map((value, n) => h('li', {}, h('label', {}, boxes[n], h('span', {}, text(plainValue(value))))))),
      h('button', { type: 'button', class: 'quiet', onclick: () => {
        boxes.forEach((box) => { box.checked = false; });
        tell();
      } }, all)));
  }

  show(view, options) {
    const { all, key } = this.#settings;
    this.#options = options;
    this.#list = view[key];
    const { include, values } = this.#list;
    const shown = values.slice(0, 2).map(plainValue).join(', ');
    const listed = values.length > 2 ? `${shown} +${values.length - 2}` : shown;
    this.#popover.say(values.length === 0 ? all : include ? listed : `not ${listed}`);
    this.element.classList.toggle('chosen', values.length > 0);
  }
}

// ---------------------------------------------------------------- all of them

export class Controls {
  #range;
  #granularity;
  #zone;
  #sources;
  #languages;

  // choose(changes) is called with what is to be changed of the choices.
  constructor(choose) {
    this.#range = new RangeControl(choose);
    this.#granularity = segments({ id: 'granularity', name: 'Granularity', options: granularities, onchoose: (granularity) => choose({ granularity }) });
    this.#zone = new ZoneControl(choose);
    this.#sources = new ListControl({ id: 'sources', symbol: 'source', name: 'Sources', all: 'All sources', key: 'sources', text: (value) => value }, choose);
    this.#languages = new ListControl({ id: 'languages', symbol: 'language', name: 'Languages', all: 'All languages', key: 'languages', text: languageName }, choose);
    byId('choices').replaceChildren(this.#range.element, this.#granularity.element,
      h('div', { class: 'filters' }, this.#zone.element, this.#sources.element, this.#languages.element));
  }

  show(view, options) {
    this.#range.show(view);
    this.#granularity.set(view.granularity, view.hours ? {} : { hour: 'Hours are for a week or less' });
    this.#zone.show(view);
    this.#sources.show(view, options.sources);
    this.#languages.show(view, options.language_codes);
  }
}
