// form.js: the form that asks for a key, on a page of its own and over the dashboard.

import { h, sentence } from './dom.js';
import { signIn } from './token.js';

// signInForm({ bot, fixed, done }): `fixed` is for a token that has expired, which
// only the same bot's can replace.
export function signInForm({ bot = '', fixed = false, done }) {
  const botField = h('input', {
    id: 'bot', name: 'bot', type: 'text', required: true,
    autocomplete: 'username', value: bot, readonly: fixed, spellcheck: 'false',
  });
  const keyField = h('input', {
    id: 'key', name: 'key', type: 'password', required: true, autocomplete: 'current-password', spellcheck: 'false', ariaDescribedby: 'key-note',
  });
  const button = h('button', { class: 'primary', type: 'submit' }, 'Sign in');
  const fault = h('p', { class: 'fault', role: 'alert', hidden: true });
  const form = h('form', { class: 'signin', novalidate: false },
    h('label', { for: 'bot' }, 'Bot', botField),
    h('label', { for: 'key' }, 'API key', keyField),
    h('p', { class: 'note', id: 'key-note' }, 'Exchanged for a short-lived token, and not kept.'),
    fault, button);

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    fault.hidden = true;
    button.disabled = true;
    button.textContent = 'Signing in…';
    try {
      await signIn(botField.value.trim(), keyField.value.trim());
      keyField.value = '';
      done(botField.value.trim());
    } catch (error) {
      fault.textContent = [error.message, error.hint].filter(Boolean).map(sentence).join(' ');
      fault.hidden = false;
      keyField.focus();
      keyField.select();
    } finally {
      button.disabled = false;
      button.textContent = 'Sign in';
    }
  });
  form.focusFirst = () => (botField.value === '' ? botField : keyField).focus();
  return form;
}
