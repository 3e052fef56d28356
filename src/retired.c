/*
 * Functions that objects of earlier versions call: without them, PostgreSQL would
 * neither bring such objects to a new cluster nor make the old version that a test
 * of updating begins with.  Made by `make upgrade`.
 */
#include "postgres.h"

#include "fmgr.h"

static Datum
refuse(const char *function)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("function \"%s\" belongs to an earlier version of kindly_stats", function),
			 errhint("Run ALTER EXTENSION kindly_stats UPDATE.")));
}

#define RETIRED(function) \
	PG_FUNCTION_INFO_V1(function); \
	Datum \
	function(PG_FUNCTION_ARGS) \
	{ \
		return refuse(#function); \
	}

RETIRED(ks_chatbot_conversations)
RETIRED(ks_chatbot_conversations_avg)
RETIRED(ks_chatbot_conversations_heatmap)
RETIRED(ks_chatbot_conversations_interactions)
RETIRED(ks_chatbot_conversations_messages)
RETIRED(ks_chatbot_conversations_paid)
RETIRED(ks_fold_options_final)
RETIRED(ks_fold_options_step)
RETIRED(ks_fold_presence_final)
RETIRED(ks_fold_presence_step)
RETIRED(ks_fold_series_final)
RETIRED(ks_fold_series_step)
RETIRED(ks_fold_top_final)
RETIRED(ks_fold_top_step)
RETIRED(ks_tally_part)
