// schema.mjs: whether an answer is as the OpenAPI document says.

import { readFileSync } from 'node:fs';
import Ajv from 'ajv/dist/2020.js';

export const document = JSON.parse(readFileSync(new URL('../../http/dashboard/openapi.json', import.meta.url), 'utf8'));

const ajv = new Ajv({ allErrors: true, strict: false, formats: {
  int64: { type: 'number', validate: Number.isInteger },
  date: (text) => /^\d{4}-\d{2}-\d{2}$/.test(text),
} });
ajv.addSchema(document, 'openapi');

const escaped = (text) => text.replace(/[.*+?^$()|[\]\\]/g, '\\$&');
const pointer = (...names) => `openapi#/${names.map((name) => name.replaceAll('~', '~0').replaceAll('/', '~1')).map(encodeURIComponent).join('/')}`;
const addresses = Object.keys(document.paths).map((path) => ({ path, pattern: new RegExp(`^${escaped(path).replace(/\{\w+\}/g, '[^/]+')}$`) }));

// Where the document describes an answer of that status: the names that lead to it.
function responseOf(path, status) {
  const { responses } = document.paths[path].get;
  const key = responses[status] === undefined ? 'default' : String(status);
  const reference = responses[key].$ref;
  return reference === undefined ? ['paths', path, 'get', 'responses', key] : reference.slice(2).split('/');
}

// The documented path that a request's path is one of; undefined where it is none.
export const documentedPath = (path) => addresses.find(({ pattern }) => pattern.test(path.split('?')[0]))?.path;

// What is wrong with an answer; '' when nothing is.
export function differenceOf(path, status, json) {
  const names = responseOf(path, status);
  const response = names.reduce((here, name) => here[name], document);
  if (response.content === undefined) {
    return '';
  }
  const validate = ajv.getSchema(pointer(...names, 'content', 'application/json', 'schema'));
  return validate(json) ? '' : `${path} ${status}: ${ajv.errorsText(validate.errors)}: ${String(JSON.stringify(json)).slice(0, 300)}`;
}
