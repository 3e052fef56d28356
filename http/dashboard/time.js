// time.js: local dates, ranges and the names of buckets.
//
// A date is text, YYYY-MM-DD, of the chosen zone's calendar; a range is from its
// first day to the day after its last, as the API has it.  The server knows the
// zones and says which buckets a range has; here dates are only counted and named,
// which needs no zone.  Of zones the browser is asked one thing: what day it is.

const DAY = 86400e3;

// Of 'YYYY-MM-DD' or 'YYYY-MM-DDTHH:MM...': the same clock in UTC.
export const clock = (text) => new Date(`${text.length > 10 ? text.slice(0, 19) : `${text}T00:00:00`}Z`);
const dateOf = (moment) => moment.toISOString().slice(0, 10);

export const isDate = (text) => /^\d{4}-\d\d-\d\d$/.test(text ?? '') && !text.startsWith('0000') && !Number.isNaN(clock(text).getTime()) && dateOf(clock(text)) === text;
export const addDays = (date, days) => dateOf(new Date(clock(date).getTime() + days * DAY));
export const daysBetween = (from, to) => Math.round((clock(to) - clock(from)) / DAY);

export function addMonths(date, months) {
  const moment = clock(date);
  moment.setUTCMonth(moment.getUTCMonth() + months, 1);
  return dateOf(moment);
}

// The local date of an instant; in UTC where the browser does not know the zone.
export function localDate(instant, zone) {
  const parts = { year: 'numeric', month: '2-digit', day: '2-digit', calendar: 'gregory', numberingSystem: 'latn' };
  let format;
  try {
    format = new Intl.DateTimeFormat('en-US', { ...parts, timeZone: zone });
  } catch {
    format = new Intl.DateTimeFormat('en-US', { ...parts, timeZone: 'UTC' });
  }
  const { year, month, day } = Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, value]));
  return `${year.padStart(4, '0')}-${month}-${day}`;
}

// What meta/options calls first and last: clocks in UTC.
export const lifeDate = (text, zone) => localDate(clock(text), zone);

// ---------------------------------------------------------------- ranges

export const presets = [
  ['today', 'Today'], ['yesterday', 'Yesterday'], ['7d', 'Last 7 days'], ['30d', 'Last 30 days'], ['90d', 'Last 90 days'], ['365d', 'Last 365 days'],
  ['last-week', 'Last week'], ['month', 'This month'], ['last-month', 'Last month'], ['last-quarter', 'Last quarter'], ['year', 'This year'], ['all', 'Whole life'],
];
export const isPreset = (name) => presets.some(([each]) => each === name);

// life: the dates of the first and the last event, null without events.
export function presetRange(name, today, life) {
  const tomorrow = addDays(today, 1);
  const month = `${today.slice(0, 7)}-01`;
  const monday = addDays(today, -((clock(today).getUTCDay() + 6) % 7));
  const quarter = addMonths(month, -(clock(today).getUTCMonth() % 3));
  switch (name) {
    case 'today': return { from: today, to: tomorrow };
    case 'yesterday': return { from: addDays(today, -1), to: today };
    case 'last-week': return { from: addDays(monday, -7), to: monday };
    case 'last-quarter': return { from: addMonths(quarter, -3), to: quarter };
    case 'month': return { from: month, to: tomorrow };
    case 'last-month': return { from: addMonths(month, -1), to: month };
    case 'year': return { from: `${today.slice(0, 4)}-01-01`, to: tomorrow };
    case 'all': return life === null ? { from: today, to: tomorrow } : { from: life.first, to: addDays(life.last, 1) };
    default: return { from: addDays(tomorrow, -Number.parseInt(name, 10)), to: tomorrow };
  }
}

// The range beside it: of as many days, or of as many months where it is of whole ones.
export function stepRange({ from, to }, direction) {
  if (from.endsWith('-01') && to.endsWith('-01')) {
    const months = (clock(to).getUTCFullYear() - clock(from).getUTCFullYear()) * 12 + clock(to).getUTCMonth() - clock(from).getUTCMonth();
    return { from: addMonths(from, direction * months), to: addMonths(to, direction * months) };
  }
  const days = daysBetween(from, to);
  return { from: addDays(from, direction * days), to: addDays(to, direction * days) };
}

// The same day a year before; of the 29 February, the 28th.
function yearBefore(date) {
  const year = String(Number(date.slice(0, 4)) - 1).padStart(4, '0');
  const same = `${year}${date.slice(4)}`;
  return isDate(same) ? same : `${year}-02-28`;
}

// What the change of a total is measured against.
export const comparisons = [['before', 'The period before'], ['year', 'A year before'], ['none', 'Nothing']];

export function rangeBefore({ from, to }, comparison) {
  switch (comparison) {
    case 'none': return null;
    case 'year': return { from: yearBefore(from), to: yearBefore(to) };
    default: return { from: addDays(from, -daysBetween(from, to)), to: from };
  }
}

// ---------------------------------------------------------------- granularities

export const granularities = [['hour', 'Hour'], ['day', 'Day'], ['week', 'Week'], ['month', 'Month'], ['quarter', 'Quarter'], ['year', 'Year']];
export const HOURS_MOST = 7;

export function fitting({ from, to }) {
  const days = daysBetween(from, to);
  const [name] = [['hour', 2], ['day', 92], ['week', 550], ['month', 3000], ['quarter', 9000]].find(([, most]) => days <= most) ?? ['year'];
  return name;
}

const LENGTHS = { hour: 1 / 24, day: 1, week: 7, month: 30, quarter: 91, year: 365 };

// Whether a granularity that was chosen for one range still suits another: neither a
// single column nor thousands.
export function suits(granularity, { from, to }) {
  const buckets = daysBetween(from, to) / LENGTHS[granularity];
  return buckets >= 2 && buckets <= 200;
}

// The day after the bucket's last; of an hour the day it lies in.
export function bucketEnd(date, granularity) {
  const day = date.slice(0, 10);
  switch (granularity) {
    case 'week': return addDays(day, 7);
    case 'yesterday': return { from: addDays(today, -1), to: today };
    case 'last-week': return { from: addDays(monday, -7), to: monday };
    case 'last-quarter': return { from: addMonths(quarter, -3), to: quarter };
    case 'month': return addMonths(day, 1);
    case 'quarter': return addMonths(day, 3);
    case 'year': return addMonths(day, 12);
    default: return addDays(day, 1);
  }
}

// ---------------------------------------------------------------- names

const formats = new Map();

function format(options) {
  const key = JSON.stringify(options);
  if (!formats.has(key)) {
    formats.set(key, new Intl.DateTimeFormat(undefined, { ...options, timeZone: 'UTC' }));
  }
  return formats.get(key);
}

export const named = (date, options) => format(options).format(clock(date));

// '2 PM' or '14:00', as the reader's language has it.
function hourName(date) {
  return named(date, format({ hour: 'numeric' }).resolvedOptions().hour12 ? { hour: 'numeric' } : { hour: '2-digit', minute: '2-digit' });
}

const LONG = { day: 'numeric', month: 'short', year: 'numeric' };

// 'from – to', both days included, without saying twice what both share.
export function rangeName({ from, to }, options = LONG) {
  return format(options).formatRange(clock(from), clock(addDays(to, -1)));
}

export function bucketName(dates, index, granularity) {
  const date = dates[index];
  switch (granularity) {
    case 'hour': {
      // The hour that the clock shows twice when it is set back.
      const again = index > 0 && dates[index - 1] === date ? ' (again)' : '';
      const end = new Date(clock(date).getTime() + 3600e3).toISOString();
      return `${named(date, { weekday: 'short', day: 'numeric', month: 'short' })}, ${hourName(date)} – ${hourName(end)}${again}`;
    }
    case 'day': return named(date, { weekday: 'short', ...LONG });
    case 'week': return rangeName({ from: date.slice(0, 10), to: addDays(date.slice(0, 10), 7) });
    case 'yesterday': return { from: addDays(today, -1), to: today };
    case 'last-week': return { from: addDays(monday, -7), to: monday };
    case 'last-quarter': return { from: addMonths(quarter, -3), to: quarter };
    case 'month': return named(date, { month: 'long', year: 'numeric' });
    case 'quarter': return `Q${Math.floor(clock(date).getUTCMonth() / 3) + 1} ${named(date, { year: 'numeric' })}`;
    default: return named(date, { year: 'numeric' });
  }
}

// Why a bucket has less in it than it could have, or null.
export function shortcoming(date, granularity, { from, to }, today) {
  const day = date.slice(0, 10);
  const end = bucketEnd(day, granularity);
  if (granularity !== 'hour' && granularity !== 'day' && (day < from || end > to)) {
    const part = { from: day < from ? from : day, to: end > to ? to : end };
    return part.to > today ? 'so far' : `only ${rangeName(part, { day: 'numeric', month: 'short' })}`;
  }
  return granularity === 'day' && day === today ? 'so far' : null;
}

// ---------------------------------------------------------------- ticks

const hourOf = (date) => Number(date.slice(11, 13));
const dayOf = (date) => Number(date.slice(8, 10));
const monthOf = (date) => Number(date.slice(5, 7));
const yearOf = (date) => Number(date.slice(0, 4));
const weekOf = (date) => Math.floor((clock(date).getTime() / DAY + 3) / 7);

const HOUR = [hourName, (date) => named(date, { weekday: 'short', day: 'numeric', month: 'short' })];
const WEEKDAY = [(date) => named(date, { weekday: 'short', day: 'numeric' }), (date) => named(date, { month: 'short' })];
const DATE = [(date) => named(date, { day: 'numeric', month: 'short' }), (date) => named(date, { year: 'numeric' })];
const MONTH = [(date) => named(date, { month: 'short' }), (date) => named(date, { year: 'numeric' })];
const QUARTER = [(date) => `Q${Math.ceil(monthOf(date) / 3)}`, (date) => named(date, { year: 'numeric' })];
const YEAR = [(date) => named(date, { year: 'numeric' }), () => ''];

// A level of ticks: which buckets have one, its two lines of text, and the room it
// needs.  Where a clock was set back two hours have one label: the first has the tick.
const each = (part, n, names, width) => ({
  at: (date, before) => part(date) % n === 0 && (before === undefined || part(date) !== part(before)), names, width,
});
// The first bucket of every n-th week, month or year; a range may begin inside one.
const first = (part, n, rest, begins, names, width) => ({
  at: (date, before) => part(date) % n === rest && (before === undefined ? begins(date) : part(date) !== part(before)), names, width,
});
const everywhere = (names, width) => ({ at: () => true, names, width });

const monday = (date) => clock(date).getUTCDay() === 1;
const monthOfAll = (date) => yearOf(date) * 12 + monthOf(date) - 1;
const hourly = [1, 2, 3, 6, 12].map((n) => each(hourOf, n, HOUR, 52));
const daily = [1, 2].map((n) => each((date) => Math.floor(clock(date) / DAY), n, WEEKDAY, 54));
const weekly = [1, 2].map((n) => first(weekOf, n, 0, monday, DATE, 60));
const monthly = [1, 3].map((n) => first(monthOfAll, n, 0, (date) => dayOf(date) === 1, MONTH, 38));
const yearly = [1, 2, 5, 10, 20, 50, 100, 500, 1000].map((n) => first(yearOf, n, 0, (date) => date.slice(5, 10) === '01-01', YEAR, 46));

const levels = {
  hour: [...hourly, ...daily],
  day: [...daily, ...weekly, ...monthly, ...yearly],
  week: [everywhere(DATE, 60), ...weekly.slice(1), ...monthly, ...yearly],
  month: [everywhere(MONTH, 38), ...monthly.slice(1), ...yearly],
  quarter: [everywhere(QUARTER, 40), ...yearly],
  year: [everywhere(YEAR, 46), ...yearly],
};

// ticks(dates, granularity, width): [{ index, text }], as many as there is room for.
export function ticks(dates, granularity, width) {
  let chosen = [];
  let names = YEAR;
  for (const level of levels[granularity]) {
    const found = dates.flatMap((date, index) => (level.at(date, dates[index - 1]) ? [index] : []));
    if (found.length > 0 && found.length * level.width <= width) {
      [chosen, names] = [found, level.names];
      break;
    }
  }
  let shown = '';
  return (chosen.length > 0 ? chosen : [0]).map((index) => {
    const [one, two] = names.map((name) => name(dates[index]));
    const text = two === shown ? one : `${one}\n${two}`;
    shown = two;
    return { index, text };
  });
}
