// questions.mjs: requests that the OpenAPI document lets one make, with what is required and with each parameter
// and value that is not, and some that it does not; with the status that each is answered with.

import { document } from './schema.mjs';

export const resolved = (each) => (each.$ref === undefined ? each : each.$ref.slice(2).split('/').reduce((at, name) => at[name], document));

// Documented addresses, and those that PostgREST answers its own way.
export const [own, addresses] = [true, false].map((native) => Object.entries(document.paths).filter(([path, { get }]) => get.operationId.includes('_') && path.startsWith('/api/native/') === native));

const examples = { bot: '1', client: 'First & last', day: '2024-07-01' };
const exampleOf = ({ name, example, schema }) => [examples[name] ?? example ?? schema.default ?? schema.enum?.[0]].flat();
const query = (parameters) => new URLSearchParams(parameters.flatMap((each) => exampleOf(each).map((value) => [each.name, value]))).toString();
export const addressOf = (path, parameters, more = '') =>
  `${path.replace(/\{(\w+)\}/g, (_, name) => examples[name])}?${query(parameters)}${more}`.replace(/\?$/, '');

// days from 1974 on are more than the API answers at once
const beside = (each, parameters, needed) =>
  (each.name === 'to' ? parameters.filter(({ name }) => ['from', 'to'].includes(name)) : [...needed, each]);

const listed = [];
const expect = (wanted, what, path, parameters, more) => listed.push({ wanted, what: `${path}: ${what}`, address: addressOf(path, parameters, more) });

for (const [path, { get }] of addresses) {
  const parameters = get.parameters.map(resolved).filter((each) => each.in === 'query');
  const needed = parameters.filter(({ required }) => required);
  expect(200, 'with what is required', path, needed);
  for (const left of needed) {
    expect(400, `without ${left.name}`, path, needed.filter((each) => each !== left));
  }
  for (const each of parameters.filter(({ required }) => !required)) {
    expect(200, `with ${each.name}`, path, beside(each, parameters, needed));
    for (const value of [each.schema.enum ?? [], each.schema.minimum ?? [], each.schema.maximum ?? [], each.schema.default ?? []].flat()) {
      expect(200, `${each.name}=${value}`, path, needed, `&${each.name}=${value}`);
    }
    if (each.schema.enum !== undefined) {
      expect(400, `${each.name}=nonsense`, path, needed, `&${each.name}=nonsense`);
    }
  }
  expect(400, 'with another parameter', path, needed, '&colour=blue');
}
// PostgREST says with 404 that it has no function with an argument of that name.
for (const [path, { get }] of own) {
  const parameters = get.parameters.map(resolved);
  const given = parameters.filter(({ required }) => required);
  for (const left of given) {
    expect(400, `without ${left.name}`, path, given.filter((each) => each !== left));
  }
  for (const each of parameters.filter((optional) => !given.includes(optional) && exampleOf(optional)[0] !== undefined)) {
    expect(200, `with ${each.name}`, path, ['from', 'to'].includes(each.name) ? parameters.filter(({ name }) => ['from', 'to'].includes(name)) : [...given, each]);
    for (const value of each.schema.enum ?? []) {
      expect(200, `${each.name}=${value}`, path, given, `&${each.name}=${value}`);
    }
    if (each.schema.enum !== undefined) {
      expect(400, `${each.name}=nonsense`, path, given, `&${each.name}=nonsense`);
    }
  }
  expect(404, 'with another parameter', path, given, `${given.length > 0 ? '&' : ''}colour=blue`);
}

export const questions = listed;
