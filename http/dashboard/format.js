// format.js: numbers as the reader's language writes them.

const formats = new Map();

function number(value, options = {}) {
  const key = JSON.stringify(options);
  if (!formats.has(key)) {
    formats.set(key, new Intl.NumberFormat(undefined, options));
  }
  return formats.get(key).format(value);
}

export const count = (value) => number(value);
// For an axis that goes up to `top`: all its numbers in one way.
export const short = (value, top) => (top < 10000 ? number(value) : number(value, { notation: 'compact', maximumFractionDigits: 1 }));
export const decimal = (value) => number(value, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
export const percent = (value) => number(value, { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 });
export const percentAxis = (value) => number(value, { style: 'percent', maximumFractionDigits: 1 });
export const plural = (value, one, many) => `${count(value)} ${value === 1 ? one : many}`;

// What a total is compared with the one before.  better: the sign that is good news,
// 0 where neither is.  { text, spoken, tone }, or null where it cannot be said.
export function change(now, before, { points = false, better = 0 } = {}) {
  const difference = points ? 100 * (now - before) : now / before - 1;
  if (!Number.isFinite(difference)) {
    return null;
  }
  const size = Math.abs(difference) * (points ? 1 : 100);
  const digits = size >= 0.05 && size < 9.95 ? 1 : 0;
  const sign = { signDisplay: 'exceptZero', minimumFractionDigits: digits, maximumFractionDigits: digits };
  const text = points ? `${number(difference, sign)} pp` : number(difference, { ...sign, style: 'percent' });
  const direction = /[1-9]/.test(text) ? Math.sign(difference) : 0;
  return {
    text,
    spoken: points ? text.replace('pp', 'percentage points') : text,
    arrow: ['↓ ', '±', '↑ '][direction + 1],
    tone: direction * better > 0 ? 'good' : direction * better < 0 ? 'bad' : 'even',
  };
}
