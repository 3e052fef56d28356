// choices.js: what is looked at, and how the address of the page says it.
//
// The names and values of the address are those of the API, lists as well, so that
// a program asks the same with the same query; `range` and `bot` are the page's own.

import { HOURS_MOST, addDays, comparisons, daysBetween, fitting, granularities, isDate, isPreset, lifeDate, localDate, presetRange } from './time.js';

export const browserZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

export const sections = [['overview', 'Overview'], ['audience', 'Audience'], ['content', 'Content'], ['outcomes', 'Outcomes']];

// { include, values }: values to include, or to leave out; none is no filter.  They stay
// as the API's options write them, with a backslash before one that needs it.
function readList(query, names) {
  const given = names.flatMap((name) => [...query.getAll(`${name}[]`), ...query.getAll(name)]);
  const included = given.filter((value) => value !== '' && !value.startsWith('-'));
  const excluded = given.filter((value) => value.startsWith('-') && value.length > 1).map((value) => value.slice(1));
  const values = [...new Set(included.length > 0 ? included : excluded)];
  return { include: included.length > 0 || values.length === 0, values };
}

// The value itself, for people.
export const plainValue = (value) => value.replace(/^\\/, '') || '(empty)';

const writeList = (name, { include, values }) => values.map((value) => [`${name}[]`, include ? value : `-${value}`]);

export function readChoices(search) {
  const query = new URLSearchParams(search);
  const [from, to, range] = ['from', 'to', 'range'].map((name) => query.get(name));
  const free = isDate(from) && isDate(to) && from < to;
  return {
    range: isPreset(range) ? range : null,
    from: free && !isPreset(range) ? from : null,
    to: free && !isPreset(range) ? to : null,
    tz: query.get('tz') || browserZone(),
    // null: what fits the range
    granularity: granularities.some(([name]) => name === query.get('granularity')) ? query.get('granularity') : null,
    compare: comparisons.some(([name]) => name === query.get('compare')) ? query.get('compare') : 'before',
    section: sections.some(([name]) => name === query.get('view')) ? query.get('view') : 'overview',
    sources: readList(query, ['sources']),
    languages: readList(query, ['language_codes', 'language_code']),
  };
}

export function writeChoices(bot, choices) {
  const pairs = [['bot', bot]];
  if (choices.range !== null) {
    pairs.push(['range', choices.range]);
  } else if (choices.from !== null) {
    pairs.push(['from', choices.from], ['to', choices.to]);
  }
  pairs.push(['tz', choices.tz]);
  if (choices.granularity !== null) {
    pairs.push(['granularity', choices.granularity]);
  }
  if (choices.compare !== 'before') {
    pairs.push(['compare', choices.compare]);
  }
  if (choices.section !== 'overview') {
    pairs.push(['view', choices.section]);
  }
  pairs.push(...writeList('sources', choices.sources), ...writeList('language_codes', choices.languages));
  // Legible, where that is allowed: [], / and : need no percent-encoding in a query.
  return `?${new URLSearchParams(pairs)}`.replace(/%5B%5D/g, '[]').replace(/%2F/g, '/').replace(/%3A/g, ':');
}

// ---------------------------------------------------------------- what they come to

export function lifeOf(options, zone) {
  return options.first === null ? null : { first: lifeDate(options.first, zone), last: lifeDate(options.last, zone) };
}

// Without a choice, the last thirty days; those that had events where none has since.
function standard(today, life) {
  const range = presetRange('30d', today, life);
  return life !== null && life.last < range.from
    ? { range: null, from: addDays(life.last, -29), to: addDays(life.last, 1) }
    : { range: '30d', ...range };
}

export const lastWithEvents = (life) => ({ range: null, from: addDays(life.last, -29), to: addDays(life.last, 1) });

// The view that is to be shown: dates, granularity and what was not possible.
export function resolve(choices, options) {
  const today = localDate(new Date(), choices.tz);
  const life = lifeOf(options, choices.tz);
  let range = { range: choices.range, from: choices.from, to: choices.to };
  if (choices.range !== null) {
    range = { range: choices.range, ...presetRange(choices.range, today, life) };
  } else if (choices.from === null) {
    range = standard(today, life);
  }
  const hours = daysBetween(range.from, range.to) <= HOURS_MOST;
  const granularity = choices.granularity === null || (choices.granularity === 'hour' && !hours) ? fitting(range) : choices.granularity;
  return { ...choices, ...range, granularity, auto: choices.granularity === null, hours, today, life };
}

// A list as PostgreSQL reads one.
const arrayOf = (values) => `{${values.map((value) => `"${value.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;

const filterOf = (name, { include, values }) => (values.length === 0 ? [] : [[name, arrayOf(include ? values : values.map((value) => `-${value}`))]]);

// Of a view, the parameters of its overview.
export function parametersOf(view, cards, top) {
  const { before } = view;
  return [
    ['from', view.from], ['to', view.to], ['tz', view.tz], ['granularity', view.granularity], ...filterOf('sources', view.sources), ...filterOf('language_codes', view.languages),
    ...(before === null ? [] : [['before_from', before.from], ['before_to', before.to]]), ['cards', arrayOf(cards)], ['top', top],
  ];
}
