/*
 * progress.c - training_progress over the backends' own progress slots
 *
 * Each backend has twenty 64-bit slots that VACUUM, CREATE INDEX and the like fill.  We fill them under a command number
 * of our own, which PostgreSQL's views pass over, and read all backends' slots for the view.  The slots:
 *
 *   0 phase   1 step   2 steps   3 loss (the bits of a double)   4 start of the training   5 start of the phase
 *   6..13 the model's name, zero-padded
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "bridge/compat.h"
#include "bridge/progress.h"
#include "bridge/rows.h"

#define PROGRESS_COMMAND_PROMOAI ((ProgressCommandType) 0x50524f4d)

enum
{
	SLOT_PHASE,
	SLOT_STEP,
	SLOT_STEPS,
	SLOT_LOSS,
	SLOT_STARTED,
	SLOT_PHASE_STARTED,
	SLOT_NAME,
	SLOT_NAME_END = SLOT_NAME + NAMEDATALEN / sizeof(int64)
};

StaticAssertDecl(SLOT_NAME_END <= PGSTAT_NUM_PROGRESS_PARAM, "a name fits into the slots");

static const char *const phase_names[] = {NULL, "reading", "evaluating", "training", "writing"};

static int64
bits_of_double(double value)
{
	int64 bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static double
double_of_bits(int64 bits)
{
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

void
progress_start(const char *model)
{
	char name[NAMEDATALEN] = {0};
	int64 words[NAMEDATALEN / sizeof(int64)];
	int slots[lengthof(words)];

	strlcpy(name, model, sizeof(name));
	memcpy(words, name, sizeof(words));
	for (int i = 0; i < (int) lengthof(words); i++)
		slots[i] = SLOT_NAME + i;

	pgstat_progress_start_command(PROGRESS_COMMAND_PROMOAI, InvalidOid);
	pgstat_progress_update_multi_param(lengthof(words), slots, words);
	pgstat_progress_update_param(SLOT_STARTED, GetCurrentTimestamp());
	progress_phase(PROGRESS_READING, 0);
}

void
progress_phase(ProgressPhase phase, int64 steps)
{
	const int slots[] = {SLOT_PHASE, SLOT_STEP, SLOT_STEPS, SLOT_LOSS, SLOT_PHASE_STARTED};
	const int64 values[] = {phase, 0, steps, bits_of_double(NAN), GetCurrentTimestamp()};

	pgstat_progress_update_multi_param(lengthof(slots), slots, values);
}

void
progress_step(int64 step, double loss)
{
	const int slots[] = {SLOT_STEP, SLOT_LOSS};
	const int64 values[] = {step, bits_of_double(loss)};

	pgstat_progress_update_multi_param(lengthof(slots), slots, values);
}

void
progress_end(void)
{
	pgstat_progress_end_command();
}

/* One row of training_progress; false when the entry is not a training of this database. */
static bool
progress_row(LocalPgBackendStatus *local, Datum *values, bool *nulls)
{
	PgBackendStatus *entry = &local->backendStatus;
	const int64 *slot = entry->st_progress_param;
	char name[NAMEDATALEN];
	double loss = double_of_bits(slot[SLOT_LOSS]);

	if (entry->st_progress_command != PROGRESS_COMMAND_PROMOAI || entry->st_databaseid != MyDatabaseId)
		return false;
	if (slot[SLOT_PHASE] < PROGRESS_READING || slot[SLOT_PHASE] > PROGRESS_WRITING)
		return false;

	memcpy(name, &slot[SLOT_NAME], sizeof(name));
	name[NAMEDATALEN - 1] = '\0';
	values[0] = CStringGetTextDatum(name);
	values[1] = Int32GetDatum(entry->st_procpid);
	values[2] = ObjectIdGetDatum(entry->st_userid);
	values[3] = CStringGetTextDatum(phase_names[slot[SLOT_PHASE]]);
	values[4] = Int64GetDatum(slot[SLOT_STEP]);
	values[5] = Int64GetDatum(slot[SLOT_STEPS]);
	nulls[5] = slot[SLOT_STEPS] == 0;
	values[6] = Float8GetDatum(loss);
	nulls[6] = isnan(loss);
	values[7] = TimestampTzGetDatum(slot[SLOT_STARTED]);
	values[8] = TimestampTzGetDatum(slot[SLOT_PHASE_STARTED]);
	return true;
}

/*
 * training_progress() -> (model, pid, role_oid, phase, step, steps, loss, started_at, phase_started_at)
 *
 * Rows of trainings by roles whose privileges the caller has; of all for members of pg_read_all_stats.
 */
PG_FUNCTION_INFO_V1(promoai_training_progress);
Datum
promoai_training_progress(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rows = rows_open(fcinfo);
	int backends = pgstat_fetch_stat_numbackends();
	bool all = has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);

	for (int i = 1; i <= backends; i++)
	{
		LocalPgBackendStatus *local = compat_local_beentry(i);
		Datum values[9];
		bool nulls[9] = {0};

		if (local == NULL || !(all || has_privs_of_role(GetUserId(), local->backendStatus.st_userid)))
			continue;
		if (progress_row(local, values, nulls))
			rows_put(rows, values, nulls);
	}
	return (Datum) 0;
}
