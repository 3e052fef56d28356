// time.js: local dates, ranges and the names of buckets.
//
// A date is text, YYYY-MM-DD, of the chosen zone's calendar; a range is from its
// first day to the day after its last, as the API has it.  The server knows zones,
// periods and calendars, and says which buckets a range has; here dates are only
// counted and named, which needs no zone.

const DAY = 86400e3;

// The reader's, in which numbers and dates are written, and weeks and months are what they are there.
export const language = navigator.language || 'en';

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

// ---------------------------------------------------------------- ranges

// Periods by the names of the database, which says what they are.
export const presets = [
  ['today', 'Today'], ['yesterday', 'Yesterday'], ['last7days', 'Last 7 days'], ['last30days', 'Last 30 days'], ['thisWeek', 'This week'], ['lastWeek', 'Last week'], ['thisMonth', 'This month'],
  ['lastMonth', 'Last month'], ['last3Months', 'Last 3 months'], ['thisQuarter', 'This quarter'], ['lastQuarter', 'Last quarter'], ['thisYear', 'This year'], ['lastYear', 'Last year'], ['all', 'Whole life'],
];
export const isPreset = (name) => presets.some(([each]) => each === name);

// The range beside it: of as many days, or of as many months where it is of whole ones.
export function stepRange({ from, to }, direction) {
  if (from.endsWith('-01') && to.endsWith('-01')) {
    const months = (clock(to).getUTCFullYear() - clock(from).getUTCFullYear()) * 12 + clock(to).getUTCMonth() - clock(from).getUTCMonth();
    return { from: addMonths(from, direction * months), to: addMonths(to, direction * months) };
  }
  const days = daysBetween(from, to);
  return { from: addDays(from, direction * days), to: addDays(to, direction * days) };
}

// What is compared with, by the names of the database.
export const comparisons = [['previous_period', 'The period before'], ['previous_year', 'A year before'], ['previous_year_weekday', 'A year before, same weekdays'], ['none', 'Nothing']];

// ---------------------------------------------------------------- granularities

export const granularities = [['hour', 'Hour'], ['day', 'Day'], ['week', 'Week'], ['month', 'Month'], ['quarter', 'Quarter'], ['year', 'Year']];
export const HOURS_MOST = 7;

const LENGTHS = { hour: 1 / 24, day: 1, week: 7, month: 30, quarter: 91, year: 365 };

// Whether a granularity that was chosen for one range still suits another: neither a
// single column nor thousands.
export function suits(granularity, { from, to }) {
  const buckets = daysBetween(from, to) / LENGTHS[granularity];
  return buckets >= 2 && buckets <= 200;
}

// The day after a bucket's last; of an hour the day it lies in.
const endOf = ({ dates, end }, index, granularity) => (granularity === 'hour' ? addDays(dates[index].slice(0, 10), 1) : dates[index + 1] ?? end);

// From where to where, of two buckets that were picked.
export const pickedRange = (buckets, first, last, granularity) => ({ from: buckets.dates[first].slice(0, 10), to: endOf(buckets, last, granularity) });

// ---------------------------------------------------------------- names

const formats = new Map();

function format(options) {
  const key = JSON.stringify(options);
  if (!formats.has(key)) {
    formats.set(key, new Intl.DateTimeFormat(language, { ...options, timeZone: 'UTC' }));
  }
  return formats.get(key);
}

export const named = (date, options) => format(options).format(clock(date));

// '2 PM' or '14:00', as the reader's language has it.
function hourName(date) {
  return named(date, format({ hour: 'numeric' }).resolvedOptions().hour12 ? { hour: 'numeric' } : { hour: '2-digit', minute: '2-digit' });
}

const LONG = { day: 'numeric', month: 'short', year: 'numeric' };

// Of a moment in seconds, as this machine's clock shows it.
export const dayAndTime = (seconds) => new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(1000 * seconds));

// 'from – to', both days included, without saying twice what both share.
export function rangeName({ from, to }, options = LONG) {
  return format(options).formatRange(clock(from), clock(addDays(to, -1)));
}

// buckets: { dates, labels, end }; labels are what the database calls them, in the reader's language and calendar.
export function bucketName({ dates, labels, end }, index, granularity) {
  const date = dates[index];
  const label = labels?.[index] ?? null;
  switch (granularity) {
    case 'hour': {
      // The hour that the clock shows twice when it is set back.
      const again = index > 0 && dates[index - 1] === date ? ' (again)' : '';
      const next = new Date(clock(date).getTime() + 3600e3).toISOString();
      return `${named(date, { weekday: 'short', day: 'numeric', month: 'short' })}, ${hourName(date)} – ${hourName(next)}${again}`;
    }
    case 'day': return named(date, { weekday: 'short', ...LONG });
    case 'week': return `${rangeName({ from: date, to: addDays(date, 7) })}${label === null ? '' : ` · ${label}`}`;
    case 'month': return label ?? named(date, { month: 'long', year: 'numeric' });
    case 'year': return label ?? named(date, { year: 'numeric' });
    default: return label ?? rangeName({ from: date, to: endOf({ dates, end }, index, granularity) ?? addMonths(date, 3) });
  }
}

// Why a bucket has less in it than it could have, or null.
export function shortcoming(buckets, index, granularity, { from, to }, today) {
  const day = buckets.dates[index].slice(0, 10);
  const end = endOf(buckets, index, granularity);
  if (granularity !== 'hour' && granularity !== 'day' && (day < from || end > to)) {
    const part = { from: day < from ? from : day, to: end > to ? to : end };
    return part.from <= today && part.to > today ? 'so far' : `only ${rangeName(part, { day: 'numeric', month: 'short' })}`;
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
