/*
 * The progress of counting, for other sessions to see.
 *
 * PostgreSQL shows the progress of its own commands only, and extensions cannot add
 * kinds.  Ours is reported as COPY, whose numbers mean the same (the table, rows that
 * were processed), with a mark by which kindly_stats.progress knows it.
 */
#include "rollup/recount.h"

#include "base/compat.h"

#include "commands/progress.h"
#include "miscadmin.h"
#include "utils/backend_progress.h"
#include "utils/backend_status.h"

/* Numbers of the parameters, as kindly_stats.progress reads them. */
#define PROGRESS_EVENTS		PROGRESS_COPY_TUPLES_PROCESSED
#define PROGRESS_PHASE		10
#define PROGRESS_WHAT		11
#define PROGRESS_MARK		19
#define PROGRESS_MARK_VALUE	INT64CONST(0x6b696e646c79)

/* Events are reported in hundreds: it is a write to shared memory. */
#define STEP 256

static bool reporting = false;
static ks_progress_what purpose = KS_PROGRESS_NOTHING;
static int64 events = 0;

static void
report_table(ks_progress_what what, Oid relid)
{
	pgstat_progress_start_command(PROGRESS_COMMAND_COPY, relid);
	pgstat_progress_update_param(PROGRESS_WHAT, what);
	pgstat_progress_update_param(PROGRESS_MARK, PROGRESS_MARK_VALUE);
}

/* Sets the purpose that is reported from here on. */
void
ks_progress_for(ks_progress_what what)
{
	purpose = what;
}

/*
 * Starts to report counting.  If the session already reports something else, such as a
 * COPY whose triggers count, that continues instead.
 */
void
ks_progress_begin(ks_progress_what what, ks_progress_phases phase, Oid relid)
{
	reporting = MyBEEntry != NULL && MyBEEntry->st_progress_command == PROGRESS_COMMAND_INVALID;
	events = 0;
	if (!reporting)
		return;
	report_table(purpose == KS_PROGRESS_NOTHING ? what : purpose, relid);
	pgstat_progress_update_param(PROGRESS_PHASE, phase);
}

void
ks_progress_phase(ks_progress_phases phase)
{
	if (reporting)
		pgstat_progress_update_param(PROGRESS_PHASE, phase);
}

void
ks_progress_event(void)
{
	if (++events % STEP == 0 && reporting)
		pgstat_progress_update_param(PROGRESS_EVENTS, events);
}

void
ks_progress_end(void)
{
	if (reporting)
		pgstat_progress_end_command();
	reporting = false;
}
