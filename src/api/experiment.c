/*
 * experiment.c - ways of learning compared on one source: what is learned from, what is judged by, and the judging
 *
 * The source is read once.  All models learn from the same entries under the same indices, so lists are compared customer by
 * customer; indices are those of what is learned from, whose customers and items are all that a model knows of.  Customers of
 * whom nothing is known when lists are made are not judged: every model gives them what is popular.
 *
 * Memory: the entries (20 bytes each with times) and the ids twice, the part that is learned from and the whole, and the
 * matrices of what is judged by, the histories of the models, and the measures of each customer, within the limit; each fit
 * counts its own need, against the same limit where one is given.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/experiment.h"
#include "bridge/memory.h"

#define STRETCH 65536 /* entries between two looks at interrupts */

static const char *const protocol_names[] = {[PROTOCOL_NEXT_PERIOD] = "next_period",
											 [PROTOCOL_LEAVE_LAST_OUT] = "leave_last_out",
											 [PROTOCOL_STRONG_GENERALIZATION] = "strong_generalization",
											 [PROTOCOL_SAMPLED] = "sampled",
											 NULL};

/* The arguments as they come. */
typedef struct ProtocolOptions
{
	int32 protocol;
	OptionTime from_time;
	int32 test_days;
	double test_share;
	int64 seed;
} ProtocolOptions;

#define FIELD(field) .name = #field, .offset = offsetof(ProtocolOptions, field)

static const Option protocol_options[] = {
	{FIELD(protocol), .type = OPTION_CHOICE, .choices = protocol_names},
	{FIELD(from_time), .type = OPTION_TIME},
	{FIELD(test_days), .type = OPTION_INT, .min = 1, .max = 36500, .nullable = true},
	{FIELD(test_share), .type = OPTION_REAL, .min = 0.001, .max = 0.9, .nullable = true},
	{FIELD(seed), .type = OPTION_BIGINT, .min = -9007199254740992.0, .max = 9007199254740992.0},
	{.name = NULL},
};

/* Is the query cancelled?  To be asked at every entry of a long loop. */
static inline void
look_up(int64 entry)
{
	if (unlikely(entry % STRETCH == 0))
		CHECK_FOR_INTERRUPTS();
}

void
experiment_open(Experiment *experiment, const Args *args)
{
	ProtocolOptions options;
	const char *choice;

	options_from_call(protocol_options, args, &options);
	choice = option_written("protocol", protocol_names[options.protocol]);
	*experiment =
		(Experiment){.protocol = {.kind = (ProtocolKind) options.protocol, .seed = (uint64) options.seed}};
	option_refuse(options.protocol != PROTOCOL_NEXT_PERIOD && options.from_time.set, "from_time", choice,
				  "protocol => 'next_period'");
	option_refuse(options.protocol != PROTOCOL_NEXT_PERIOD && options.test_days >= 0, "test_days", choice,
				  "protocol => 'next_period'");
	option_refuse(options.protocol != PROTOCOL_STRONG_GENERALIZATION && !isnan(options.test_share),
				  "test_share", choice, "protocol => 'strong_generalization'");
	if (options.from_time.set && TIMESTAMP_NOT_FINITE(options.from_time.at))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("argument \"from_time\" must be finite, got %s",
							   option_time_text(&options.from_time))));
	experiment->days = options.test_days >= 0 ? options.test_days : EXPERIMENT_DEFAULT_DAYS;
	experiment->protocol.share = isnan(options.test_share) ? 0.2 : options.test_share;
	experiment->protocol.from = options.from_time.set ? options.from_time.at : PG_INT64_MIN;
	experiment->memory = args_text_or_null(args, "memory");
	if (experiment->memory != NULL)
		experiment->fit_limit = memory_limit(experiment->memory);
	env_init(&experiment->env, CurrentMemoryContext);
}

int
experiment_sets(const Experiment *experiment, const ExperimentSet **sets)
{
	static const ExperimentSet periods[] = {{"all", JUDGE_ALL, false},
											{"all", JUDGE_ALL, true},
											{"new", JUDGE_NEW, true},
											{"repeats", JUDGE_REPEATS, false}};
	static const ExperimentSet shown[] = {{"new", JUDGE_NEW, true}};
	static const ExperimentSet sampled[] = {{"all", JUDGE_ALL, false}};

	switch (experiment->protocol.kind)
	{
		case PROTOCOL_STRONG_GENERALIZATION:
			*sets = shown;
			return lengthof(shown);
		case PROTOCOL_SAMPLED:
			*sets = sampled;
			return lengthof(sampled);
		default:
			*sets = periods;
			return lengthof(periods);
	}
}

/* ---- parts ---- */

static uint64
experiment_need(const void *arg, uint64 entries, uint64 customers, uint64 items)
{
	const Experiment *experiment = arg;
	uint64 each = interactions_bytes(&experiment->all, entries);
	uint64 models =
		memory_mul(experiment->models, memory_add(memory_mul(entries, 8), memory_mul(customers, 8)));

	return memory_add(
		memory_add(memory_mul(each, 2), models),
		memory_add(memory_mul(entries, 13),
				   memory_mul(customers, memory_add(64, memory_mul(experiment->judged, sizeof(double))))));
}

/* Entries of one part. */
typedef struct PartFilter
{
	const uint8 *part; /* [entries] ProtocolPart */
	ProtocolPart wanted;
} PartFilter;

static bool
is_wanted(const Coo *coo, int64 entry, const void *arg)
{
	const PartFilter *filter = arg;

	return filter->part[entry] == filter->wanted;
}

/* Has the entry one of the first *arg items? */
static bool
is_known_item(const Coo *coo, int64 entry, const void *arg)
{
	return coo->col[entry] < *(const int32 *) arg;
}

/* Distinct pairs as a matrix with their summed values. */
static Csr
matrix_of(Experiment *experiment, const Coo *coo, int32 rows, int32 cols)
{
	Csr out = {.rows = rows, .cols = cols};
	CooMerge merge;

	out.start = memory_huge((uint64) rows + 1, sizeof(int64));
	out.col = memory_huge(coo->n, sizeof(int32));
	out.value = memory_huge(coo->n, sizeof(float));
	env_check(&experiment->env, csr_from_coo(&experiment->env.base, coo, is_known_item, &cols, &out, &merge),
			  "merging repeated pairs");
	return out;
}

/* The pairs of a part of the source under the indices of what is learned from, those of the first `items` items. */
static Csr
part_matrix(Experiment *experiment, const Interactions *source, const uint8 *part, ProtocolPart wanted,
			const InteractionsPlaces *places, int32 items)
{
	PartFilter filter = {.part = part, .wanted = wanted};
	Coo coo = interactions_placed(source, is_wanted, &filter, places);
	Csr out = matrix_of(experiment, &coo, source->customers->n, items);

	pfree(coo.row);
	pfree(coo.col);
	if (coo.value != NULL)
		pfree(coo.value);
	return out;
}

static void
require_part(const Experiment *experiment, int64 n, const char *what)
{
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the protocol leaves nothing to %s", what),
				 errdetail("The parts: %s.", experiment_words(experiment))));
}

/* The matrix whose lists are made of drawn items, and the test items. */
static void
draw_candidates(Experiment *experiment)
{
	const Interactions *train = &experiment->train;
	Csr had = matrix_of(experiment, &train->coo, train->customers->n, train->items->n);
	Csr *out = &experiment->candidates;

	out->start = memory_huge((uint64) experiment->test.rows + 1, sizeof(int64));
	out->col = memory_huge(protocol_candidates_room(&experiment->test), sizeof(int32));
	env_check(&experiment->env,
			  protocol_candidates(&experiment->env.base, &experiment->protocol, &had, &experiment->test, out),
			  "drawing candidates");
	pfree(had.start);
	pfree(had.col);
	pfree(had.value);
}

/* Ids are copied for the part that is learned from: how much they take is known only now. */
static void
require_ids(const Experiment *experiment, const Interactions *source, int copies)
{
	uint64 need =
		experiment_need(experiment, source->coo.n, (uint64) source->customers->n, (uint64) source->items->n);

	memory_require(memory_add(need, memory_mul(interactions_ids_bytes(source), copies)), source->limit,
				   "parting the source");
}

/*
 * Part `source` by the protocol into train, test, history and candidates.  What is learned from knows no customer and item but
 * its own, so that no figure hangs on what came later; items of the test that it does not know stand behind, and nobody
 * finds them.
 */
static void
part_interactions(Experiment *experiment, const Interactions *source)
{
	uint8 *part = memory_huge(source->coo.n, 1);
	PartFilter learned = {.part = part, .wanted = PROTOCOL_TRAIN};
	InteractionsPlaces places;

	env_check(&experiment->env,
			  protocol_split(&experiment->env.base, &experiment->protocol, &source->coo, source->time,
							 source->customers->n, part),
			  "parting the source");
	experiment->train = interactions_part(source, is_wanted, &learned, &places);
	experiment->test = part_matrix(experiment, source, part, PROTOCOL_TEST, &places, source->items->n);
	require_part(experiment, csr_entries(&experiment->test), "be judged by");
	require_part(experiment, experiment->train.pairs, "learn from");
	if (experiment->protocol.kind == PROTOCOL_STRONG_GENERALIZATION)
		experiment->history =
			part_matrix(experiment, source, part, PROTOCOL_SHOWN, &places, experiment->train.items->n);
	if (experiment->protocol.kind == PROTOCOL_SAMPLED)
		draw_candidates(experiment);
	pfree(part);
	pfree(places.customer);
	pfree(places.item);
}

/* The end of the entries' times, and from when the newest `days` days are. */
static void
settle_period(Protocol *protocol, const Interactions *source, int32 days)
{
	int64 latest = PG_INT64_MIN;

	for (int64 i = 0; i < source->coo.n; i++)
	{
		look_up(i);
		latest = Max(latest, source->time[i]);
	}
	if (protocol->from == PG_INT64_MIN)
	{
		protocol->from = latest - (int64) days * USECS_PER_DAY + 1;
		protocol->until = latest + 1;
	}
	else
		protocol->until = protocol->from + (int64) days * USECS_PER_DAY;
}

void
experiment_read(Experiment *experiment, const char *source)
{
	Protocol *protocol = &experiment->protocol;
	Interactions *all = &experiment->all;

	*all = (Interactions){.memory = CurrentMemoryContext,
						  .timed = true,
						  .need = experiment_need,
						  .need_arg = experiment,
						  .limit = memory_limit(experiment->memory)};
	interactions_read(source, all);
	/* What a later row returns had been bought: before a cut nobody knows it. */
	if (all->coo.n == 0 || protocol->kind != PROTOCOL_NEXT_PERIOD)
		interactions_settle(all);
	if (all->time == NULL && protocol->kind != PROTOCOL_STRONG_GENERALIZATION)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("protocol => '%s' needs a time in the source", protocol_names[protocol->kind]),
						errhint("Add a timestamp as the source's last column, or use protocol => "
								"'strong_generalization'.")));
	if (protocol->kind == PROTOCOL_NEXT_PERIOD)
		settle_period(protocol, all, experiment->days);
	require_ids(experiment, all, 2);
	part_interactions(experiment, all);
}

/* Where customers are drawn, by another seed than those of the test, who are no part of these entries any more. */
void
experiment_validation(const Experiment *experiment, Experiment *validation)
{
	*validation = (Experiment){.protocol = {.kind = PROTOCOL_NEXT_PERIOD,
											.from = PG_INT64_MIN,
											.share = 0.1,
											.seed = experiment->protocol.seed},
							   .days = experiment->days,
							   .all = experiment->train};
	env_init(&validation->env, CurrentMemoryContext);
	if (experiment->train.time == NULL)
	{
		validation->protocol.kind = PROTOCOL_STRONG_GENERALIZATION;
		validation->protocol.seed++;
	}
	else
		settle_period(&validation->protocol, &experiment->train, validation->days);
	require_ids(experiment, &experiment->train, 3);
	part_interactions(validation, &experiment->train);
}

char *
experiment_words(const Experiment *experiment)
{
	const Protocol *protocol = &experiment->protocol;
	OptionTime from = {.set = true, .at = protocol->from};

	switch (protocol->kind)
	{
		case PROTOCOL_NEXT_PERIOD:
			return psprintf("learned from what came before %s, judged by the %d days from then on",
							option_time_text(&from), experiment->days);
		case PROTOCOL_LEAVE_LAST_OUT:
			return "each customer's last item held out";
		case PROTOCOL_STRONG_GENERALIZATION:
			return psprintf("%g of the customers held out, seed " INT64_FORMAT
							", four fifths of their items shown",
							protocol->share, (int64) protocol->seed);
		case PROTOCOL_SAMPLED:
			return psprintf("each customer's last item among %d drawn ones", PROTOCOL_NEGATIVES);
	}
	return "";
}

void
experiment_judge(Experiment *experiment, const Recommender *model, const ExperimentSet *set,
				 const int32 *lengths, int n_lengths, Judged *judged)
{
	JudgeTask task = {.model = model,
					  .n_lengths = n_lengths,
					  .relevant = experiment->test,
					  .targets = set->targets,
					  .exclude_seen = set->exclude_seen,
					  .history = experiment->history,
					  .candidates = experiment->candidates.rows > 0 ? &experiment->candidates : NULL,
					  .known_only = true};

	memcpy(task.lengths, lengths, sizeof(int32) * n_lengths);
	recommender_judge(&experiment->env, &task, judged);
}
