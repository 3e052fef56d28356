// parameters.mjs: what parameters mean, by schema and name.  Whether one is a list, and
// its default, is what the database says; what is required, its functions refuse to
// go without.

const moment = (description, required, example) => ({ description, required, example, type: 'string' });
const zone = { description: 'time zone of days and other buckets, as tzdb or Windows name it, or as +hh:mm', type: 'string', example: 'Europe/Oslo' };
const lines = (what, example) => ({ description: `${what}; a leading minus excludes, a backslash takes what follows as it is`, type: 'string', example });
const range = {
  from: moment('first day (YYYY-MM-DD), or a timestamp, whose day counts whole', true, '2019-07-01'),
  to: moment('the day, or timestamp, at which the range ends; exclusive', true, '2019-07-07'),
  tz: zone,
};

const sage = {
  ...range,
  granularity: { description: 'unit of the buckets; hour for a week or less', type: 'string', enum: ['hour', 'day', 'week', 'month', 'quarter', 'year'] },
  limit: { description: 'how many lines at most', type: 'integer', minimum: 1, example: 10 },
  sources: lines('sources of the events', ['web', 'app']),
  language_codes: lines('languages of the events', ['en', 'nb']),
  language_code: lines('another name of language_codes[]', ['en']),
};

const chatbot_com = {
  from: moment('first day (YYYY-MM-DD), or a timestamp; where only "to" is given, 1974-01-01', false, '2019-03-01'),
  to: moment('the day, or timestamp, at which the range ends, exclusive; where only "from" is given, now', false, '2019-03-28'),
  period: { description: 'range, by the clock, where neither "from" nor "to" is given', type: 'string',
    enum: ['today', 'yesterday', 'last7days', 'last30days', 'thisMonth', 'lastMonth', 'last3Months', 'thisYear', 'lastYear'] },
  tz: zone,
  dimension: { description: 'unit of the points', type: 'string', enum: ['auto', 'year', 'month', 'day', 'hour'] },
  group: { description: 'points of each source, or of each story', type: 'string', enum: ['source', 'storyId'] },
  offset: { description: 'minutes that the clock is ahead of UTC; or a time zone, tz', type: 'integer', minimum: -720, maximum: 720, multipleOf: 15, example: 60 },
  source: lines('sources of the messages', ['widget']),
  storyId: lines('stories of the messages', ['5b07ff77c2376e30306d9b12']),
};

const logicdialog = {
  dateFrom: moment('first day (YYYY-MM-DD), or a timestamp; goes back to the start of its unit of resolution', true, '2024-04-16T10:57:12.873Z'),
  dateTo: moment('the day, or timestamp, at which the range ends; exclusive', true, '2024-04-18'),
  client: { description: 'the workspace: the name of the bot', type: 'string', required: true, example: 'acme' },
  resolution: { description: 'unit of the buckets', type: 'string', enum: ['hour', 'day', 'week', 'month', 'quarter'] },
  tz: zone,
};

const ultimate = {
  ...range,
  attribution: { description: 'end: conversations that ended in the range; start: those that began in it and have bot messages', type: 'string', enum: ['end', 'start'] },
  channels: lines('channels of the conversations', ['chat']),
  languages: lines('languages of the conversations', ['en']),
  excluded: { description: 'names of intents that do not count; a backslash before one takes what follows as it is', type: 'string', example: ['Greeting'] },
};

// PostgREST's own way.  A list is written as PostgreSQL writes one.
const oneOf = (description, values, more = {}) => ({ description, type: 'string', enum: values, ...more });
const listed = (description, example) => ({ description: `${description}, as PostgreSQL writes a list`, type: 'string', pattern: '^\\{.*\\}$', example });
const periods = ['today', 'yesterday', 'last7days', 'last30days', 'thisWeek', 'lastWeek', 'thisMonth', 'lastMonth', 'last3Months', 'thisQuarter', 'lastQuarter', 'thisYear', 'lastYear'];
const native = {
  bot: { description: 'the bot; by default the token\'s, where that is of one', type: 'string', example: '1' },
  from: moment('first day (YYYY-MM-DD), or a timestamp; rounded to the whole day, or hour', false, '2019-07-01'),
  to: moment('the day, or timestamp, at which the range ends; exclusive, rounded likewise', false, '2019-07-07'),
  period: oneOf('a range by name, in the place of from and to', [...periods, 'all']),
  name: oneOf('the period', periods, { example: 'lastMonth' }),
  now: { description: 'when it is that of', type: 'string', example: '2024-07-15T00:00:00Z' },
  tz: { ...zone, description: `${zone.description}; by default that of the header Prefer: timezone=..., or UTC` },
  granularity: { ...sage.granularity },
  measure: { description: 'what is counted, by the name of a measure', type: 'string' },
  measures: listed('two measures or more whose members are of one kind', '{messages,pages}'),
  by: { description: 'what tells rows apart, as the function\'s comment says', type: 'string' },
  sources: listed('sources of the events; a leading minus excludes, a backslash takes what follows as it is', '{web,app}'),
  language_codes: listed('languages of the events, likewise', '{en,nb}'),
  key: listed('parts of the key that must be equal, with the measure', undefined),
  locale: { description: 'language, calendar and first day of the week', type: 'string', example: 'nb-NO' },
  compare: oneOf('the earlier range', ['previous_period', 'previous_year', 'previous_year_weekday']),
  cards: listed('which statistics', '{chats,messages}'),
  top: { description: 'how many lines at most', type: 'integer', minimum: 1, example: 10 },
  style: oneOf('how long names are', ['long', 'short']),
  kind: oneOf('what is drawn', ['line', 'bar', 'heatmap']),
  title: { description: 'what stands above', type: 'string', example: 'Messages' },
  width: { description: 'pixels', type: 'integer', minimum: 120, maximum: 4000 },
  height: { description: 'pixels', type: 'integer', minimum: 120, maximum: 4000 },
};

// What these functions cannot do without; from and to where there is no period.
export const needed = { period: ['name'], stats_funnel: ['measures'] };

export const parameters = { sage, chatbot_com, logicdialog, ultimate, native };

export const segments = {
  bot: { description: 'the bot, which must be that of the token', schema: { type: 'string', minLength: 1 }, example: '42' },
  day: { description: 'a day in UTC, which is over', schema: { type: 'string', format: 'date' }, example: '2024-10-27' },
};
