/*
 * The order of keys: part by part, bytewise, NULL first.
 */
#include "tally/key.h"

/* NULL before anything, then bytewise, then the shorter one. */
int
ks_string_compare(ks_string a, ks_string b)
{
	size_t		shared = a.length < b.length ? a.length : b.length;
	int			order;

	if (a.bytes == NULL || b.bytes == NULL)
		return (a.bytes != NULL) - (b.bytes != NULL);
	order = shared > 0 ? memcmp(a.bytes, b.bytes, shared) : 0;
	return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

int
ks_key_compare(ks_string a, ks_string b)
{
	ks_string	x,
				y;

	while (a.length > 0 && b.length > 0)
	{
		int			order;

		if (!ks_key_shift(&a, &x) || !ks_key_shift(&b, &y))
			break;
		order = ks_string_compare(x, y);
		if (order != 0)
			return order;
	}
	return (a.length > b.length) - (a.length < b.length);
}

/* Whether the bytes are a whole number of parts, and not too many. */
bool
ks_key_valid(ks_string key)
{
	ks_string	part;
	int			parts = 0;

	while (key.length > 0)
	{
		if (!ks_key_shift(&key, &part) || ++parts > KS_KEY_MAX_PARTS)
			return false;
	}
	return true;
}

/* Cuts a key into its two pieces; bytes that are no parts stay in the first. */
ks_key
ks_key_cut(ks_string key)
{
	ks_string	rest = key;
	ks_string	part;
	ks_key		result;
	int			i;

	for (i = 0; i < KS_HEAD_PARTS && ks_key_shift(&rest, &part); i++)
		;
	result.head.bytes = key.bytes;
	result.head.length = key.length - rest.length;
	result.tail = rest;
	return result;
}
