// form.js: the form that asks for a key, on a page of its own and over the dashboard.

import { h, sentence } from './dom.js';
import { SignInError, signIn } from './token.js';

// signInForm({ bot, fixed, of, done }): `fixed` and `of` are for a token that has expired,
// which only the same bot's, or login's, can replace.  A key says itself what it opens.
export function signInForm({ bot = '', fixed = false, of = null, done }) {
  const botField = h('input', {
    id: 'bot', name: 'bot', type: 'text', placeholder: 'Whatever the key opens',
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
      const claims = await signIn(botField.value.trim(), keyField.value.trim());
      keyField.value = '';
      if (of !== null && of.login !== claims.login && (of.login !== null || of.bot === null)) {
        throw new SignInError(403, 'the API key is for something else', 'Sign in with one that opens the same.');
      }
      done(botField.value.trim() || null);
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
  form.focusFirst = () => keyField.focus();
  return form;
}
