/*
 * Locales by their names (see icu.h and calendar.h), as ICU reads them.
 */
#include "postgres.h"

#include <unicode/uenum.h>

#include "mb/pg_wchar.h"

#include "bucket/calendar.h"
#include "bucket/icu.h"

void
ks_locale_refuse(const char *locale)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("locale \"%s\" is not known", locale),
			 errhint("Use a language with its region, such as \"nb-NO\" or \"en-US\", or leave the locale out for ISO weeks.")));
}

/*
 * ICU silently falls back to the root locale, whose weeks are American.  A
 * locale is taken only when all of its text was understood and ISO knows its
 * language and region; regions may also be UN areas such as 419.
 */
static bool
locale_is_known(const char *icu_locale)
{
	char		region[KS_LOCALE_SIZE];
	UErrorCode	status = U_ZERO_ERROR;

	if (uloc_getISO3Language(icu_locale)[0] == '\0')
		return false;
	if (uloc_getCountry(icu_locale, region, sizeof(region), &status) == 0)
		return U_SUCCESS(status);
	return U_SUCCESS(status) &&
		(uloc_getISO3Country(icu_locale)[0] != '\0' || strspn(region, "0123456789") == 3);
}

/* Translates a BCP 47 tag ("nb-NO") or an ICU name ("nb_NO") to the latter. */
static void
resolve(const char *locale, char icu_locale[KS_LOCALE_SIZE])
{
	char		tag[KS_LOCALE_SIZE];
	UErrorCode	status = U_ZERO_ERROR;
	int32_t		parsed = 0;

	if (strlen(locale) >= KS_LOCALE_SIZE)
		ks_locale_refuse(pnstrdup(locale, pg_mbcliplen(locale, strlen(locale), 64)));

	uloc_forLanguageTag(locale, icu_locale, KS_LOCALE_SIZE, &parsed, &status);
	if (U_FAILURE(status) || parsed != (int32_t) strlen(locale))
	{
		status = U_ZERO_ERROR;
		uloc_toLanguageTag(locale, tag, sizeof(tag), true, &status);
		if (U_SUCCESS(status) && status != U_STRING_NOT_TERMINATED_WARNING)
			uloc_forLanguageTag(tag, icu_locale, KS_LOCALE_SIZE, &parsed, &status);
	}
	if (U_FAILURE(status) || status == U_STRING_NOT_TERMINATED_WARNING ||
		!locale_is_known(icu_locale))
		ks_locale_refuse(locale);
}

void
ks_locale_region(const char *locale, char region[KS_REGION_SIZE])
{
	char		icu_locale[KS_LOCALE_SIZE];
	UErrorCode	status = U_ZERO_ERROR;

	region[0] = '\0';
	if (locale == NULL)
		return;
	resolve(locale, icu_locale);
	uloc_getCountry(icu_locale, region, KS_REGION_SIZE, &status);
	if (U_FAILURE(status) || status == U_STRING_NOT_TERMINATED_WARNING)
		region[0] = '\0';
}

/* ICU takes an unknown calendar for the Gregorian one. */
static void
check_calendar_keyword(const char *locale, const char *icu_locale)
{
	char		wanted[KS_LOCALE_SIZE];
	UErrorCode	status = U_ZERO_ERROR;
	UEnumeration *names;
	const char *name;
	bool		found = false;

	if (uloc_getKeywordValue(icu_locale, "calendar", wanted, sizeof(wanted), &status) == 0 ||
		U_FAILURE(status))
		return;
	names = ucal_getKeywordValuesForLocale("calendar", icu_locale, false, &status);
	while (!found && (name = uenum_next(names, NULL, &status)) != NULL && U_SUCCESS(status))
		found = strcmp(name, wanted) == 0;
	uenum_close(names);
	if (!found)
		ks_locale_refuse(locale);
}

void
ks_locale_resolve(const char *locale, char icu_locale[KS_LOCALE_SIZE])
{
	resolve(locale, icu_locale);
	check_calendar_keyword(locale, icu_locale);
}
