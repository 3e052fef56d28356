# Every question there is: calls of all documented functions that are asked about a bot or a range, found in the catalog, so that a new
# one is asked, too.  Two servers answer the same when the text that psql makes of them is the same.
package EveryQuestion;

use strict;
use warnings;

# SQL for psql: every function about one bot, by its id and by its name, in the range of two literals, a line for each row of its answer; and the
# relations for BI tools.  Wants a conversation table.
sub every
{
	my ($bot, $client, $from, $to) = @_;
	return qq{
SELECT format('SELECT %L, f.*::text FROM %s(%s) AS f', p.oid::regproc, p.oid::regproc, string_agg(format('%I => %s', a.name, v.value), ', ' ORDER BY a.n))
  FROM pg_proc AS p, unnest(p.proargnames) WITH ORDINALITY AS a (name, n)
  JOIN (VALUES ('bot', '$bot'), ('client', quote_literal('$client')), ('from', quote_literal('$from')), ('dateFrom', quote_literal('$from')), ('to', quote_literal('$to')),
	('dateTo', quote_literal('$to')), ('tz', quote_literal('Europe/Oslo')), ('measures', quote_literal('{messages,pages}'))) AS v (name, value) USING (name)
 WHERE p.pronamespace IN ('kindly_stats'::regnamespace, 'chatbot_com'::regnamespace, 'logicdialog'::regnamespace, 'sage'::regnamespace, 'ultimate'::regnamespace)
   AND p.prokind = 'f' AND p.provolatile = 's' AND has_function_privilege('public', p.oid, 'EXECUTE') AND obj_description(p.oid, 'pg_proc') NOT LIKE 'internal%'
   AND a.n <= p.pronargs AND NOT 'tally' = ANY (p.proargnames)
 GROUP BY p.oid HAVING count(*) >= p.pronargs - p.pronargdefaults AND bool_or(a.name IN ('bot', 'client', 'from'))
 ORDER BY p.oid::regprocedure::text COLLATE "C" \\gexec
SELECT format('SELECT %L, r::text COLLATE "C" AS line FROM bi.%I AS r WHERE bot_id = %L AND date >= %L AND date < %L ORDER BY line', c.oid::regclass, c.relname, '$bot', '$from', '$to')
  FROM pg_class AS c WHERE c.relnamespace = 'bi'::regnamespace AND c.relkind = 'v' ORDER BY c.relname COLLATE "C" \\gexec
};
}

1;
