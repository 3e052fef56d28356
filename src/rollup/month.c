/*
 * UTC months, by which the rollup's rows are stored.
 */
#include "rollup/rollup.h"

#include "utils/date.h"
#include "utils/datetime.h"

/* Months since January of the year 0. */
int32
ks_month_of(TimestampTz at)
{
	int			year,
				month,
				day;

	/* such an instant is refused where its quarter hour is computed */
	if (TIMESTAMP_NOT_FINITE(at))
		return 0;
	j2date((int) (ks_day_of(at) + POSTGRES_EPOCH_JDATE), &year, &month, &day);
	return year * 12 + month - 1;
}

/* The month's first day; -infinity for rows that span months. */
DateADT
ks_month_to_date(int32 month)
{
	if (month == KS_SPAN)
		return DATEVAL_NOBEGIN;
	return date2j(month / 12, month % 12 + 1, 1) - POSTGRES_EPOCH_JDATE;
}

/* The reverse of ks_month_to_date(). */
int32
ks_month_of_date(DateADT date)
{
	return DATE_IS_NOBEGIN(date) ? KS_SPAN : ks_month_of((TimestampTz) date * USECS_PER_DAY);
}
