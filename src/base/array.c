/*
 * Array arguments: what is checked of every one, whatever it is for.
 */
#include "base/array.h"

#include "catalog/pg_type.h"

void
ks_array_too_long(const char *argument, int limit)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" has more than %d items", argument, limit),
			 errhint("Ask in several questions.")));
}

/* For who does not take the items as a mere list. */
void
ks_array_flat(ArrayType *array, const char *argument)
{
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be a one-dimensional array", argument),
				 errhint("Pass one item, or NULL, for each place.")));
}

/* How many items there are; argument is the name of the caller's argument, for messages. */
static int
count_items(ArrayType *array, Oid type, const char *argument, int limit)
{
	int			count;

	if (ARR_ELEMTYPE(array) != type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("\"%s\" is an array of another type", argument)));
	count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (count > limit)
		ks_array_too_long(argument, limit);
	return count;
}

static void
refuse_nulls(ArrayType *array, const char *argument)
{
	if (ARR_HASNULL(array) && array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("\"%s\" has a NULL in it", argument)));
}

/* The texts of a text[]; where nulls is NULL, there must be none. */
int
ks_array_texts(ArrayType *array, const char *argument, int limit, Datum **items, bool **nulls)
{
	int			count;

	(void) count_items(array, TEXTOID, argument, limit);
	if (nulls == NULL)
		refuse_nulls(array, argument);
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, items, nulls, &count);
	return count;
}

/* The numbers of a double precision[], in which there may be NULLs. */
int
ks_array_doubles(ArrayType *array, const char *argument, int limit, Datum **items, bool **nulls)
{
	int			count;

	(void) count_items(array, FLOAT8OID, argument, limit);
	deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, items, nulls, &count);
	return count;
}

/* The numbers of an array whose type has a fixed length and is passed by value, in place; there must be no NULLs. */
void *
ks_array_numbers(ArrayType *array, Oid type, const char *argument, int limit, int *count)
{
	*count = count_items(array, type, argument, limit);
	refuse_nulls(array, argument);
	return ARR_DATA_PTR(array);
}
