/*
 * Notices in the middle of CREATE EXTENSION, which otherwise suppresses them.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"

#include "base/compat.h"

PG_FUNCTION_INFO_V1(ks_announce);

/* What the caller had client_min_messages set to before the script began. */
static int
least_shown(void)
{
	int			count;
	struct config_generic **all = ks_guc_variables(&count);
	int			i;

	for (i = 0; i < count; i++)
	{
		if (strcmp(all[i]->name, "client_min_messages") == 0)
			return all[i]->stack != NULL && all[i]->stack->state == GUC_SAVE ? all[i]->stack->prior.val.enumval : *((struct config_enum *) all[i])->variable;
	}
	return NOTICE;
}

/* announce(message) */
Datum
ks_announce(PG_FUNCTION_ARGS)
{
	int			nest;

	if (least_shown() > NOTICE)
		PG_RETURN_VOID();
	nest = NewGUCNestLevel();
	(void) set_config_option("client_min_messages", "notice", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	ereport(NOTICE, (errmsg("%s", text_to_cstring(PG_GETARG_TEXT_PP(0)))));
	AtEOXact_GUC(true, nest);
	PG_RETURN_VOID();
}
