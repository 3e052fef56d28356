/*
 * A model of tallies that knows nothing but a list of events: random events in
 * several rows, random edges and filters, and what questions to them answer.
 */
#ifndef KS_TEST_MODEL_H
#define KS_TEST_MODEL_H

#include "stored.h"

#define ROWS 4
#define MAX_EVENTS 400
#define MAX_BINS 24
#define MAX_PARTS 3
#define MAX_CONDITIONS 4
#define MEMBERS 12				/* that there are, from 1 */

/* NULL, empty, one the beginning of another, and beyond ASCII. */
static const char *const texts[] = {NULL, "", "a", "ab", "\xc3\xa5"};

/* So many times what others weigh, which takes numbers of several bytes, and columns of each width. */
static const int64_t heavy[] = {7, 100, 5000, 20000, INT64_C(3000000000), INT64_C(1) << 50};

typedef struct event
{
	int			row;
	bool		other;			/* belongs to another measure of a mixed row */
	int			nparts;
	int			part[MAX_PARTS];	/* into texts */
	int32_t		quarter;
	int			member;			/* 0 for none */
	int64_t		weight;
} event;

/* What a round is about. */
typedef struct setting
{
	bool		negative;
	bool		cut;
	bool		mapped;			/* intervals go to buckets out of order, or nowhere */
	bool		mixed;			/* some rows hold several measures */
	uint32_t	span;			/* quarters */
	uint32_t	events;			/* at most; 0 for MAX_EVENTS */
} setting;

typedef struct round
{
	event		events[MAX_EVENTS];
	int			nevents;
	bool		heavy;			/* some weights are large */
	bool		mixed[ROWS];
	uint8_t    *bytes[ROWS];
	size_t		size[ROWS];
	ks_view		view[ROWS];

	int64_t		edges[MAX_BINS + 1];
	int32_t		edge_quarter[MAX_BINS + 1];
	bool		edge_cut[MAX_BINS + 1];
	int32_t		bucket_of[MAX_BINS];
	ks_intervals intervals;

	ks_condition conditions[MAX_CONDITIONS];
	int			condition_text[MAX_CONDITIONS];
	ks_filter	filter;
} round;

static ks_string
text_of(const char *text)
{
	ks_string	result = {(const uint8_t *) text, text != NULL ? strlen(text) : 0};

	return result;
}

/* Hashes are far apart, and one is 0. */
static uint64_t
hash_of_member(int member)
{
	return member == MEMBERS - 1 ? 0 : (uint64_t) member * PTRDIFF_MAX;
}

/* The parts [from, to) of an event's key, encoded. */
static size_t
encode(uint8_t *to, const event *e, int from, int until)
{
	uint8_t    *at = to;
	int			i;

	for (i = from; i < until && i < e->nparts; i++)
		at = ks_key_put(at, texts[e->part[i]], text_of(texts[e->part[i]]).length);
	return (size_t) (at - to);
}

static void
make_events(round *r, const setting *s)
{
	uint32_t	rows = below(4) ? ROWS : 1;
	int			i,
				k;

	r->nevents = (int) below(below(3) ? 30 : s->events > 0 ? s->events : MAX_EVENTS);
	r->heavy = below(3) == 0;
	for (i = 0; i < ROWS; i++)
		r->mixed[i] = s->mixed && below(2);
	for (i = 0; i < r->nevents; i++)
	{
		event	   *e = &r->events[i];

		e->row = (int) below(rows);
		e->other = r->mixed[e->row] && below(4) == 0;
		e->nparts = (int) below(MAX_PARTS + 1);
		for (k = 0; k < MAX_PARTS; k++)
			e->part[k] = (int) below(5);
		/* rows overlap a little, as months and late events do */
		e->quarter = (int32_t) below(s->span) + (below(5) ? e->row * (int32_t) s->span : 0) - 1000;
		e->member = (int) below(MEMBERS);
		e->weight = s->negative ? (int64_t) below(7) - 3 : (int64_t) below(4);
		if (r->heavy && below(8) == 0)
			e->weight *= heavy[below(6)];
		if (s->negative && i > 0 && below(3) == 0)
		{
			/* takes an earlier one away again, in some row or other */
			int			row = e->row;

			*e = r->events[below((uint32_t) i)];
			e->weight = -e->weight;
			if (r->mixed[row] == r->mixed[e->row])
				e->row = row;
		}
	}
}

static ks_status
add_event(ks_builder *builder, const round *r, const event *e)
{
	uint8_t		bytes[64];
	ks_string	key = {bytes, 0};
	uint32_t	number;

	if (r->mixed[e->row])
		key.length = (size_t) (ks_key_put(bytes, e->other ? "other" : "mine", e->other ? 5 : 4) - bytes);
	key.length += encode(bytes + key.length, e, 0, e->nparts);
	number = ks_dictionary_put(&builder->keys, key);
	return e->member > 0 ? ks_builder_add_member(builder, number, e->quarter, hash_of_member(e->member), e->weight)
		: ks_builder_add(builder, number, e->quarter, e->weight);
}

static bool
pack_rows(round *r)
{
	bool		good = true;
	int			row,
				i;

	for (row = 0; row < ROWS; row++)
	{
		ks_builder	builder;
		size_t		size;

		ks_builder_init(&builder, NULL);
		for (i = 0; i < r->nevents; i++)
		{
			if (r->events[i].row == row && r->events[i].weight != 0)
				good &= add_event(&builder, r, &r->events[i]) == KS_OK;
		}
		good &= ks_pack(&builder, 0, &r->bytes[row], &size) == KS_OK;
		good &= ks_check(r->bytes[row], size, NULL) == KS_OK;
		good &= ks_view_open(&r->view[row], r->bytes[row], size) == KS_OK;
		r->size[row] = size;
		ks_builder_free(&builder);
	}
	return good;
}

static int
compare_edges(const void *a, const void *b)
{
	int64_t		x = *(const int64_t *) a;
	int64_t		y = *(const int64_t *) b;

	return (x > y) - (x < y);
}

static bool
make_bins(round *r, const setting *s)
{
	uint32_t	intervals = below(4) ? 1 + below(MAX_BINS) : 1;
	uint32_t	i;

	for (i = 0; i <= intervals; i++)
	{
		r->edges[i] = ((int64_t) below(6 * s->span) - 1000 - (int64_t) s->span / 2) * KS_QUARTER_USECS;
		if (s->cut && below(6) == 0)
			r->edges[i] += below(900000000);
	}
	/* an edge where events are */
	if (r->nevents > 0 && below(2))
		r->edges[0] = r->events[0].quarter * KS_QUARTER_USECS + (s->cut ? below(2) : 0);
	if (below(8) == 0)
		r->edges[0] = INT64_MIN;
	if (below(8) == 0)
		r->edges[intervals] = INT64_MAX;
	qsort(r->edges, intervals + 1, sizeof(int64_t), compare_edges);
	r->intervals.edge = r->edge_quarter;
	r->intervals.cut = r->edge_cut;
	r->intervals.bucket_of = NULL;
	if (!ks_intervals_set(&r->intervals, r->edges, intervals + 1))
		return false;
	r->intervals.nbuckets = intervals;
	if (s->mapped)
	{
		r->intervals.nbuckets = 1 + below(intervals);
		r->intervals.bucket_of = r->bucket_of;
		for (i = 0; i < intervals; i++)
			r->bucket_of[i] = (int32_t) below(r->intervals.nbuckets + 1) - 1;
	}
	return true;
}

static void
make_filter(round *r)
{
	uint32_t	i;

	r->filter.conditions = r->conditions;
	r->filter.count = below(2) ? 0 : below(MAX_CONDITIONS + 1);
	for (i = 0; i < r->filter.count; i++)
	{
		r->condition_text[i] = 1 + (int) below(4);
		r->conditions[i].part = below(MAX_PARTS + 1);
		r->conditions[i].exclude = below(2);
		r->conditions[i].value = text_of(texts[r->condition_text[i]]);
	}
}

static bool
model_passes(const round *r, const event *e)
{
	uint32_t	part,
				i;

	if (e->other)
		return false;
	for (part = 0; part <= MAX_PARTS; part++)
	{
		int			value = (int) part < e->nparts ? e->part[part] : 0;
		bool		wanted = false;
		bool		found = false;

		for (i = 0; i < r->filter.count; i++)
		{
			const ks_condition *c = &r->conditions[i];

			if (c->part != part)
				continue;
			if (c->exclude && value == r->condition_text[i])
				return false;
			wanted |= !c->exclude;
			found |= !c->exclude && value == r->condition_text[i];
		}
		if (wanted && !found)
			return false;
	}
	return true;
}

static int32_t
model_bucket(const round *r, int32_t quarter)
{
	int64_t		at = quarter * KS_QUARTER_USECS;
	uint32_t	i;

	for (i = 0; i <= r->intervals.nintervals; i++)
	{
		if (r->edges[i] > at && r->edges[i] < at + KS_QUARTER_USECS)
			return KS_BUCKET_CUT;
	}
	for (i = 0; i < r->intervals.nintervals; i++)
	{
		if (r->edges[i] <= at && at < r->edges[i + 1])
			return r->intervals.bucket_of != NULL ? r->bucket_of[i] : (int32_t) i;
	}
	return KS_BUCKET_OUTSIDE;
}

/* Members whose weights in the chosen events do not add up to zero. */
static int64_t
model_distinct(const round *r, const bool *chosen)
{
	int64_t		result = 0;
	int			member,
				i;

	for (member = 1; member < MEMBERS; member++)
	{
		int64_t		sum = 0;

		for (i = 0; i < r->nevents; i++)
			sum += chosen[i] && r->events[i].member == member ? r->events[i].weight : 0;
		result += sum != 0;
	}
	return result;
}

static bool
same_key(const event *a, const event *b)
{
	return a->nparts == b->nparts && memcmp(a->part, b->part, a->nparts * sizeof(int)) == 0;
}

/*
 * Whether an edge cuts a quarter in which something that counts is left: of a key, or of a member
 * under it.  Rows may take away what others have put there.
 */
static bool
model_cut(const round *r)
{
	int			i,
				j;

	for (i = 0; i < r->nevents; i++)
	{
		const event *e = &r->events[i];
		int64_t		of_key = 0;
		int64_t		of_member = 0;

		if (model_bucket(r, e->quarter) != KS_BUCKET_CUT || !model_passes(r, e))
			continue;
		for (j = 0; j < r->nevents; j++)
		{
			const event *other = &r->events[j];

			if (other->quarter != e->quarter || !model_passes(r, other) || !same_key(e, other))
				continue;
			of_key += other->weight;
			of_member += e->member > 0 && other->member == e->member ? other->weight : 0;
		}
		if (of_key != 0 || of_member != 0)
			return true;
	}
	return false;
}

#endif							/* KS_TEST_MODEL_H */
