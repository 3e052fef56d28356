// share.js: a link to what is shown, for reading only and with an end.  Its token stands
// behind the # of the address: no browser sends that to a server or to another site.

import { h, sentence } from './dom.js';
import { dayAndTime } from './time.js';

const lifetimes = [['1 day', 'A day'], ['7 days', '7 days'], ['30 days', '30 days'], ['90 days', '90 days']];

// Where the clipboard may not be written to, the text is marked, to be copied by hand.
async function copy(field, button) {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    button.textContent = 'Copied';
  } catch {
    button.textContent = 'Press Ctrl+C';
  }
}

// share(lifetime): a promise of { token, expires }
export function shareForm(share) {
  const choice = h('select', { id: 'share-lifetime', 'data-first': true }, ...lifetimes.map(([value, text]) => h('option', { value, selected: value === '7 days' }, text)));
  const place = h('div', { class: 'made', role: 'status' });
  const button = h('button', { type: 'submit', class: 'primary' }, 'Make a link');
  const form = h('form', { class: 'share' }, h('p', {}, 'Whoever has the link sees these statistics of this bot, and nothing else.'),
    h('label', { for: 'share-lifetime' }, 'It ends after', choice), button, place);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const { token, expires } = await share(choice.value);
      const field = h('input', { type: 'text', readonly: true, id: 'share-link', ariaLabel: 'The link', value: `${location.origin}/shared${location.search}#${token}` });
      const copier = h('button', { type: 'button', class: 'quiet', id: 'share-copy', onclick: () => copy(field, copier) }, 'Copy');
      place.replaceChildren(h('div', {}, field, copier), h('p', { class: 'note' }, `Until ${dayAndTime(expires)}, or until the key that you signed in with is revoked.`));
    } catch (error) {
      place.replaceChildren(h('p', { class: 'fault' }, [error.message, error.hint].filter(Boolean).map(sentence).join(' ')));
    } finally {
      button.disabled = false;
    }
  });
  return form;
}
