// popover.js: a button that opens a panel.  The browser does the rest: Escape, a
// click elsewhere, the focus that comes back, aria-expanded.

import { byId, h, icon } from './dom.js';

const GAP = 6;

function place(button, panel) {
  const box = button.getBoundingClientRect();
  const left = Math.max(Math.min(box.left, document.documentElement.clientWidth - panel.offsetWidth - 12), 12);
  panel.style.setProperty('--left', `${left}px`);
  panel.style.setProperty('--top', `${box.bottom + GAP}px`);
}

// popover({ id, symbol, name, fill, plain }): { element, say(text), close() }.  fill(panel) is
// called each time it opens, and may give back a promise; a plain one is an icon alone.
export function popover({ id, symbol, name, fill, plain = false }) {
  const text = h('span', { class: 'value' });
  const button = plain ? h('button', { type: 'button', id, class: 'plain', popovertarget: `${id}-panel`, title: name, ariaLabel: name }, icon(symbol)) : h('button', { type: 'button', id, class: 'choice', popovertarget: `${id}-panel` },
    icon(symbol), h('span', { class: 'unseen' }, `${name}: `), text, icon('down'));
  const panel = h('div', { id: `${id}-panel`, class: 'panel', popover: 'auto', role: 'dialog', ariaLabel: name });
  const follow = () => place(button, panel);
  let filled = null;

  panel.addEventListener('beforetoggle', (event) => {
    if (event.newState === 'open') {
      filled = fill(panel);
    }
  });
  panel.addEventListener('toggle', async (event) => {
    const change = event.newState === 'open' ? 'addEventListener' : 'removeEventListener';
    window[change]('resize', follow);
    window[change]('scroll', follow, { passive: true });
    await filled;
    if (event.newState === 'open' && panel.matches(':popover-open')) {
      follow();
      panel.querySelector('[data-first], input:checked, [aria-current="true"], button, input')?.focus({ preventScroll: true });
    }
  });
  return {
    element: h('div', { class: 'popover' }, button, panel),
    button,
    say: (value) => { text.textContent = value; },
    close: () => panel.hidePopover(),
  };
}

// Fills a panel with what a module makes, which may have to come first.
export const filledBy = (load, make) => async (panel) => {
  const module = await load().catch(() => null);
  panel.replaceChildren(module === null ? h('p', { class: 'fault' }, 'The server cannot be reached. Check the connection and try again.') : make(module));
};

// A choice of one, all of them in sight.  options: [[value, text]].
export function segments({ id, name, options, onchoose }) {
  const inputs = options.map(([value]) => h('input', { type: 'radio', name: id, value, id: `${id}-${value}`, onchange: () => onchoose(value) }));
  return {
    element: h('fieldset', { class: 'segments', id }, h('legend', { class: 'unseen' }, name),
      ...options.map(([value, text], n) => h('label', { for: `${id}-${value}` }, inputs[n], h('span', {}, text)))),
    set(value, disabled = {}) {
      for (const input of inputs) {
        input.checked = input.value === value;
        input.disabled = input.value in disabled;
        input.parentElement.title = disabled[input.value] ?? '';
      }
    },
  };
}

// ---------------------------------------------------------------- the theme

const themes = [['system', 'System'], ['light', 'Light'], ['dark', 'Dark']];

export function themeSwitch(place) {
  const current = () => document.documentElement.dataset.theme ?? 'system';
  const tell = () => document.dispatchEvent(new Event('themechange'));
  const button = h('button', { type: 'button', class: 'plain', id: 'theme' });
  const show = () => {
    const [name, text] = themes.find(([each]) => each === current());
    button.replaceChildren(icon(name));
    button.title = `Theme: ${text}`;
    button.setAttribute('aria-label', `Theme: ${text}. Change it`);
  };
  button.addEventListener('click', () => {
    const [next] = themes[(themes.findIndex(([each]) => each === current()) + 1) % themes.length];
    if (next === 'system') {
      delete document.documentElement.dataset.theme;
    } else {
      document.documentElement.dataset.theme = next;
    }
    try {
      document.cookie = `kindly_theme=${next}; Path=/; Max-Age=31536000; SameSite=Strict`;
    } catch {
      // It holds until the page is left, then.
    }
    show();
    tell();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', tell);
  show();
  byId(place).append(button);
}
