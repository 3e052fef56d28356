// What has a row for each key of a day.

cube(`sources`, {
  sql: `SELECT * FROM bi.daily_by_source WHERE tz = ${SQL_UTILS.convertTz(`x`).replace(/^.* AT TIME ZONE |\)$/g, ``)}`,
  refresh_key: { every: `1 minute` },
  dimensions: {
    date: { sql: `starts_at`, type: `time` },
    bot_id: { sql: `bot_id`, type: `string` },
    bot_name: { sql: `bot_name`, type: `string` },
    source: { sql: `source`, type: `string` },
  },
  measures: {
    messages: { sql: `messages`, type: `sum` },
  },
});

cube(`pages`, {
  sql: `SELECT * FROM bi.pages WHERE tz = ${SQL_UTILS.convertTz(`x`).replace(/^.* AT TIME ZONE |\)$/g, ``)}`,
  refresh_key: { every: `1 minute` },
  dimensions: {
    date: { sql: `starts_at`, type: `time` },
    bot_id: { sql: `bot_id`, type: `string` },
    host: { sql: `web_host`, type: `string` },
    path: { sql: `web_path`, type: `string` },
  },
  measures: {
    messages: { sql: `messages`, type: `sum` },
  },
});

cube(`buttons`, {
  sql: `SELECT * FROM bi.buttons WHERE tz = ${SQL_UTILS.convertTz(`x`).replace(/^.* AT TIME ZONE |\)$/g, ``)}`,
  refresh_key: { every: `1 minute` },
  dimensions: {
    date: { sql: `starts_at`, type: `time` },
    bot_id: { sql: `bot_id`, type: `string` },
    button: { sql: `button_id`, type: `string` },
  },
  measures: {
    clicks: { sql: `clicks`, type: `sum` },
  },
});
