// What the programs for tools have in common: results in TAP, and node-postgres of the other clients.

import { createRequire } from 'node:module';
import process from 'node:process';

const { Client } = createRequire(new URL('../clients/package.json', import.meta.url))('pg');

let number = 0;

export function is(got, expected, name) {
    const [a, b] = [JSON.stringify(got), JSON.stringify(expected)];
    console.log(`${a === b ? 'ok' : 'not ok'} ${++number} - ${name}`);
    if (a !== b)
        console.log(`#      got: ${a}\n# expected: ${b}`);
}

export function done() {
    console.log(`1..${number}`);
    process.exit(0);
}

// As tools connect that only read: PGHOST and its kind say where.
export async function connect(options = '-c default_transaction_read_only=on -c statement_timeout=30s') {
    const client = new Client({ options });
    await client.connect();
    return client;
}

// Rows as arrays, numbers as numbers whatever their type, instants in milliseconds.
export async function rows(client, text, values, queryMode) {
    const result = await client.query({ text, values, queryMode, rowMode: 'array' });
    const numeric = result.fields.map(field => [20, 21, 23, 701, 1700].includes(field.dataTypeID));
    return result.rows.map(row => row.map((value, i) => value === null ? null : numeric[i] ? Number(value) : value instanceof Date ? value.getTime() : value));
}
