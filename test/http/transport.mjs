// transport.mjs: HTTP as hostile or slow clients speak it: requests inside of
// requests, bodies where none belong, headers twice, clients that dawdle; and TLS
// and HTTP/2.

import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { base, done, faultOf, is, ok, raw, request, stats, token } from './lib.mjs';

const jwt = token({ bot: 1, key: 'transport' });
const { hostname, port } = new URL(base);
const options = stats(1, 'meta/options');
const answer = await request(options, { token: jwt });
const head = (method, path, ...lines) => [`${method} ${path} HTTP/1.1`, 'Host: localhost', `Authorization: Bearer ${jwt}`, ...lines, '', ''].join('\r\n');
const statuses = (text) => [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map((each) => Number(each[1]));

// Everything that one connection answers.
async function conversation(bytes) {
  const { head: first, text } = await raw(bytes);
  return statuses(`${first}\r\n\r\n${text}`);
}

// ---------------------------------------------------------------- bodies

const smuggled = `GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n`;
const last = head('GET', options, 'Connection: close');
is(await conversation(head('GET', options, `Content-Length: ${smuggled.length}`) + smuggled + last), [200, 200], 'a body of GET is no request');
is(await conversation(head('GET', '/api/v1/export/bot/1/2022-01-01', `Content-Length: ${smuggled.length}`) + smuggled + last), [200, 200], 'nor where GET becomes POST');
is(await conversation(head('GET', '/api/native/rpc/token', `Content-Length: ${smuggled.length}`) + smuggled + last), [200, 200], 'nor by PostgREST\'s own way');
is((await conversation(head('GET', options, 'Transfer-Encoding: chunked', 'Connection: close') + `5\r\nhello\r\n0\r\n\r\n`))[0], 411, 'a body in pieces');
for (const [name, ...lines] of [['two lengths', 'Content-Length: 0', `Content-Length: ${smuggled.length}`], ['a length and pieces', 'Content-Length: 4', 'Transfer-Encoding: chunked'],
  ['a length with a sign', `Content-Length: +${smuggled.length}`], ['a list of lengths', 'Content-Length: 0, 0'], ['a hexadecimal length', 'Content-Length: 0x10'],
  ['two authorizations', 'Authorization: Bearer x'], ['two hosts', 'Host: elsewhere'], ['a blank before the colon', 'Content-Length : 5'], ['a NUL in a header', 'X-Any: a\0b']]) {
  const [status, ...more] = await conversation(head('GET', options, ...lines) + smuggled);
  ok([400, 411].includes(status) && more.length === 0, `refused, and the connection with it: ${name}`, status, more);
}
for (const [name, ...lines] of [['another encoding', 'Transfer-Encoding: identity'], ['an encoding in disguise', 'Transfer-Encoding: xchunked'], ['a tab before it', 'Transfer-Encoding:\tchunked']]) {
  const [status] = await conversation(head('GET', options, 'Connection: close', ...lines) + `0\r\n\r\n`);
  ok([400, 411].includes(status), `refused: ${name}`, status);
}
const posted = JSON.stringify({ from: '2024-07-01', to: '2024-07-02', tz: 'UTC' });
is(await conversation(head('POST', '/api/native/rpc/stats_total', 'Content-Type: application/json', `Content-Length: ${posted.length}`, 'Expect: 100-continue', 'Connection: close') + posted), [100, 200],
  'Expect: 100-continue');
is(await conversation(head('POST', '/api/native/rpc/stats_total', 'Content-Type: application/json', 'Content-Length: 70000', 'Expect: 100-continue', 'Connection: close')), [413],
  'a body that is too large need not be sent');
is(await conversation(head('GET', options, 'Content-Length: 70000', 'Connection: close')), [413], 'nor one of GET');
is(await conversation(head('GET', options, 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA', 'Connection: Upgrade, HTTP2-Settings') + last), [200, 200], 'nothing is upgraded');

// ---------------------------------------------------------------- headers

for (const [name, headers] of [['X-Forwarded-Host', { 'X-Forwarded-Host': 'elsewhere' }], ['X-Forwarded-Prefix', { 'X-Forwarded-Prefix': '/x' }], ['X-Rewrite-URL', { 'X-Rewrite-URL': stats(2, 'meta/options') }],
  ['X-HTTP-Method-Override', { 'X-HTTP-Method-Override': 'DELETE' }], ['Connection', { Connection: 'Authorization' }]]) {
  const same = await request(options, { token: jwt, headers });
  is([same.status, same.text], [200, answer.text], `${name} is nothing`);
}

// ---------------------------------------------------------------- slow clients

// Two hundred connections of one address that send a byte now and then.
const slow = [head('GET', options).slice(0, 20), head('GET', options).slice(0, -2), head('POST', '/api/native/rpc/stats_total', 'Content-Type: application/json', 'Content-Length: 50')];
const dawdlers = Array.from({ length: 200 }, (_, n) => {
  const socket = net.connect({ port, host: hostname, localAddress: '127.0.4.1' }, () => socket.write(slow[n % slow.length]));
  socket.on('error', () => {});
  socket.resume();
  socket.ended = new Promise((resolve) => socket.on('close', resolve));
  return socket;
});
const dripping = setInterval(() => dawdlers.filter((_, n) => n % 3 === 1).forEach((each) => each.writable && each.write('X: y\r\n')), 1000);
await pause(1000);
for (let n = 0; n < 5; n += 1) {
  const quick = await request(options, { token: jwt });
  is([quick.status, quick.text], [200, answer.text], `beside 200 that dawdle: request ${n + 1}`);
}
await Promise.all(dawdlers.map((each) => each.ended));
clearInterval(dripping);
ok(true, 'none of them is let in for ever');

// ---------------------------------------------------------------- TLS and HTTP/2

const secure = `https://127.0.0.1:${process.env.KINDLY_TLS}`;
const overTls = await new Promise((resolve, reject) => https.get(`${secure}${options}`, { rejectUnauthorized: false, headers: { Authorization: `Bearer ${jwt}` } }, (response) => {
  const protocol = response.socket.getProtocol();
  let text = '';
  response.on('data', (piece) => { text += piece; });
  response.on('end', () => resolve({ status: response.statusCode, text, protocol }));
}).on('error', reject));
is([overTls.status, overTls.text], [200, answer.text], `HTTP/1.1 over ${overTls.protocol}`);
const plain = await new Promise((resolve) => {
  const socket = net.connect(process.env.KINDLY_TLS, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'));
  let text = '';
  socket.on('data', (piece) => { text += piece; });
  socket.on('close', () => resolve(text));
});
is(statuses(plain), [400], 'no TLS where TLS is spoken');

const session = http2.connect(secure, { rejectUnauthorized: false, localAddress: '127.0.4.2' });
session.on('error', () => {});
function stream(headers, body) {
  return new Promise((resolve) => {
    const sent = session.request({ ':path': options, authorization: `Bearer ${jwt}`, ...headers }, { endStream: body === undefined });
    let text = '';
    let status;
    let type;
    sent.on('response', (each) => { status = each[':status']; type = each['content-type']; });
    sent.on('data', (piece) => { text += piece; });
    sent.on('error', () => resolve({ status }));
    sent.on('close', () => resolve({ status, text, headers: { 'content-type': type }, json: (() => { try { return JSON.parse(text); } catch { return undefined; } })() }));
    if (body !== undefined) {
      sent.end(body);
    }
  });
}
const first = await stream({});
is([first.status, first.text], [200, answer.text], 'HTTP/2');
const unknown = await stream({ ':path': '/nowhere' });
is([unknown.status, faultOf(unknown)], [404, ''], 'HTTP/2: errors have the one shape');
is((await stream({ authorization: 'Bearer x' })).status, 401, 'HTTP/2: no token');
is((await stream({ ':method': 'POST', ':path': '/api/native/rpc/stats_total', 'content-type': 'application/json', 'content-length': String(posted.length) }, posted)).status, 200, 'HTTP/2: a body');
is((await stream({ ':method': 'POST', ':path': '/api/native/rpc/stats_total', 'content-type': 'application/json' }, posted)).status, 200, 'HTTP/2: a body, the length of which is not told');
is((await stream({ ':method': 'POST', ':path': '/api/native/rpc/stats_total', 'content-type': 'application/json' }, 'x'.repeat(70000))).status, 413, 'HTTP/2: too large a body');
is((await stream({ ':path': `${stats(2, 'meta/options')}` })).status, 403, 'HTTP/2: another bot');
is((await stream({ 'x-original-uri': stats(2, 'meta/options') })).text, answer.text, 'HTTP/2: X-Original-URI of a client is nothing');
const streams = await Promise.all(Array.from({ length: 100 }, () => stream({})));
ok(streams.every((each) => [200, 429].includes(each.status)) && streams.some((each) => each.status === 200), `HTTP/2: a hundred streams of one connection: ${streams.filter((each) => each.status === 429).length} are too many`);
// Streams that are begun and given up at once.
for (let n = 0; n < 1000; n += 1) {
  const given = session.request({ ':path': options, authorization: `Bearer ${jwt}` });
  given.on('error', () => {});
  given.close(http2.constants.NGHTTP2_CANCEL);
}
await pause(1000);
session.destroy();
is((await request(options, { token: token({ bot: 1, key: 'after' }) })).status, 200, 'HTTP/2: a thousand streams that are given up are no harm to others');
done();
