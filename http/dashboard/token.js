// token.js: the token of the person who looks at the page.
//
// It is kept in a cookie that scripts can read: the page's own requests carry it in
// their Authorization header, as any other program's do, and the API takes no
// cookie, so that no other site can make requests in the person's name.  A script
// of somebody else's could read it, too; but the Content-Security-Policy lets no
// script run that is not one of these files, nor anything be sent to another host.
// What could be lost is a token that reads one bot's counts for some minutes.  The
// key, which lives long, is passed on and never kept.

const NAME = 'kindly_token';

// Who has a link has its token behind the # of the address, which no browser sends
// anywhere, and no cookie: his own sign-in, if he has one, stays what it is.
export const isShared = () => location.pathname === '/shared';

export function readToken() {
  if (isShared()) {
    return location.hash.slice(1) || null;
  }
  const found = document.cookie.split('; ').find((each) => each.startsWith(`${NAME}=`));
  return found === undefined ? null : found.slice(NAME.length + 1) || null;
}

function writeCookie(value, seconds) {
  const secure = location.protocol === 'https:' ? '; Secure' : '';
  document.cookie = `${NAME}=${value}; Path=/; Max-Age=${seconds}; SameSite=Strict${secure}`;
}

export const forgetToken = () => writeCookie('', 0);

// The bot as text: a number may have more digits than a JavaScript number holds.
export function claimsOf(token) {
  try {
    const bytes = atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/'));
    const text = new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
    const { bot, login, exp } = JSON.parse(text);
    return { bot: typeof bot === 'string' ? bot : /"bot"\s*:\s*(-?\d+)/.exec(text)?.[1] ?? null, login: login ?? null, exp: exp ?? null };
  } catch {
    return { bot: null, login: null, exp: null };
  }
}

export class SignInError extends Error {
  constructor(status, message, hint) {
    super(message);
    this.status = status;
    this.hint = hint;
  }
}

async function refusal(response) {
  const body = await response.json().catch(() => ({}));
  const seconds = response.headers.get('retry-after');
  const hint = response.status === 429 && seconds !== null ? `Try again in ${seconds} s.` : body.hint;
  return new SignInError(response.status, body.message ?? `the server answered ${response.status}`, hint ?? null);
}

// The key for a token, which is of the key's bot, or of the bots of a login; with a bot
// only if it is among them.  Gives back the token's claims.
export async function signIn(bot, key) {
  let response;
  try {
    response = await fetch(`/api/native/login${bot === '' ? '' : `?bot=${encodeURIComponent(bot)}`}`,
      { headers: { Authorization: `Bearer ${key}` }, credentials: 'omit', cache: 'no-store' });
  } catch {
    throw new SignInError(0, 'the server cannot be reached', 'Check the connection and try again.');
  }
  if (!response.ok) {
    throw await refusal(response);
  }
  const { jwt } = await response.json();
  // By the server's clock: this machine's may be wrong.
  const now = Date.parse(response.headers.get('date') ?? '') || Date.now();
  const claims = claimsOf(jwt);
  const { exp } = claims;
  writeCookie(jwt, exp === null ? 600 : Math.max(Math.floor(exp - now / 1000), 1));
  if (readToken() === null) {
    throw new SignInError(0, 'the browser keeps no cookie of this page', 'Allow cookies for this address.');
  }
  return claims;
}
