// save.js: what a card shows, as a file: a table as CSV, a picture as PNG.  It is there when
// somebody saves something.

import { h } from './dom.js';

// A text that begins so would be a formula to a program for tables, and visitors write some of them.
const cell = (value) => {
  const text = value === null || value === undefined ? '' : typeof value === 'number' ? String(value) : String(value).replace(/^(?=[=+@\t\r-])/, "'");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

const linesOf = (rows) => rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('');

export const csvOf = ({ columns, rows }) => linesOf([columns, ...rows]);

// All cards below each other, a line for every figure.
export const csvOfAll = (cards) => linesOf([['card', 'row', 'column', 'value'], ...cards.filter(({ exported }) => exported !== null).flatMap(({ title, exported: { columns, rows } }) => rows.flatMap((row) => {
  // the words before the first number say which row it is
  const first = Math.max(row.findIndex((each) => typeof each === 'number'), 1);
  return row.slice(first).map((value, n) => [title, row.slice(0, first).join(' · '), columns[first + n], value]);
}))]);

function save(name, blob) {
  const address = URL.createObjectURL(blob);
  h('a', { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

// The sign before the first byte tells older programs for tables that it is UTF-8.
export const saveText = (name, text) => save(`${name}.csv`, new Blob([`\uFEFF${text}`], { type: 'text/csv;charset=utf-8' }));

// of: the range that is shown
const nameOf = ({ id }, of) => [id, of].filter(Boolean).join('_');

// What is drawn, on the card's ground and below its title.
function savePicture(card, of) {
  const drawn = card.picture();
  const scale = window.devicePixelRatio || 1;
  const [pad, head] = [16 * scale, 44 * scale];
  const canvas = h('canvas', { width: drawn.width + 2 * pad, height: drawn.height + head + pad });
  const context = canvas.getContext('2d');
  const style = getComputedStyle(card.element);
  context.fillStyle = style.backgroundColor;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = style.color;
  context.font = `600 ${14 * scale}px "Inter Variable", system-ui, sans-serif`;
  context.fillText([card.title, of.replace('_', ' – ')].filter(Boolean).join(' · '), pad, 28 * scale);
  context.drawImage(drawn, pad, head);
  canvas.toBlob((blob) => save(`${nameOf(card, of)}.png`, blob), 'image/png');
}

// What a card can be saved as.
export const saveMenu = (card, of, done) => h('ul', { class: 'menu' }, ...[
  ['Table (CSV)', () => saveText(nameOf(card, of), csvOf(card.exported))],
  ...(card.picture() === null ? [] : [['Picture (PNG)', () => savePicture(card, of)]]),
].map(([text, act]) => h('li', {}, h('button', { type: 'button', onclick: () => {
  done();
  act();
} }, text))));

export const saveAll = (cards, of) => saveText(nameOf({ id: 'statistics' }, of), csvOfAll(cards));
