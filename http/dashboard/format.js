// format.js: numbers as the reader's language writes them.

import { language } from './time.js';

const formats = new Map();

function number(value, options = {}) {
  const key = JSON.stringify(options);
  if (!formats.has(key)) {
    formats.set(key, new Intl.NumberFormat(language, options));
  }
  return formats.get(key).format(value);
}

export const count = (value) => number(value);
// For an axis that goes up to `top`: all its numbers in one way.
export const short = (value, top) => (top < 10000 ? number(value) : number(value, { notation: 'compact', maximumFractionDigits: 1 }));
export const decimal = (value) => number(value, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
// A rate of nothing is none.
export const NONE = '–';
export const percent = (value) => (value === null || Number.isNaN(value) ? NONE : percentOf(value));
const percentOf = (value) => number(value, { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 });
export const percentAxis = (value) => number(value, { style: 'percent', maximumFractionDigits: 1 });
// A bot without a name has its number.
export const botName = ({ id, name }) => name ?? `Bot ${id}`;
export const plural = (value, one, many) => `${count(value)} ${value === 1 ? one : many}`;

// Of less than that, percentages say more than there is to say.
const FEW = 10;

// What a total is compared with the one before.  of: 'count', in percent, or as a difference
// where there were few; 'rate', in percentage points; 'mean', as a difference, for where
// its scale begins nothing is a part of.  better: the sign that is good news, 0 where neither
// is.  { text, spoken, tone }, or null where it cannot be said.
export function change(now, before, { of = 'count', better = 0 } = {}) {
  const points = of === 'rate';
  const relative = of === 'count' && before >= FEW;
  const difference = points ? 100 * (now - before) : relative ? now / before - 1 : now - before;
  if (now === null || before === null || !Number.isFinite(difference) || (of === 'count' && before === 0)) {
    return null;
  }
  const size = Math.abs(difference) * (relative ? 100 : 1);
  const digits = of !== 'mean' && !points && !relative ? 0 : of === 'mean' || (size >= 0.05 && size < 9.95) ? 1 : 0;
  const sign = { signDisplay: 'exceptZero', minimumFractionDigits: digits, maximumFractionDigits: digits };
  const text = points ? `${number(difference, sign)} pp` : number(difference, relative ? { ...sign, style: 'percent' } : sign);
  const direction = Math.round(size * 10 ** digits) > 0 ? Math.sign(difference) : 0;
  return {
    text,
    spoken: points ? text.replace('pp', 'percentage points') : text,
    arrow: ['↓ ', '±', '↑ '][direction + 1],
    tone: direction * better > 0 ? 'good' : direction * better < 0 ? 'bad' : 'even',
  };
}
