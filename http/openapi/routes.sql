-- routes.sql: the documented addresses as build.mjs reads them: a JSON object a line, with the function's comment, and of each
-- parameter the type and default of the argument that it becomes.  After them what PostgREST answers its own way for GET, with
-- the arguments, and the columns where it is rows.
SELECT json_build_object('path', r.path, 'schema', r.schema, 'function', r.function, 'comment', obj_description(p.oid, 'pg_proc'),
	'parameters', coalesce(json_agg(json_build_object('name', r.parameter, 'list', r.is_list, 'type', p.proargtypes[a.n - 1]::regtype,
		'default', pg_get_function_arg_default(p.oid, a.n::int)) ORDER BY r.position) FILTER (WHERE r.parameter IS NOT NULL), '[]'))
  FROM kindly_stats.routes() WITH ORDINALITY AS r (path, schema, function, parameter, argument, is_list, position)
  JOIN pg_proc AS p ON p.pronamespace = to_regnamespace(r.schema) AND p.proname = r.function
  LEFT JOIN LATERAL unnest(p.proargnames[1:p.pronargs]) WITH ORDINALITY AS a (name, n) ON a.name = r.argument
 GROUP BY r.path, r.schema, r.function, p.oid ORDER BY min(r.position);

SELECT json_build_object('native', p.proname, 'comment', obj_description(p.oid, 'pg_proc'), 'answers', p.prorettype::regtype,
	'parameters', coalesce((SELECT json_agg(json_build_object('name', a.name, 'type', format_type(p.proargtypes[a.n - 1], NULL), 'default', pg_get_function_arg_default(p.oid, a.n::int)) ORDER BY a.n)
	                          FROM unnest(p.proargnames[1:p.pronargs]) WITH ORDINALITY AS a (name, n)), '[]'),
	'columns', (SELECT json_agg(json_build_object('name', p.proargnames[t.n], 'type', format_type(t.type, NULL)) ORDER BY t.n)
	              FROM unnest(p.proallargtypes) WITH ORDINALITY AS t (type, n) WHERE t.n > p.pronargs))
  FROM pg_proc AS p
 WHERE p.pronamespace = to_regnamespace('kindly_api') AND p.provolatile <> 'v' AND p.proname NOT IN ('auth', 'exchange', 'health', 'request', 'token')
 ORDER BY p.proname COLLATE "C";
