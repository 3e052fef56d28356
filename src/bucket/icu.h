/*
 * What the bucket room's own files share of ICU: locales and calendars.  Times
 * are midnights and readings of a GMT calendar; no zone of ICU's is used.
 */
#ifndef KS_ICU_H
#define KS_ICU_H

#include <unicode/ucal.h>
#include <unicode/uloc.h>

#include "base/compat.h"

#include "bucket/civil.h"

#define KS_LOCALE_SIZE	ULOC_FULLNAME_CAPACITY

/* Raises 22023, as for a locale that is not known. */
pg_noreturn extern void ks_locale_refuse(const char *locale);

/* ICU's name of a locale, whose calendar is one that ICU has; raises 22023 for any other. */
extern void ks_locale_resolve(const char *locale, char icu_locale[KS_LOCALE_SIZE]);

typedef enum ks_icu_kind
{
	KS_ICU_GREGORIAN,
	KS_ICU_GREGORIAN_MONTHS,	/* Buddhist, Japanese, Minguo: years have other numbers */
	KS_ICU_CYCLIC,				/* Chinese and Dangi: years have names, months may be doubled */
	KS_ICU_OTHER
} ks_icu_kind;

/*
 * The locale's calendar with its weeks, which belongs to the current memory
 * context; 1 is Monday.  Raises 22023 for a locale that is not known and for a
 * unit that its calendar does not have.
 */
extern UCalendar **ks_icu_calendar_open(const char *locale, ks_unit unit, char icu_locale[KS_LOCALE_SIZE], int *first_weekday);
extern ks_icu_kind ks_icu_calendar_kind(const UCalendar *icu);

/* Day numbers as in civil.h. */
extern void ks_icu_set_day(UCalendar *icu, int64 day);
extern int	ks_icu_get(UCalendar *icu, UCalendarDateFields field);

#endif							/* KS_ICU_H */
