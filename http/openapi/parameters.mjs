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

export const parameters = { sage, chatbot_com, logicdialog, ultimate };

export const segments = {
  bot: { description: 'the bot, which must be that of the token', schema: { type: 'string', minLength: 1 }, example: '42' },
  day: { description: 'a day in UTC, which is over', schema: { type: 'string', format: 'date' }, example: '2024-10-27' },
};
