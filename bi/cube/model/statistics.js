// Statistics of schema bi.  The time dimension is an instant, which Cube puts on the clock of the query's time zone; the relation is asked
// for the days of the same zone, which is read off what Cube writes for one.
//
// Chats and users are counted once in each row and cannot be added up: where a query has several rows in one, these are NULL.  Ask the cube
// of the unit and with the dimension bot_id, such as monthly.users by bot and month.

cube(`daily`, {
  sql: `SELECT * FROM bi.daily WHERE tz = ${SQL_UTILS.convertTz(`x`).replace(/^.* AT TIME ZONE |\)$/g, ``)}`,
  refresh_key: { every: `1 minute` },
  dimensions: {
    date: { sql: `starts_at`, type: `time` },
    bot_id: { sql: `bot_id`, type: `string` },
    bot_name: { sql: `bot_name`, type: `string` },
    is_partial: { sql: `is_partial`, type: `boolean` },
  },
  measures: {
    messages: { sql: `messages`, type: `sum` },
    replies: { sql: `replies`, type: `sum` },
    fallbacks: { sql: `fallbacks`, type: `sum` },
    fallback_rate: { sql: `${fallbacks} / NULLIF(${replies}, 0)`, type: `number`, format: `percent` },
    handover_requests: { sql: `handover_requests`, type: `sum` },
    handovers: { sql: `handovers`, type: `sum` },
    ratings: { sql: `ratings`, type: `sum` },
    chats: { sql: `CASE WHEN COUNT(*) = 1 THEN MAX(${CUBE}.chats) END`, type: `number` },
    users: { sql: `CASE WHEN COUNT(*) = 1 THEN MAX(${CUBE}.users) END`, type: `number` },
    new_users: { sql: `CASE WHEN COUNT(*) = 1 THEN MAX(${CUBE}.new_users) END`, type: `number` },
  },
});

cube(`hourly`, {
  extends: daily,
  sql: `SELECT * FROM bi.hourly WHERE tz = ${SQL_UTILS.convertTz(`x`).replace(/^.* AT TIME ZONE |\)$/g, ``)}`,
  dimensions: {
    weekday: { sql: `weekday`, type: `number` },
    hour_of_day: { sql: `hour_of_day`, type: `number` },
  },
});

cube(`weekly`, {
  extends: daily,
  sql: `SELECT * FROM bi.weekly WHERE tz = ${SQL_UTILS.convertTz(`x`).replace(/^.* AT TIME ZONE |\)$/g, ``)}`,
});

cube(`monthly`, {
  extends: daily,
  sql: `SELECT * FROM bi.monthly WHERE tz = ${SQL_UTILS.convertTz(`x`).replace(/^.* AT TIME ZONE |\)$/g, ``)}`,
});
