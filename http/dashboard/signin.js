// signin.js: what GET / answers to who has no valid token.

import { byId } from './dom.js';
import { signInForm } from './form.js';

const asked = new URLSearchParams(location.search).get('bot') ?? '';
const form = signInForm({
  bot: asked,
  done: (bot) => {
    // The choices in the address are of the bot that it names.
    if (bot === null || bot === asked) {
      location.reload();
    } else {
      location.assign(`/?bot=${encodeURIComponent(bot)}`);
    }
  },
});
byId('form').replaceChildren(form);
form.focusFirst();
