/*
 * Reading the members of a stored tally.
 *
 * They stand behind everything else, in columns, so that they are fetched only where a
 * question looks at them.  What is read stays inside the bytes that there are, as in view.c.
 */
#include "tally/view.h"

/* Where the columns of the member section begin, behind the hashes. */
typedef struct member_columns
{
	size_t		returns;
	size_t		ordinals;
	size_t		weights;
} member_columns;

/* False where they do not fit. */
static bool
find_columns(const ks_header *header, member_columns *columns)
{
	uint64_t	width = (uint64_t) ks_number_width(header->nmembers);
	uint64_t	at = (uint64_t) header->members_at + (uint64_t) header->nmembers * 8;

	columns->returns = (size_t) at;
	at += header->nreturns * width;
	columns->ordinals = (size_t) at;
	at += header->nentries * width;
	columns->weights = (size_t) at;
	/* a weight that is written takes one byte or more */
	return at + ((header->flags & KS_FLAG_WEIGHTS) != 0 ? header->nentries : 0) <= header->size;
}

/* A stretch of the stored bytes; NULL where it cannot be had. */
static const uint8_t *
stretch_of(const ks_view *view, size_t from, size_t length)
{
	if (from + length <= view->available)
		return view->bytes + from;
	return view->fetch == NULL ? NULL : view->fetch(view->source, from, length);
}

/* Makes sure that so many of the first bytes are there. */
ks_status
ks_view_extend(ks_view *view, size_t length)
{
	const uint8_t *bytes = stretch_of(view, 0, length);

	if (bytes == NULL)
		return KS_E_TRUNCATED;
	view->bytes = bytes;
	if (length > view->available)
		view->available = length;
	return KS_OK;
}

/* Hashes and entries of all members. */
ks_status
ks_view_members(const ks_view *view, ks_members *members)
{
	const ks_header *header = &view->header;
	member_columns columns;
	const uint8_t *start;

	members->ordinal_width = ks_number_width(header->nmembers);
	if (!find_columns(header, &columns))
		return KS_E_CORRUPT;
	start = stretch_of(view, header->members_at, columns.weights - header->members_at);
	if (start == NULL)
		return KS_E_TRUNCATED;
	members->hashes = start;
	members->ordinals = start + (columns.ordinals - header->members_at);
	return KS_OK;
}

/* The numbers [from, to) of one of the columns, whose widths follow from the header. */
ks_status
ks_view_column(const ks_view *view, ks_member_column which, uint32_t from, uint32_t to, const uint8_t **column)
{
	const ks_header *header = &view->header;
	size_t		width = which == KS_HASHES ? 8 : (size_t) ks_number_width(header->nmembers);
	uint32_t	count = which == KS_HASHES ? header->nmembers : which == KS_RETURNS ? header->nreturns : header->nentries;
	member_columns columns;
	size_t		start;

	if (!find_columns(header, &columns) || from > to || to > count)
		return KS_E_CORRUPT;
	start = which == KS_HASHES ? header->members_at : which == KS_RETURNS ? columns.returns : columns.ordinals;
	/* where there is no choice nothing is written, and nothing fetched */
	*column = (to - from) * width == 0 ? (const uint8_t *) "" : stretch_of(view, start + from * width, (to - from) * width);
	return *column == NULL ? KS_E_TRUNCATED : KS_OK;
}

/* The weights of the member section, from the first entry on. */
ks_status
ks_view_member_weights(const ks_view *view, ks_weight_stream *stream)
{
	member_columns columns;

	if (!find_columns(&view->header, &columns))
		return KS_E_CORRUPT;
	stream->at = stretch_of(view, columns.weights, view->header.size - columns.weights);
	if (stream->at == NULL)
		return KS_E_TRUNCATED;
	stream->end = stream->at + (view->header.size - columns.weights);
	stream->next = 0;
	stream->all = (view->header.flags & KS_FLAG_WEIGHTS) != 0;
	stream->left = 0;
	return KS_OK;
}

/*
 * Goes to the weights of a key's entries in the quarter the cursor stands on, which has that weight; keys and
 * quarters must be asked for in order.
 */
bool
ks_weight_run(ks_weight_stream *stream, const ks_quarter_cursor *quarter, int64_t weight)
{
	/* each quarter before has left out one */
	uint32_t	first = stream->all ? quarter->entry : quarter->entry - quarter->run;
	uint64_t	code;

	stream->left = quarter->entry_end - quarter->entry;
	stream->rest = weight;
	if (!stream->all && quarter->run > quarter->entry)
		return false;
	for (; stream->next < first; stream->next++)
	{
		if (!ks_get_varint(&stream->at, stream->end, &code))
			return false;
	}
	return stream->next == first;
}

/* The weight of the next entry. */
bool
ks_weight_next(ks_weight_stream *stream, int64_t *weight)
{
	uint64_t	code;

	if (stream->left == 0)
		return false;
	if (--stream->left == 0 && !stream->all)
	{
		*weight = stream->rest;
		return true;
	}
	if (!ks_get_varint(&stream->at, stream->end, &code))
		return false;
	stream->next++;
	*weight = ks_unzigzag(code);
	/* where the last is left out, none is below one, and something is left for it */
	return stream->all || (*weight > 0 && !__builtin_sub_overflow(stream->rest, *weight, &stream->rest) && stream->rest > 0);
}
