// What data loaders have in common.  PGHOST, PGUSER and their kind say where, PGTZ whose days; RANGE_FROM and RANGE_TO are local dates, the second exclusive.

import process from 'node:process';
import pg from 'pg';

const day = 86400000;
const date = at => new Date(at).toISOString().slice(0, 10);

export const from = process.env.RANGE_FROM ?? date(Date.now() - 90 * day);
export const to = process.env.RANGE_TO ?? date(Date.now() + day);

/** Writes a statement's rows as JSON, for FileAttachment(...).json(); its parameters are the range. */
export async function answer(text) {
    const client = new pg.Client({ options: `-c TimeZone=${process.env.PGTZ ?? 'UTC'} -c default_transaction_read_only=on -c statement_timeout=60s` });
    await client.connect();
    const { rows } = await client.query(text, [from, to]);
    await client.end();
    process.stdout.write(JSON.stringify(rows));
}
