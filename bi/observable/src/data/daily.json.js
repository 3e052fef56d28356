import { answer } from '../../lib/ask.js';

await answer(`
    SELECT to_char(date, 'YYYY-MM-DD') AS date, coalesce(bot_name, bot_id) AS bot, messages::float8, chats::float8, replies::float8, fallbacks::float8, fallback_rate, handovers::float8
      FROM bi.daily WHERE date >= $1 AND date < $2 ORDER BY 1, 2`);
