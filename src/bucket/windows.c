/*
 * Windows time zone names, as BI tools on Windows send them.
 *
 * ICU knows them (and which zone of a region they stand for), but answers with
 * the names that CLDR never changes, such as Asia/Calcutta.  A tz database
 * built without backward links has only today's names, so those come first.
 */
#include "postgres.h"

#include <unicode/ucal.h>
#include <unicode/ustring.h>

#include "bucket/calendar.h"
#include "bucket/zone.h"

/* No name of a Windows zone or of the tz database is longer. */
#define NAME_SIZE	128

static const struct
{
	const char *cldr;
	const char *tz;
}			renamed[] =
{
	{"Africa/Asmera", "Africa/Asmara"},
	{"America/Buenos_Aires", "America/Argentina/Buenos_Aires"},
	{"America/Catamarca", "America/Argentina/Catamarca"},
	{"America/Coral_Harbour", "America/Atikokan"},
	{"America/Cordoba", "America/Argentina/Cordoba"},
	{"America/Godthab", "America/Nuuk"},
	{"America/Indianapolis", "America/Indiana/Indianapolis"},
	{"America/Jujuy", "America/Argentina/Jujuy"},
	{"America/Louisville", "America/Kentucky/Louisville"},
	{"America/Mendoza", "America/Argentina/Mendoza"},
	{"America/Santa_Isabel", "America/Tijuana"},
	{"Asia/Calcutta", "Asia/Kolkata"},
	{"Asia/Katmandu", "Asia/Kathmandu"},
	{"Asia/Rangoon", "Asia/Yangon"},
	{"Asia/Saigon", "Asia/Ho_Chi_Minh"},
	{"Atlantic/Faeroe", "Atlantic/Faroe"},
	{"Europe/Kiev", "Europe/Kyiv"},
	{"Pacific/Enderbury", "Pacific/Kanton"},
	{"Pacific/Ponape", "Pacific/Pohnpei"},
	{"Pacific/Truk", "Pacific/Chuuk"},
	{"CST6CDT", "America/Chicago"},
	{"EST5EDT", "America/New_York"},
	{"MST7MDT", "America/Denver"},
	{"PST8PDT", "America/Los_Angeles"},
};

static const char *
name_of_today(const char *cldr)
{
	int			i;

	for (i = 0; i < lengthof(renamed); i++)
		if (strcmp(renamed[i].cldr, cldr) == 0)
			return renamed[i].tz;
	return cldr;
}

static bool
is_plain_text(const char *name)
{
	return name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					   "0123456789 .-+()/")] == '\0';
}

const char *
ks_windows_zone(const char *name, const char *locale)
{
	UChar		windows[NAME_SIZE];
	UChar		found[NAME_SIZE];
	char		cldr[NAME_SIZE];
	char		region[KS_REGION_SIZE];
	const char *result;
	UErrorCode	status = U_ZERO_ERROR;
	int32_t		length;

	/* u_charsToUChars is for the characters that every charset has. */
	if (strlen(name) >= NAME_SIZE || !is_plain_text(name))
		return NULL;
	ks_locale_region(locale, region);

	u_charsToUChars(name, windows, strlen(name) + 1);
	length = ucal_getTimeZoneIDForWindowsID(windows, -1, region[0] != '\0' ? region : NULL,
											found, NAME_SIZE - 1, &status);
	if (U_FAILURE(status) || length <= 0 || length >= NAME_SIZE)
		return NULL;
	u_UCharsToChars(found, cldr, length);
	cldr[length] = '\0';

	result = name_of_today(cldr);
	return pg_tzset(result) != NULL ? pstrdup(result) : pstrdup(cldr);
}
