/*
 * Which keys count.
 */
#include "tally/filter.h"

/* Applies the conditions on one part; a NULL part is never equal to a value. */
static bool
part_passes(const ks_filter *filter, uint32_t number, ks_string part)
{
	bool		listed = false;
	bool		included = false;
	uint32_t	i;

	for (i = 0; i < filter->count; i++)
	{
		const ks_condition *c = &filter->conditions[i];
		bool		equal;

		if (c->part != number)
			continue;
		equal = part.bytes != NULL && ks_string_compare(part, c->value) == 0;
		if (c->exclude && equal)
			return false;
		listed |= !c->exclude;
		included |= !c->exclude && equal;
	}
	return !listed || included;
}

/* A part that the key does not have counts as NULL. */
bool
ks_filter_passes(const ks_filter *filter, ks_key key)
{
	ks_string	null = {NULL, 0};
	ks_string	part;
	uint32_t	number = 0;
	uint32_t	i;

	for (; ks_key_take(&key, &part); number++)
	{
		if (!part_passes(filter, number, part))
			return false;
	}
	for (i = 0; i < filter->count; i++)
	{
		if (filter->conditions[i].part >= number && !part_passes(filter, filter->conditions[i].part, null))
			return false;
	}
	return true;
}
