// dom.js: elements without innerHTML.  What comes from the server becomes text and
// nothing else; the page's Content-Security-Policy refuses the other way, too.

const SVG = 'http://www.w3.org/2000/svg';

// h('button', { class: 'plain', onclick: f, ariaLabel: 'Close' }, 'text', element, null)
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) {
      continue;
    }
    if (name.startsWith('on')) {
      element.addEventListener(name.slice(2), value);
    } else if (name.startsWith('--')) {
      // A style attribute would be refused; a property set by script is not one.
      element.style.setProperty(name, value);
    } else {
      element.setAttribute(name.replace(/^aria(?=[A-Z])/, 'aria-').toLowerCase(), value === true ? '' : value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

// One icon: strokes on a square of 16.
const strokes = {
  left: 'M10 3.5 5.5 8l4.5 4.5',
  right: 'M6 3.5 10.5 8 6 12.5',
  down: 'M4 6.25 8 10.25l4-4',
  calendar: 'M2.75 4.25h10.5v9H2.75zM2.75 7h10.5M5.5 2.5v3M10.5 2.5v3',
  globe: 'M8 2.25a5.75 5.75 0 1 0 0 11.5a5.75 5.75 0 1 0 0-11.5M2.25 8h11.5M8 2.25c4 4 4 7.5 0 11.5M8 2.25c-4 4-4 7.5 0 11.5',
  source: 'M3 3.25h10v7H7.5L4.75 13v-2.75H3z',
  language: 'M2.5 4.25h6M5.5 2.5v1.75M7.25 4.25c-.6 3-2.4 4.9-4.5 6M3.75 6.25c.8 1.9 2.2 3.1 3.9 3.9M7.75 13.5l2.75-6.75l2.75 6.75M8.75 11.25h3.5',
  chart: 'M3 13V8.5M6.5 13V5M10 13V7M13.5 13V3',
  table: 'M2.5 3.25h11v9.5h-11zM2.5 6.5h11M2.5 9.75h11M6.5 6.5v6.25',
  light: 'M8 5.25a2.75 2.75 0 1 0 0 5.5a2.75 2.75 0 1 0 0-5.5M8 1.75v1.25M8 13v1.25M1.75 8H3M13 8h1.25M3.6 3.6l.9.9M11.5 11.5l.9.9M12.4 3.6l-.9.9M4.5 11.5l-.9.9',
  dark: 'M13.25 9.5A5.75 5.75 0 0 1 6.5 2.75a5.5 5.5 0 1 0 6.75 6.75z',
  system: 'M2.5 3.25h11v7.5h-11zM6 13.25h4M8 10.75v2.5',
  refresh: 'M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3',
  save: 'M8 2.5v7.5M4.75 7 8 10.25 11.25 7M3 13.25h10',
  share: 'M6.5 9.5 9.5 6.5M7 4.75l1.6-1.6a2.6 2.6 0 0 1 3.7 3.7L10.75 8.5M9 11.25l-1.6 1.6a2.6 2.6 0 0 1-3.7-3.7L5.25 7.5',
  again: 'M3 8a5 5 0 0 1 8.6-3.5L13 6M13 2.75V6H9.75M13 8a5 5 0 0 1-8.6 3.5L3 10M3 13.25V10h3.25',
  filter: 'M2.5 4.5h11M4.5 8h7M6.5 11.5h3',
  leave: 'M9.5 2.75H3.25v10.5H9.5M6.75 8h6.5M10.75 5.5 13.25 8l-2.5 2.5',
  alert: 'M8 2.5 14 13H2zM8 6.5v3M8 11v.5',
  info: 'M8 2.25a5.75 5.75 0 1 0 0 11.5a5.75 5.75 0 1 0 0-11.5M8 7.25v3.5M8 5v.5',
  wait: 'M8 2.25a5.75 5.75 0 1 0 0 11.5a5.75 5.75 0 1 0 0-11.5M8 4.75V8l2.25 1.5',
  close: 'M4 4l8 8M12 4l-8 8',
  check: 'M3.25 8.5 6.5 11.5l6.25-7',
  up: 'M5 14V7.5L8 2.25c1.5 0 2 1 1.6 2.5L9.25 6.5h3.5l-1 6L10.5 14zM2.5 7.5V14',
  thumbdown: 'M5 2v6.5l3 5.25c1.5 0 2-1 1.6-2.5L9.25 9.5h3.5l-1-6L10.5 2zM2.5 8.5V2',
  sad: 'M8 2.25a5.75 5.75 0 1 0 0 11.5a5.75 5.75 0 1 0 0-11.5M6 6.25v.5M10 6.25v.5M5.5 11c1.2-1.7 3.8-1.7 5 0',
  neutral: 'M8 2.25a5.75 5.75 0 1 0 0 11.5a5.75 5.75 0 1 0 0-11.5M6 6.25v.5M10 6.25v.5M5.75 10.25h4.5',
  happy: 'M8 2.25a5.75 5.75 0 1 0 0 11.5a5.75 5.75 0 1 0 0-11.5M6 6.25v.5M10 6.25v.5M5.5 9.5c1.2 1.7 3.8 1.7 5 0',
};

export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  const path = document.createElementNS(SVG, 'path');
  for (const [key, value] of Object.entries({ viewBox: '0 0 16 16', class: 'icon', 'aria-hidden': 'true', focusable: 'false' })) {
    svg.setAttribute(key, value);
  }
  path.setAttribute('d', strokes[name]);
  svg.append(path);
  return svg;
}

// What the API says begins in lower case and has no full stop.
export function sentence(text) {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
