import { answer } from '../../lib/ask.js';

await answer('SELECT concat(web_host, web_path) AS page, sum(messages)::float8 AS messages FROM bi.pages WHERE date >= $1 AND date < $2 GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10');
