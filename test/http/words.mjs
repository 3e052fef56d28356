// words.mjs: the documented systems, and what their errors may say: for errors.mjs and
// down.mjs.

import { faultOf } from './lib.mjs';

// Of each: an address that is answered, one of another bot, and one where nothing is.
export const systems = {
  Sage: ['/api/v1/stats/bot/1/sessions/messages?from=2024-07-01&to=2024-07-03', '/api/v1/stats/bot/2/meta/options', '/api/v1/stats/bot/1/sessions'],
  'ChatBot.com': ['/reports/conversations?from=2024-07-01&to=2024-07-03', null, '/reports/conversation'],
  LogicDialog: ['/api/agent/analytics/message?dateFrom=2024-07-01&dateTo=2024-07-03&client=First+%26+last', '/api/agent/analytics/message?dateFrom=2024-07-01&dateTo=2024-07-03&client=second', '/api/agent/analytics/messages'],
  Ultimate: ['/api/v1/metrics/bot/1?from=2024-07-01&to=2024-07-03', '/api/v1/metrics/bot/2?from=2024-07-01&to=2024-07-03', '/api/v1/metrics/bot/1/intents'],
  'Ultimate\'s export': ['/api/v1/export/bot/1/2024-07-01', '/api/v1/export/bot/2/2024-07-01', '/api/v1/export/bot/1'],
  'Sage\'s keys': ['/api/v2/bot/1/sage/auth', '/api/v2/bot/2/sage/auth', '/api/v2/bot/1/sage'],
};
export const isSage = (system) => system.startsWith('Sage');

// What libraries say of tokens, and what programs say of themselves.  <JWT> is the document's word.
const foreign = /JW[SE]|JWT(?!>)|PGRST|part|base64|decod|pars|signature|nginx|postgrest|libpq|schema|cache|relation|function|role|permission|denied|<html/i;

// What is wrong with an answer, in its body or in a header; '' when nothing is.
export function wrongWith(system, answer, method) {
  const faults = [faultOf(answer, method)];
  const said = [answer.text, answer.reason ?? '', answer.headers['www-authenticate'] ?? ''].find((text) => foreign.test(text));
  if (said !== undefined) {
    faults.push(`it is in a library's words: ${said}`);
  }
  if (!isSage(system) && answer.status === 403 && !/\bkey\b/.test(answer.json?.message)) {
    faults.push('it speaks of a token to who has sent a key');
  }
  if (method !== 'HEAD' && !/^(PT\d{3}|2\d{4})$/.test(answer.json?.code)) {
    faults.push(`its code is ${answer.json?.code}`);
  }
  if (isSage(system) && 'retry-after' in answer.headers) {
    faults.push('it has Retry-After');
  }
  if (!isSage(system) && [429, 503].includes(answer.status) && !/^[1-9]\d*$/.test(answer.headers['retry-after'])) {
    faults.push('it has no Retry-After');
  }
  return faults.filter(Boolean).join(', ');
}
