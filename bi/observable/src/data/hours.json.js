import { answer } from '../../lib/ask.js';

await answer('SELECT weekday, hour_of_day AS hour, sum(messages)::float8 AS messages FROM bi.heatmap WHERE date >= $1 AND date < $2 GROUP BY 1, 2 ORDER BY 1, 2');
