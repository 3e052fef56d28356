// choices.js: what is looked at, and how the address of the page says it.
//
// The names and values of the address are those of the API, lists as well, so that
// a program asks the same with the same query; `range` and `bot` are the page's own.

import { addDays, comparisons, daysBetween, granularities, isDate, isPreset, language } from './time.js';

// The first question waits for it, and the first formatter for all that it reads of languages and
// calendars, so that Temporal is asked where it is known.
export const browserZone = () => window.Temporal?.Now.timeZoneId() || Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

// For names, and for what weeks and months are; without what only browsers know of it.
const browserLocale = () => new Intl.Locale(language).baseName;

export const sections = [['overview', 'Overview'], ['audience', 'Audience'], ['content', 'Content'], ['outcomes', 'Outcomes']];

// By section, the statistics that its cards show: all of one answer.
const asked = {
  overview: ['chats', 'messages', 'fallbacks', 'handovers', 'pages', 'labels', 'buttons', 'feedback'],
  audience: ['users', 'heatmap', 'sources', 'languages'],
  content: ['topics', 'sentiments', 'intents', 'interactions', 'responses', 'events', 'links'],
  outcomes: ['outcomes'],
  row: ['row', 'heatmap', 'sources', 'languages'],
};
export const askedOf = (section) => asked[section];

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

// One line of a list, by the measure that it is of and its key.
function readRow(query) {
  const [measure, key] = [query.get('measure'), query.getAll('key[]')];
  return measure !== null && measure !== '' && key.length > 0 ? { measure, key } : null;
}

export function readChoices(search) {
  const query = new URLSearchParams(search);
  const [from, to, range] = ['from', 'to', 'range'].map((name) => query.get(name));
  const free = isDate(from) && isDate(to) && from < to;
  return {
    bot: query.get('bot'),
    // null: the last thirty days, or the last that had events
    range: isPreset(range) ? range : null,
    from: free && !isPreset(range) ? from : null,
    to: free && !isPreset(range) ? to : null,
    tz: query.get('tz') || browserZone(),
    // null: what fits the range
    granularity: granularities.some(([name]) => name === query.get('granularity')) ? query.get('granularity') : null,
    compare: comparisons.some(([name]) => name === query.get('compare')) ? query.get('compare') : 'previous_period',
    section: sections.some(([name]) => name === query.get('view')) ? query.get('view') : 'overview',
    sources: readList(query, ['sources']),
    languages: readList(query, ['language_codes', 'language_code']),
    row: readRow(query),
  };
}

export function writeChoices(choices) {
  const pairs = choices.bot === null ? [] : [['bot', choices.bot]];
  if (choices.range !== null) {
    pairs.push(['range', choices.range]);
  } else if (choices.from !== null) {
    pairs.push(['from', choices.from], ['to', choices.to]);
  }
  pairs.push(['tz', choices.tz]);
  if (choices.granularity !== null) {
    pairs.push(['granularity', choices.granularity]);
  }
  if (choices.compare !== 'previous_period') {
    pairs.push(['compare', choices.compare]);
  }
  if (choices.section !== 'overview') {
    pairs.push(['view', choices.section]);
  }
  pairs.push(...writeList('sources', choices.sources), ...writeList('language_codes', choices.languages));
  if (choices.row !== null) {
    pairs.push(['measure', choices.row.measure], ...choices.row.key.map((part) => ['key[]', part]));
  }
  // Legible, where that is allowed: [], / and : need no percent-encoding in a query.
  return `?${new URLSearchParams(pairs)}`.replace(/%5B%5D/g, '[]').replace(/%2F/g, '/').replace(/%3A/g, ':');
}

// ---------------------------------------------------------------- what they come to

export const lastWithEvents = (life) => ({ range: null, from: addDays(life.to, -30), to: life.to });

const HOURS_MOST = 7;

// The view that is shown: the choices, and what the answer says they come to.
export function viewOf(choices, answer) {
  const { period, from, to, granularity, today } = answer.range;
  return {
    ...choices, range: period, from, to, granularity, today, auto: choices.granularity === null, hours: daysBetween(from, to) <= HOURS_MOST,
    before: answer.before, life: answer.life, periods: answer.periods,
  };
}

// The same before there is an answer, or where there is none.
export function viewWithout(choices) {
  const today = new Date().toISOString().slice(0, 10);
  const [from, to] = choices.from === null ? [addDays(today, -29), addDays(today, 1)] : [choices.from, choices.to];
  return { ...choices, from, to, granularity: choices.granularity ?? 'day', today, auto: choices.granularity === null, hours: true, before: null, life: null, periods: {} };
}

// ---------------------------------------------------------------- questions

// A list as PostgreSQL reads one.
const arrayOf = (values) => `{${values.map((value) => `"${value.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;

const filterOf = (name, { include, values }) => (values.length === 0 ? [] : [[name, arrayOf(include ? values : values.map((value) => `-${value}`))]]);

// What all questions have.
function commonOf({ range, from, to, tz, compare, sources, languages }) {
  return [
    ...(range !== null ? [['period', range]] : from !== null ? [['from', from], ['to', to]] : []), ['tz', tz], ['locale', browserLocale()],
    ...(compare === 'none' ? [] : [['compare', compare]]), ...filterOf('sources', sources), ...filterOf('language_codes', languages),
  ];
}

// Lines that lists show at first, one more to know whether there are more, and one that may have no name.
const LINES = 7;

// Of a bot's overview.
export function overviewOf(choices, cards = askedOf(choices.row === null ? choices.section : 'row'), top = LINES) {
  const { bot, granularity, row } = choices;
  return [
    ...(bot === null ? [] : [['bot', bot]]), ...commonOf(choices), ...(granularity === null ? [] : [['granularity', granularity]]), ['cards', arrayOf(cards)], ['top', top],
    ...(row === null ? [] : [['measure', row.measure], ['key', arrayOf(row.key)]]),
  ];
}

export const botsOf = (choices) => commonOf(choices);

export const overviewPath = (parameters) => `/api/native/rpc/overview?${new URLSearchParams(parameters)}`;
export const botsPath = (parameters) => `/api/native/rpc/bots_overview?${new URLSearchParams(parameters)}`;
