// first.js: the first question, asked before the browser has to do with the rest of the page.

import { overviewOf, overviewPath, readChoices } from './choices.js';
import { claimsOf, readToken } from './token.js';

const choices = readChoices(location.search);

function ask() {
  const token = readToken();
  const { bot, login } = token === null ? { bot: null, login: null } : claimsOf(token);
  // The page has something else to say before, or to ask.
  if (bot === null && (login === null || choices.bot === null)) {
    return null;
  }
  if (login === null && choices.bot !== null && choices.bot !== bot) {
    return null;
  }
  const url = overviewPath(overviewOf({ ...choices, bot: login === null ? null : choices.bot }));
  const response = fetch(url, { headers: { Authorization: `Bearer ${token}` }, credentials: 'omit', cache: 'no-store' });
  // Whoever takes it is told; nobody may.
  response.catch(() => {});
  return { url, token, response };
}

// What app.js imports, for which it would be asked only when that is there, and what the section needs.
function fetchOthers() {
  const others = ['api', 'cards', 'chart', 'controls', 'dom', 'format', 'lists', 'popover', ...(choices.section === 'audience' || choices.row !== null ? ['heatmap'] : [])];
  document.head.append(...others.map((name) => {
    const link = document.createElement('link');
    link.rel = 'modulepreload';
    link.href = `/${name}.js`;
    return link;
  }));
}

export const first = ask();
fetchOthers();
