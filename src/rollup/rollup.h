/*
 * The rollup: what is counted, where it is written, how it is read.
 */
#ifndef KS_ROLLUP_H
#define KS_ROLLUP_H

#include "postgres.h"

#include "commands/trigger.h"
#include "common/pg_prng.h"
#include "datatype/timestamp.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/date.h"
#include "utils/jsonb.h"
#include "utils/rel.h"

#include "base/bot.h"
#include "base/integer.h"
#include "base/nested_query.h"
#include "base/place.h"
#include "base/shard.h"
#include "base/statement.h"
#include "query/query_agg.h"
#include "rollup/rule.h"
#include "tally/tally.h"

/* The measure column of mixed rows, in which the measure's name is the first part of each key. */
#define KS_MIXED ""

/* The measure that has all events; first and last event are taken from it. */
#define KS_EVENTS "events"

/*
 * What most measures count.  Those of other grains count conversations, which have no
 * kinds, and are never a first or last event.
 */
#define KS_GRAIN_EVENT "event"

/* Key parts that every measure begins with: source, language_code. */
#define KS_DIMENSIONS 2

/* A random number in [0, 1). */
#define ks_random() pg_prng_double(&pg_global_prng_state)

/* known_bot.c */

/* Reads the bots of a column, row by row, and notes those that are new. */
typedef struct ks_bot_reader
{
	Oid			type;			/* base type of the column */
	bool		any;			/* the last row's id is remembered: rows of one bot often follow each other */
	int64		number;
	size_t		length;
	char		last[KS_BOT_ID_MAX];
} ks_bot_reader;

extern bool ks_bot_type_fits(Oid type);
extern bool ks_bot_is_text(Oid type);
extern void ks_bot_reader_init(ks_bot_reader *reader, Oid type);
extern int64 ks_bot_read(ks_bot_reader *reader, Datum value);
extern void ks_bots_begin(void);
extern int64 ks_bot_note(const char *id, size_t length);
extern char *ks_bot_text(int64 bot_id);
extern List *ks_bot_ids(int64 bot_id);

/* measure.c */

/* How to get a text out of a column. */
typedef struct ks_column
{
	AttrNumber	number;			/* 0: the table has no such column, its value is NULL */
	Oid			type;			/* base type */
	FmgrInfo	output;			/* for types that are not text themselves */
	const ks_rule *rule;		/* NULL: what the column has is what it says */
} ks_column;

/* One measure, bound to the columns of one table. */
typedef struct ks_measure
{
	ks_string	prefix;			/* its name, encoded as the first part of a key */
	int			nkinds;			/* -1: every kind */
	char	  **kinds;
	int			nkeys;
	ks_column  *keys;
	ks_column	member;
	int			member_number;	/* measures with the same member column have the same */
	ks_column	weight;
	ks_column	condition;		/* must be true, or more than 0 */
	ks_column	needed;			/* must not be NULL */
	bool		has_member;
	bool		has_weight;
	bool		has_condition;
	bool		has_needed;
	bool		needs_number;	/* elsewhere it is a weight: what adds nothing there is not there */
} ks_measure;

/* The measures that count events of one kind. */
typedef struct ks_kind
{
	ks_string	name;
	int			nmeasures;
	int		   *measures;
} ks_kind;

typedef struct ks_binding
{
	Oid			relid;
	MemoryContext memory;
	bool		events;			/* of grain event: they have a kind, and may be a bot's first or last */
	bool		on_shard;		/* of a table that is spread over nodes; the rows of the rollup that are written are beside it */
	ks_shard_range bots;		/* which bots the shard has */
	char	   *name;			/* the table as its user knows it */
	ks_column	bot_id;
	ks_column	occurred_at;
	ks_column	kind;
	ks_column	dimensions[KS_DIMENSIONS];
	int			nmeasures;
	ks_measure *measures;
	int			nkinds;
	ks_kind    *kinds;			/* those that some measure names */
	ks_kind		other_kinds;
	int			nmembers;		/* columns that some measure has as its member */
	int			nrules;
	ks_rule   **rules;			/* one a logical column */
	Datum		constant_bot;	/* a text, where the bot is not a column */
	AttrNumber	last_column;	/* the highest number of all columns that are read */
} ks_binding;

extern ks_binding *ks_binding_get(Relation relation, const Trigger *trigger);
extern Jsonb *ks_mapping(const char *argument);
extern ks_binding *ks_binding_make(TupleDesc desc, const char *grain, const char *measure, Jsonb *columns);

/* lock.c */

/* Spaces of our locks beside those of pg_advisory_lock(), which has 1 and 2. */
#define KS_LOCK_OF_DAY		3
#define KS_LOCK_OF_ALL		4
#define KS_LOCK_OF_CREATION	5
#define KS_LOCK_OF_REPAIR	6

extern void ks_wait_for_repair(void);
extern bool ks_repair_excluded(void);

/* subscription.c */
extern bool ks_is_subscribed(void);
extern void ks_refuse_subscribed(void);
extern void ks_exclude_writers(void);
extern void ks_lock_everywhere(Oid relid);

/* reader.c */

/* A caller who asks, connected to SPI. */
typedef struct ks_reader
{
	bool		as_owner;		/* reads with the rights of the rollup's owner */
	ArrayType  *bots;			/* ascending: of these bots alone; NULL: of those that the caller's own rights show, or all */
	ks_identity caller;
	ks_nested_query nested;
} ks_reader;

extern void ks_reader_begin(ks_reader *reader);
extern void ks_reader_end(ks_reader *reader);
extern bool ks_reader_sees(const ks_reader *reader, int64 bot);
extern char *ks_reader_bot_text(int64 bot);

/* month.c */

/* In the place of a month: that of a row that spans several, whose column has -infinity. */
#define KS_SPAN PG_INT32_MIN

extern DateADT ks_month_to_date(int32 month);
extern int32 ks_month_of_date(DateADT date);
extern int32 ks_month_of(TimestampTz at);

/* The UTC day of an instant, from 2000-01-01 on. */
static inline int64
ks_day_of(TimestampTz at)
{
	return ks_floor_div(at, USECS_PER_DAY);
}

/* row_id.c */

#define KS_ID_SPANS ((int64) KS_ID_SPANS_DIGITS)
#define KS_ID_MARKS ((int64) KS_ID_MARKS_DIGITS)
#define KS_ID_LAST_MARK ((int64) KS_ID_LAST_MARK_DIGITS)

/* 2^61, 2^62 and 2^63 - 1, which are also parts of SQL texts. */
#define KS_ID_SPANS_DIGITS 2305843009213693952
#define KS_ID_MARKS_DIGITS 4611686018427387904
#define KS_ID_LAST_MARK_DIGITS 9223372036854775807
#define KS_ID_SPANS_SQL CppAsString2(KS_ID_SPANS_DIGITS)
#define KS_ID_MARKS_SQL CppAsString2(KS_ID_MARKS_DIGITS)
#define KS_ID_LAST_MARK_SQL CppAsString2(KS_ID_LAST_MARK_DIGITS)

/* The condition on rows r that questions find by bot, measure and month. */
#define KS_IS_MERGED " r.id OPERATOR(pg_catalog.<) 0"

/*
 * Conditions on new rows n of the bot $1, from the first id that there may be.  Rows that
 * span months come behind them, and questions read them in the same scan.
 */
#define KS_FIRST_NEW \
	"COALESCE((SELECT " KS_ID_LAST_MARK_SQL " OPERATOR(pg_catalog.-) b.id FROM kindly_stats.rollup AS b" \
	" WHERE b.bot_id OPERATOR(pg_catalog.=) $1 AND b.id OPERATOR(pg_catalog.>=) " KS_ID_MARKS_SQL \
	" AND b.cluster OPERATOR(pg_catalog.=) kindly_stats.cluster() ORDER BY b.id LIMIT 1), 0)"
#define KS_IS_NEW " n.id OPERATOR(pg_catalog.>=) " KS_FIRST_NEW " AND n.id OPERATOR(pg_catalog.<) " KS_ID_SPANS_SQL
#define KS_IS_NEW_OR_SPANS " n.id OPERATOR(pg_catalog.>=) " KS_FIRST_NEW " AND n.id OPERATOR(pg_catalog.<) " KS_ID_MARKS_SQL

extern int64 ks_id_merged(void);
extern int64 ks_id_span(void);
extern int64 ks_id_new(void);
extern int64 ks_id_ended(void);
extern int64 ks_id_mark(int64 first_new);
extern uint64 ks_id_held(void);
extern int64 ks_cluster_number(void);

/* store.c */

/* Rows to be put into the rollup, all live or all kept. */
typedef struct ks_rows
{
	bool		kept;
	int64		cluster;		/* 0 but in marks */
	int			count;
	Datum	   *bot_id;
	Datum	   *measure;
	Datum	   *month;
	Datum	   *id;
	Datum	   *tally;
} ks_rows;

/* Handles a row that has been taken out of the rollup; its tally is valid until it returns. */
typedef void (*ks_taken) (void *context, DateADT month, bool kept, Datum tally);

extern void ks_store_put(const ks_rows *rows);
extern int64 ks_store_take_new(int64 bot_id, bool all, int64 *from, int64 limit, ks_taken taken, void *context);

/* append.c */

/*
 * A statement that touched little writes one mixed row for each bot and month instead of
 * one for each measure, and compaction merges mixed rows as they are.  Beyond this many
 * entries, rows of single measures are worth their number.  A row that spans months has no
 * more entries, either.
 */
#define KS_MIXED_MAX 2048

/* The tally of one bot and UTC month while a statement's rows are read. */
typedef struct ks_month_tally
{
	int64		bot_id;
	int32		month;			/* months since January of the year 0 */
	ks_builder	builder;		/* keys begin with the measure's name */
	uint32	   *numbers;		/* of keys that count.c remembers */
} ks_month_tally;

extern void ks_append(ks_month_tally **groups, int count, bool kept);
extern bool ks_sort_out_worth(const ks_builder *mixed);
extern void ks_sort_out(const ks_builder *mixed, ks_share **shares, uint32 *count);
extern void ks_append_whole(int64 bot_id, ks_string measure, DateADT month, bool kept, ks_builder *builder);
extern void ks_append_row(int64 bot_id, ks_string measure, DateADT month, bool kept, ks_builder *builder);
extern void ks_append_mark(int64 bot_id, DateADT month, int64 first_new);

/* span.c */

/* One month's share of a row that spans months. */
typedef struct ks_month_share
{
	int32		month;
	ks_builder	builder;
} ks_month_share;

/* The tallies of a bot's months, while they have few entries in all. */
typedef struct ks_gathered
{
	int64		bot_id;
	int			count;
	int			size;
	int32	   *month;			/* ascending, those of one month side by side */
	struct varlena **tally;		/* NULL: there is such a month */
	uint64		entries;
} ks_gathered;

extern uint64 ks_span_entries(const ks_view *view);
extern void ks_span_split(ks_builder *span, ks_month_share **shares, int *count);
extern void ks_gather_begin(ks_gathered *g, int64 bot_id);
extern bool ks_gather(ks_gathered *g, int32 month, Datum tally, bool isnull);
extern int32 ks_gathered_sum(const ks_gathered *g, bool negate, ks_builder *sum);
extern bool ks_is_sorted_out(int64 bot_id);
extern int	ks_span_join(ks_month_tally **groups, int count, uint64 limit);

/* reuse.c */
extern void ks_reuse_note(ItemPointer place);
extern void ks_reuse_note_tally(Datum tally);
extern void ks_reuse_pages(void);

/* compact.c */
extern int	ks_compact_after;
extern void ks_compact_sometimes(const ks_month_tally *group, bool kept);

/* options_agg.c */

typedef struct ks_month_bounds
{
	DateADT		month;
	bool		kept;			/* events that are in no table any more */
	int64		weight;			/* events */
	ks_bounds	bounds;
} ks_month_bounds;

/* Whether the first (or last) instant that was added cannot have been taken away since. */
static inline bool
ks_bound_certain(const ks_bounds *bounds, bool last)
{
	return last ? bounds->removed_last < bounds->last : bounds->removed_first > bounds->first;
}

extern void ks_options_receive(StringInfo message, ks_top *sources, ks_top *languages, ks_month_bounds **months, int *count);

/* trigger.c */
extern char *ks_keep_statistics;

extern TriggerData *ks_statement_trigger(FunctionCallInfo fcinfo, const char *function, int narguments, const char *hint);
extern bool ks_keeps_statistics(const TriggerData *trigger);

/* tally_query.c */

/* What is asked of the tallies of a measure: the fields of kindly_stats.tally_query. */
typedef struct ks_tally_query
{
	const char *measure;
	int			nedges;
	const TimestampTz *edges;
	const int32 *bucket_of;		/* [nedges - 1], or NULL */
	bool		distinct;
	ArrayType  *filter;			/* or NULL */
} ks_tally_query;

extern Datum ks_tally_query_datum(Oid type, const ks_tally_query *query);
extern char *ks_filter_text(int part, bool exclude, const char *value);
extern ArrayType *ks_integers_array(const int32 *numbers, int count);

/* read.c */

/* A question about one bot, or across bots.  Instants are assigned to buckets as ks_intervals says. */
typedef struct ks_rollup_query
{
	int64		bot_id;
	const char *measure;
	int			nintervals;
	const TimestampTz *edges;	/* [nintervals + 1] */
	const int32 *bucket_of;		/* [nintervals], or NULL: interval i is bucket i */
	int			nbuckets;
	bool		distinct;
	bool		first_seen;		/* with distinct: members who were in no bucket before; buckets lie in order */
	ArrayType  *filter;			/* text[], see ks_filter_text, or NULL */
	int			key_parts;		/* how many key columns the filter is about */
	bool		across_bots;	/* of all bots in bots, or of all that the caller sees, together */
	ArrayType  *bots;			/* bigint[], or NULL */
} ks_rollup_query;

typedef struct ks_options
{
	bool		any;			/* there are events at all */
	TimestampTz first;
	TimestampTz last;
	int			nsources;
	char	  **sources;
	int			nlanguages;
	char	  **languages;
} ks_options;

extern DateADT ks_month_of_edge(TimestampTz edge);
extern void ks_read_series(const ks_rollup_query *question, int64 *counts, int64 *distincts);
extern int64 *ks_read_presence(const ks_rollup_query *question, const int32 *windows, int nwindows, bool cohorts, int64 *count);
extern void ks_read_top(const ks_rollup_query *question, int skip, int take, int32 limit, ks_top *top);
extern void ks_read_tops(const ks_rollup_query *question, int skip, int parts, ks_top *tops);
extern void ks_read_top_series(const ks_rollup_query *question, int skip, int take, ks_top_series *series);
extern void ks_check_negative(void);
extern char *ks_measure_member(const char *measure);
extern int	ks_measure_key_part(const char *measure, const char *column);
extern bool ks_measure_refines(const char *measure, const char *other);
extern void ks_read_options(int64 bot_id, ks_options *options);
extern bool ks_bot_by_name(const char *name, int64 *bot_id);

#endif							/* KS_ROLLUP_H */
