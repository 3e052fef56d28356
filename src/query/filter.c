/*
 * Which keys count.
 *
 * Conditions are sorted by part, those that include before those that exclude,
 * then by value: what there is on one part of a key is found by halving, as is
 * the value in it, however many conditions there are.
 */
#include "query/filter.h"

#include "base/sort.h"

/*
 * Reads a condition such as "1-app": the number of a part, whether it includes or
 * excludes, and the value, which stays where it is.  False when it is malformed.
 */
bool
ks_condition_read(ks_condition *condition, const char *text, size_t length)
{
	const char *at = text;
	const char *end = text + length;

	/* numbers of parts that no key has are all alike */
	for (condition->part = 0; at < end && *at >= '0' && *at <= '9' && condition->part < KS_KEY_MAX_PARTS; at++)
		condition->part = condition->part * 10 + (uint32_t) (*at - '0');
	if (at == end || (*at != '+' && *at != '-'))
		return false;
	condition->exclude = *at == '-';
	condition->value.bytes = (const uint8_t *) at + 1;
	condition->value.length = (size_t) (end - at - 1);
	return true;
}

static int
compare_conditions(const void *a, const void *b)
{
	const ks_condition *x = a;
	const ks_condition *y = b;

	ks_check_interrupts();
	if (x->part != y->part)
		return x->part < y->part ? -1 : 1;
	if (x->exclude != y->exclude)
		return x->exclude ? 1 : -1;
	return ks_string_compare(x->value, y->value);
}

/* A copy, its conditions in the order that ks_filter_passes needs. */
ks_filter
ks_filter_sorted(const ks_filter *filter, ks_memory memory)
{
	ks_filter	result = {NULL, filter->count};

	if (filter->count > 0)
	{
		result.conditions = ks_alloc(memory, filter->count * sizeof(ks_condition));
		memcpy(result.conditions, filter->conditions, filter->count * sizeof(ks_condition));
		ks_sort(result.conditions, filter->count, sizeof(ks_condition), compare_conditions, memory);
	}
	return result;
}

/* The first condition that does not come before the one given. */
static uint32_t
lower_bound(const ks_filter *filter, uint32_t low, uint32_t high, const ks_condition *wanted)
{
	while (low < high)
	{
		uint32_t	middle = low + (high - low) / 2;

		if (compare_conditions(&filter->conditions[middle], wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
has_value(const ks_filter *filter, uint32_t low, uint32_t high, const ks_condition *wanted)
{
	uint32_t	at = lower_bound(filter, low, high, wanted);

	return at < high && ks_string_compare(filter->conditions[at].value, wanted->value) == 0;
}

/* Applies the conditions [begin, end) on one part; a NULL part is never equal to a value. */
static bool
part_passes(const ks_filter *filter, uint32_t begin, uint32_t end, ks_string part)
{
	ks_condition wanted = {filter->conditions[begin].part, true, {NULL, 0}};
	uint32_t	excluding = lower_bound(filter, begin, end, &wanted);

	wanted.value = part;
	if (part.bytes != NULL && has_value(filter, excluding, end, &wanted))
		return false;
	wanted.exclude = false;
	return excluding == begin || (part.bytes != NULL && has_value(filter, begin, excluding, &wanted));
}

/* A part that the key does not have counts as NULL. */
bool
ks_filter_passes(const ks_filter *filter, ks_key key)
{
	ks_string	part = {NULL, 0};
	uint32_t	taken = 0;		/* parts of the key */
	bool		more = true;
	uint32_t	begin,
				end;

	for (begin = 0; begin < filter->count; begin = end)
	{
		ks_condition next = {filter->conditions[begin].part + 1, false, {NULL, 0}};

		for (; more && taken < next.part; taken += more)
			more = ks_key_take(&key, &part);
		if (!more)
			part.bytes = NULL;
		end = lower_bound(filter, begin, filter->count, &next);
		if (!part_passes(filter, begin, end, part))
			return false;
	}
	return true;
}
