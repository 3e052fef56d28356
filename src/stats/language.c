/*
 * The SQL function language(): one spelling for the many that a language code has.
 *
 * Codes are what a channel or a browser said: en-US, en_US, EN-us, iw for he.
 * Statistics keep them as they came, so that nothing is lost and the rollup
 * depends on no version of ICU; which codes mean one language is decided when a
 * question is asked.
 */
#include "stats/stats.h"

#include <unicode/uloc.h>

#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(ks_language);

#define TAG_SIZE	ULOC_FULLNAME_CAPACITY

/*
 * Codes that most writers use for the same language as the code of its
 * macrolanguage (ISO 639-3, as CLDR resolves it).  Nynorsk is not among them:
 * it is a language beside Bokmål, and "no" means the latter.
 */
static const struct
{
	const char *code;
	const char *language;
}			meant[] =
{
	{"arb", "ar"}, {"azj", "az"}, {"cmn", "zh"}, {"ekk", "et"}, {"khk", "mn"}, {"lvs", "lv"}, {"nb", "no"},
	{"pbu", "ps"}, {"pes", "fa"}, {"swh", "sw"}, {"tl", "fil"}, {"uzn", "uz"}, {"ydd", "yi"}, {"zsm", "ms"}
};

static bool
is_plain(const char *code)
{
	return code[0] != '\0' &&
		code[strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")] == '\0';
}

static bool
has_failed(UErrorCode status)
{
	return U_FAILURE(status) || status == U_STRING_NOT_TERMINATED_WARNING;
}

/* The BCP 47 tag of a code, if it is one of a language. */
static bool
canonical_tag(const char *code, char tag[TAG_SIZE])
{
	UErrorCode	status = U_ZERO_ERROR;

	if (strlen(code) >= TAG_SIZE || !is_plain(code))
		return false;
	uloc_toLanguageTag(code, tag, TAG_SIZE, true, &status);
	return !has_failed(status) && strncmp(tag, "und", 3) != 0;
}

static const char *
what_is_meant(const char *language)
{
	int			i;

	for (i = 0; i < lengthof(meant); i++)
		if (strcmp(meant[i].code, language) == 0)
			return meant[i].language;
	return language;
}

/* The script that a locale is most likely written in, if ICU knows. */
static bool
likely_script(const char *locale, char script[TAG_SIZE])
{
	char		full[TAG_SIZE];
	UErrorCode	status = U_ZERO_ERROR;

	uloc_addLikelySubtags(locale, full, TAG_SIZE, &status);
	uloc_getScript(full, script, TAG_SIZE, &status);
	return !has_failed(status) && script[0] != '\0';
}

/* Language, and script where it is not the usual one: zh-Hant for zh-TW. */
static char *
language_of_tag(const char *tag)
{
	char		locale[TAG_SIZE];
	char		language[TAG_SIZE];
	char		script[TAG_SIZE];
	char		usual[TAG_SIZE];
	const char *result;
	UErrorCode	status = U_ZERO_ERROR;

	uloc_forLanguageTag(tag, locale, TAG_SIZE, NULL, &status);
	uloc_getLanguage(locale, language, TAG_SIZE, &status);
	if (has_failed(status))
		return pstrdup(tag);
	/* ICU itself still uses the old codes */
	status = U_ZERO_ERROR;
	uloc_toLanguageTag(language, usual, TAG_SIZE, true, &status);
	result = what_is_meant(has_failed(status) ? language : usual);
	result = pstrdup(result);
	if (likely_script(locale, script) && likely_script(result, usual) && strcmp(script, usual) != 0)
		return psprintf("%s-%s", result, script);
	return unconstify(char *, result);
}

static bool
asks_for_language(const char *by)
{
	bool		language = pg_strcasecmp(by, "language") == 0;

	if (!language && pg_strcasecmp(by, "tag") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"by\" must be tag or language, not \"%s\"", by),
				 errhint("By tag, en_US and en-US are one; by language, en-GB is, too, and so are no and nb.")));
	return language;
}

/* code, by */
Datum
ks_language(PG_FUNCTION_ARGS)
{
	char	   *code = ks_optional_text(fcinfo, 0);
	char	   *by = ks_optional_text(fcinfo, 1);
	bool		language = by != NULL && asks_for_language(by);
	char		tag[TAG_SIZE];

	if (code == NULL)
		PG_RETURN_NULL();
	if (!canonical_tag(code, tag))
		PG_RETURN_TEXT_P(cstring_to_text(code));
	PG_RETURN_TEXT_P(cstring_to_text(language ? language_of_tag(tag) : tag));
}
