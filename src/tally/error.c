/*
 * Failures of the plain-C core, as errors that a user can act on.
 */
#include "tally/error.h"

/* Every failure of the plain-C core, as the user sees it. */
void
ks_raise(ks_status status)
{
	switch (status)
	{
		case KS_E_VERSION:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("tally was written by a newer version of kindly_stats"),
					 errhint("Install that version and run ALTER EXTENSION kindly_stats UPDATE.")));
			break;
		case KS_E_OVERFLOW:
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("weights of a tally add up to more than a bigint holds"),
					 errhint("Use a coarser unit for the weights.")));
			break;
		case KS_E_LIMIT:
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("tally exceeds the maximum of %zu bytes", KS_TALLY_MAX_BYTES),
					 errhint("Group by month, or by a part of the key, to get several smaller tallies.")));
			break;
		case KS_E_CELLS:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("too many values in too many buckets"),
					 errhint("Choose a shorter range, a coarser granularity, or fewer values.")));
			break;
		case KS_E_CUT:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("bucket edge lies inside a quarter hour that has events"),
					 errdetail("Events are counted by UTC quarter hours, which cannot be divided."),
					 errhint("Choose another time zone, granularity or range, so that all edges fall on quarter hours.")));
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("tally is damaged"),
					 errhint("Compute it again from its events.")));
	}
	pg_unreachable();
}
