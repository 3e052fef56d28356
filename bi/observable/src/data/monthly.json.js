import { answer } from '../../lib/ask.js';

// a user counts once in each month, however many days he came
await answer(`
    SELECT to_char(date, 'YYYY-MM') AS month, coalesce(bot_name, bot_id) AS bot, messages::float8, users::float8, new_users::float8, is_partial
      FROM bi.monthly WHERE date >= date_trunc('month', $1::date) AND date < $2 ORDER BY 1, 2`);
