/*
 * lift_state.c - promoai.lift_state: layout, growth, combining, text and binary
 *
 * data holds, in doubles, one after the other:
 *
 *     pivot          [k + 1]                 promo, covariates, sales; if summed
 *     promoted_sums  [k - 1]                 covariates less the pivot over rows with promo <> 0; if summed
 *     sums           fourth_size(k) (HC1), pairs_size(k) (classical), none (clustered); if summed
 *     clusters       [max_clusters][1 + pairs_size(k)]  the key's bits, then pairs about the pivot
 *     slots          [n_slots / 2]           two int32 each: 1 + position in clusters, 0: free
 *     rows           [max_rows][stride]
 *
 * A state is changed where it stands; when it has to grow, a larger one is made in the current memory context, and the executor
 * takes the result over into the aggregate's.  Clusters are bounded by hash memory (work_mem x hash_mem_multiplier), as
 * the executor's own hash tables are: while they grow.  A state that is there already can always be read and written out.
 *
 * The binary form is a fixed header and then the sections, clusters and rows as they are in a compact state; see lift_wire.h.
 */
#include "postgres.h"

#include <math.h>

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "api/lift_state.h"
#include "bridge/compat.h"
#include "bridge/env.h"
#include "bridge/memory.h"
#include "bridge/state_text.h"
#include "core/rng.h"
#include "core/wire.h"

#define FIRST_ROWS 4
#define FIRST_CLUSTERS 8

/* ---- layout ---- */

/* Columns, flags and room of a state; what decides its size. */
typedef struct Shape
{
	int32 k;
	FitErrors errors;
	bool summed;
	int32 max_rows;
	int32 max_clusters;
	int32 n_slots;
} Shape;

static Shape
shape_of(const LiftState *state)
{
	return (Shape){.k = state->k,
				   .errors = state->errors,
				   .summed = state->summed,
				   .max_rows = state->max_rows,
				   .max_clusters = state->max_clusters,
				   .n_slots = state->n_slots};
}

static Size
cluster_doubles(int32 k)
{
	return 1 + pairs_size(k);
}

static Size
sums_doubles(const Shape *shape)
{
	return lift_sums_size(shape->errors, shape->summed, shape->k);
}

static Size
pivot_doubles(const Shape *shape)
{
	return shape->summed ? 2 * (Size) shape->k : 0;
}

static uint64
clusters_doubles(const Shape *shape)
{
	return memory_mul((uint64) shape->max_clusters, cluster_doubles(shape->k));
}

static uint64
rows_start(const Shape *shape)
{
	return memory_add(memory_add(pivot_doubles(shape) + sums_doubles(shape), clusters_doubles(shape)),
					  (uint64) shape->n_slots / 2);
}

static uint64
state_bytes(const Shape *shape)
{
	uint64 stride = (uint64) shape->k + 1 + (shape->errors == FIT_CLUSTERED);
	uint64 doubles = memory_add(rows_start(shape), memory_mul((uint64) shape->max_rows, stride));

	return memory_add(offsetof(LiftState, data), memory_mul(doubles, sizeof(double)));
}

static double *
state_pivot(LiftState *state)
{
	return state->data;
}

static double *
state_promoted(LiftState *state)
{
	return state->data + state->k + 1;
}

static double *
state_sums(LiftState *state)
{
	return state->data + 2 * (Size) state->k;
}

static double *
state_clusters(LiftState *state)
{
	Shape shape = shape_of(state);

	return state->data + pivot_doubles(&shape) + sums_doubles(&shape);
}

static int32 *
state_slots(LiftState *state)
{
	return (int32 *) (state_clusters(state) + (Size) state->max_clusters * cluster_doubles(state->k));
}

static double *
state_rows(LiftState *state)
{
	return state->data + state->rows_at;
}

/* Readers take the same addresses. */
#define READ(function, state) ((const double *) function(unconstify(LiftState *, state)))

static int64
double_bits(double value)
{
	int64 bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static double
bits_double(int64 bits)
{
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* ---- growth ---- */

static void
require_room(const Shape *shape, int32 clusters, Size limit)
{
	uint64 bytes = state_bytes(shape);

	if (bytes > Min(limit, MaxAllocSize))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("the sums of more than %d clusters need %s of memory, more than the allowed %s",
						clusters, memory_pretty(bytes), memory_pretty(Min(limit, MaxAllocSize) - 1)),
				 errhint("Raise work_mem or hash_mem_multiplier, cluster by something coarser, or use "
						 "promoai.promo_lift_fit_source.")));
}

static LiftState *
allocate(const Shape *shape)
{
	uint64 bytes = state_bytes(shape);
	LiftState *state;

	require_room(shape, shape->max_clusters, MaxAllocSize);
	state = palloc0(bytes);
	SET_VARSIZE(state, bytes);
	state->version = LIFT_STATE_VERSION;
	state->errors = shape->errors;
	state->k = shape->k;
	state->summed = shape->summed;
	state->max_rows = shape->max_rows;
	state->max_clusters = shape->max_clusters;
	state->n_slots = shape->n_slots;
	state->rows_at = (int32) rows_start(shape);
	return state;
}

LiftState *
lift_state_new(FitErrors errors, LiftForm form)
{
	Shape shape = {.errors = errors};
	LiftState *state = allocate(&shape);

	state->form = form;
	return state;
}

static int32 *
find_slot(LiftState *state, int64 key)
{
	const double *clusters = state_clusters(state);
	int32 *slots = state_slots(state);
	uint32 at = (uint32) rng_mix((uint64) key) & (state->n_slots - 1);

	while (slots[at] != 0 && double_bits(clusters[(slots[at] - 1) * cluster_doubles(state->k)]) != key)
		at = (at + 1) & (state->n_slots - 1);
	return &slots[at];
}

static void
fill_slots(LiftState *state)
{
	const double *clusters = state_clusters(state);

	memset(state_slots(state), 0, sizeof(int32) * state->n_slots);
	for (int32 c = 0; c < state->n_clusters; c++)
		*find_slot(state, double_bits(clusters[c * cluster_doubles(state->k)])) = c + 1;
}

/* The same contents in a state of another shape. */
static LiftState *
reshape(const LiftState *state, const Shape *shape)
{
	LiftState *larger = allocate(shape);
	Shape old = shape_of(state);

	larger->form = state->form;
	larger->n_rows = state->n_rows;
	larger->n_clusters = state->n_clusters;
	larger->n = state->n;
	larger->nulls = state->nulls;
	larger->not_positive = state->not_positive;
	larger->promoted = state->promoted;
	if (state->k == 0)
		return larger;
	if (state->summed)
		memcpy(larger->data, state->data, (pivot_doubles(&old) + sums_doubles(&old)) * sizeof(double));
	memcpy(state_clusters(larger), READ(state_clusters, state),
		   (Size) state->n_clusters * cluster_doubles(state->k) * sizeof(double));
	memcpy(state_rows(larger), READ(state_rows, state),
		   (Size) state->n_rows * lift_row_stride(state) * sizeof(double));
	if (larger->n_slots > 0)
		fill_slots(larger);
	return larger;
}

LiftState *
lift_state_copy(const LiftState *state)
{
	LiftState *copy = palloc(VARSIZE(state));

	memcpy(copy, state, VARSIZE(state));
	return copy;
}

LiftState *
lift_state_set_columns(LiftState *state, int32 k)
{
	Shape shape = shape_of(state);

	shape.k = k;
	shape.max_rows = FIRST_ROWS;
	return reshape(state, &shape);
}

/* ---- summing up ---- */

/* Room for one more cluster; a compact state first gets room for the rows that wait, whatever it takes. */
static LiftState *
grow_clusters(LiftState *state)
{
	Shape shape = shape_of(state);
	bool compact = state->n_slots == 0 && state->n_clusters > 0;

	shape.max_clusters =
		compact ? state->n_clusters + MOMENTS_BLOCK : Max(FIRST_CLUSTERS, 2 * state->n_clusters);
	shape.n_slots = 16;
	while (shape.n_slots < 2 * shape.max_clusters)
		shape.n_slots *= 2;
	if (!compact && shape.max_clusters > FIRST_CLUSTERS)
		require_room(&shape, state->n_clusters, get_hash_memory_limit());
	return reshape(state, &shape);
}

/* The pairs of a cluster, new ones all 0. */
static double *
find_cluster(LiftState **state, int64 key)
{
	int32 *slot;
	double *cluster;

	if ((*state)->n_slots == 0 || (*state)->n_clusters == (*state)->max_clusters)
	{
		if ((*state)->n_slots > 0 && *(slot = find_slot(*state, key)) != 0)
			return state_clusters(*state) + (*slot - 1) * cluster_doubles((*state)->k) + 1;
		*state = grow_clusters(*state);
	}
	slot = find_slot(*state, key);
	if (*slot == 0)
	{
		*slot = ++(*state)->n_clusters;
		state_clusters(*state)[(*slot - 1) * cluster_doubles((*state)->k)] = bits_double(key);
	}
	cluster = state_clusters(*state) + (*slot - 1) * cluster_doubles((*state)->k);
	return cluster + 1;
}

/* Pairs of one row about the pivot, written out: it is too little for BLAS. */
static void
add_row_to_cluster(double *pairs, int32 k, const double *row, const double *pivot)
{
	double w[LIFT_MAX_COLUMNS + 2];

	w[0] = 1;
	for (int32 c = 0; c <= k; c++)
		w[c + 1] = row[c] - pivot[c];
	for (int32 i = 0; i < k + 2; i++)
	{
		double w_i = w[i];

		for (int32 j = i; j < k + 2; j++)
			*pairs++ += w_i * w[j];
	}
}

static void
add_promoted(LiftState *state)
{
	int32 stride = lift_row_stride(state);
	const double *pivot = state_pivot(state);
	double *sums = state_promoted(state);

	for (int32 r = 0; r < state->n_rows; r++)
	{
		const double *row = state_rows(state) + (Size) r * stride;

		if (row[0] == 0)
			continue;
		state->promoted++;
		for (int32 c = 1; c < state->k; c++)
			sums[c - 1] += row[c] - pivot[c];
	}
}

/* Choose the pivot; afterwards there are sums, still 0. */
static LiftState *
begin_sums(LiftState *state)
{
	Shape shape = shape_of(state);

	shape.summed = true;
	state = reshape(state, &shape);
	choose_pivot(state_rows(state), state->n_rows, lift_row_stride(state), state->k, state_pivot(state));
	return state;
}

/* The waiting rows go into the sums. */
static LiftState *
sum_rows(LiftState *state)
{
	int32 k = state->k;
	int32 stride = lift_row_stride(state);
	double *scratch;

	if (state->n_rows == 0)
		return state;
	if (!state->summed)
		state = begin_sums(state);
	add_promoted(state);
	if (state->errors == FIT_CLUSTERED)
	{
		for (int32 r = 0; r < state->n_rows; r++)
		{
			double *pairs =
				find_cluster(&state, double_bits(state_rows(state)[(Size) r * stride + stride - 1]));

			add_row_to_cluster(pairs, k, state_rows(state) + (Size) r * stride, state_pivot(state));
		}
	}
	else if (state->errors == FIT_HC1)
	{
		scratch = k == 1 ? NULL : palloc(fourth_scratch(k) * sizeof(double));
		fourth_add(state_sums(state), k, state_rows(state), state->n_rows, stride, state_pivot(state),
				   scratch);
		if (scratch != NULL)
			pfree(scratch);
	}
	else
	{
		scratch = palloc(pairs_scratch(k) * sizeof(double));
		pairs_add(state_sums(state), k, state_rows(state), state->n_rows, stride, state_pivot(state),
				  scratch);
		pfree(scratch);
	}
	state->n += state->n_rows;
	state->n_rows = 0;
	return state;
}

LiftState *
lift_state_make_room(LiftState *state)
{
	Shape shape = shape_of(state);

	if (state->n_rows >= MOMENTS_BLOCK)
		return sum_rows(state);
	shape.max_rows = Min(MOMENTS_BLOCK, Max(FIRST_ROWS, 2 * state->max_rows));
	return reshape(state, &shape);
}

/* ---- combining ---- */

static LiftState *
append_rows(LiftState *state, const LiftState *from)
{
	int32 stride = lift_row_stride(from);

	for (int32 r = 0; r < from->n_rows; r++)
	{
		double *row = lift_state_next_row(&state);

		memcpy(row, READ(state_rows, from) + (Size) r * stride, stride * sizeof(double));
		state->n_rows++;
	}
	return state;
}

/* right's clusters, about its own pivot, into left's. */
static LiftState *
combine_clusters(LiftState *left, const LiftState *right, const double *delta)
{
	Size pairs = pairs_size(left->k);
	double *shifted = palloc(pairs * sizeof(double));

	for (int32 c = 0; c < right->n_clusters; c++)
	{
		const double *from = READ(state_clusters, right) + c * (1 + pairs);
		double *to;

		CHECK_FOR_INTERRUPTS();
		memcpy(shifted, from + 1, pairs * sizeof(double));
		pairs_shift(shifted, left->k, delta);
		to = find_cluster(&left, double_bits(from[0]));
		for (Size i = 0; i < pairs; i++)
			to[i] += shifted[i];
	}
	pfree(shifted);
	return left;
}

static void
combine_sums(LiftState *left, const LiftState *right, const double *delta)
{
	Shape shape = shape_of(left);
	Size n = sums_doubles(&shape);
	double *shifted = palloc(n * sizeof(double));
	double *to = state_sums(left);

	memcpy(shifted, READ(state_sums, right), n * sizeof(double));
	if (left->errors == FIT_HC1)
	{
		double *scratch = palloc(fourth_scratch(left->k) * sizeof(double));

		fourth_shift(shifted, left->k, delta, scratch);
		pfree(scratch);
	}
	else
		pairs_shift(shifted, left->k, delta);
	for (Size i = 0; i < n; i++)
		to[i] += shifted[i];
	pfree(shifted);
}

/* Both have sums: right's are brought to left's pivot and added. */
static LiftState *
combine_summed(LiftState *left, const LiftState *right)
{
	double delta[LIFT_MAX_COLUMNS + 1];

	for (int32 c = 0; c <= left->k; c++)
		delta[c] = READ(state_pivot, right)[c] - state_pivot(left)[c];
	for (int32 c = 1; c < left->k; c++)
		state_promoted(left)[c - 1] += READ(state_promoted, right)[c - 1] + right->promoted * delta[c];
	left->promoted += right->promoted;
	left->n += right->n;
	if (left->errors == FIT_CLUSTERED)
		return combine_clusters(left, right, delta);
	combine_sums(left, right, delta);
	return left;
}

static void
check_same_kind(const LiftState *left, const LiftState *right)
{
	if (left->errors != right->errors || left->form != right->form)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("states of different kinds cannot be combined"),
						errdetail("Clustered and unclustered states, and states of lift and of elasticity, "
								  "hold different sums.")));
	if (left->k != right->k && left->k != 0 && right->k != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("states of %d and of %d covariates cannot be combined", left->k - 1, right->k - 1)));
}

LiftState *
lift_state_combine(LiftState *left, const LiftState *right)
{
	if (left == NULL)
		return lift_state_copy(right);
	check_same_kind(left, right);
	if (right->k == 0)
	{
		left->nulls += right->nulls;
		left->not_positive += right->not_positive;
		return left;
	}
	if (left->k == 0 || (right->summed && !left->summed))
	{
		LiftState *sum = lift_state_copy(right);

		sum->nulls += left->nulls;
		sum->not_positive += left->not_positive;
		return left->k == 0 ? sum : append_rows(sum, left);
	}
	left->nulls += right->nulls;
	left->not_positive += right->not_positive;
	if (right->summed)
		left = combine_summed(left, right);
	return append_rows(left, right);
}

/* ---- fitting ---- */

static void
give_rows(const LiftState *state, SolveInput *input, double *pivot, double *promoted)
{
	const double *rows = READ(state_rows, state);
	int32 k = state->k;
	double *pairs = palloc0(pairs_size(k) * sizeof(double));
	double *scratch = palloc(pairs_scratch(k) * sizeof(double));

	choose_pivot(rows, state->n_rows, k + 1, k, pivot);
	pairs_add(pairs, k, rows, state->n_rows, k + 1, pivot, scratch);
	memset(promoted, 0, k * sizeof(double));
	for (int32 r = 0; r < state->n_rows; r++)
	{
		const double *row = rows + (Size) r * (k + 1);

		input->promoted += row[0] != 0;
		for (int32 c = 1; c < k && row[0] != 0; c++)
			promoted[c - 1] += row[c] - pivot[c];
	}
	input->n = state->n_rows;
	input->pivot = pivot;
	input->promoted_sums = promoted;
	input->pairs = pairs;
	input->rows = rows;
	input->stride = k + 1;
}

/* The pairs of all clusters together. */
static const double *
add_clusters(const LiftState *state)
{
	Size pairs = pairs_size(state->k);
	double *sum = palloc0(pairs * sizeof(double));

	for (int32 c = 0; c < state->n_clusters; c++)
	{
		const double *cluster = READ(state_clusters, state) + c * (1 + pairs) + 1;

		for (Size i = 0; i < pairs; i++)
			sum[i] += cluster[i];
	}
	return sum;
}

static void
give_sums(LiftState *state, SolveInput *input)
{
	input->n = state->n;
	input->pivot = state_pivot(state);
	input->promoted = state->promoted;
	input->promoted_sums = state_promoted(state);
	if (state->errors != FIT_CLUSTERED)
	{
		input->pairs = state_sums(state);
		return;
	}
	input->pairs = add_clusters(state);
	input->clusters = state_clusters(state) + 1;
	input->n_clusters = state->n_clusters;
	input->cluster_stride = (int64) cluster_doubles(state->k);
}

void
lift_state_fit(const LiftState *state, LiftFit *fit, SolveReport *report)
{
	int32 k = Max(state->k, 1);
	int32 p = k + 1;
	SolveInput input = {.k = k, .errors = state->errors};
	CoreStatus status;
	PgEnv env;

	memset(fit, 0, sizeof(*fit));
	memset(report, 0, sizeof(*report));
	report->columns = palloc0(sizeof(SolveColumn) * k);
	fit->coefficients = palloc(sizeof(double) * p);
	fit->covariance = palloc(sizeof(double) * p * p);
	fit->errors = state->errors;
	fit->rows_skipped = state->nulls + state->not_positive;
	if (state->k == 0)
	{
		fit->p = p;
		fit->covariance = NULL;
		fit->df = NAN;
		fit->r2 = NAN;
		for (int32 i = 0; i < p; i++)
			fit->coefficients[i] = NAN;
		fit->promoted_means = fit->coefficients;
	}
	else
	{
		if (!state->summed && state->errors != FIT_CLUSTERED)
			give_rows(state, &input, palloc(sizeof(double) * p), palloc(sizeof(double) * p));
		else
			give_sums(sum_rows(lift_state_copy(state)), &input);
		env_init(&env, CurrentMemoryContext);
		status = solve_fit(&env.base, &input, fit, palloc(sizeof(double) * p), report);
		if (status == CORE_NOT_FINITE)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("sums of squares are out of range"),
					 errhint("Give sales, promo and covariates in larger units.")));
		env_check(&env, status, "fitting the effect of a promotion");
	}
	fit_finish(fit);
}

/* ---- compact states, reading from anywhere ---- */

typedef struct ClusterPlace
{
	int64 key;
	int32 at;
} ClusterPlace;

static int
compare_places(const void *left, const void *right)
{
	int64 a = ((const ClusterPlace *) left)->key;
	int64 b = ((const ClusterPlace *) right)->key;

	return a < b ? -1 : a > b;
}

static void
sort_clusters(LiftState *to, const LiftState *from)
{
	Size doubles = cluster_doubles(from->k);
	ClusterPlace *places = palloc(sizeof(ClusterPlace) * from->n_clusters);
	const double *clusters = READ(state_clusters, from);

	for (int32 c = 0; c < from->n_clusters; c++)
		places[c] = (ClusterPlace){.key = double_bits(clusters[c * doubles]), .at = c};
	qsort(places, from->n_clusters, sizeof(ClusterPlace), compare_places);
	for (int32 c = 0; c < from->n_clusters; c++)
		memcpy(state_clusters(to) + c * doubles, clusters + places[c].at * doubles, doubles * sizeof(double));
	pfree(places);
}

/* A state that is kept must be readable again: squares of huge values may have left the finite numbers. */
static void
require_finite(const LiftState *state, const Shape *shape)
{
	Size n = pivot_doubles(shape) + sums_doubles(shape);

	for (Size i = 0; i < n; i++)
		if (!isfinite(state->data[i]))
			ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
							errmsg("sums of squares and products grew out of range"),
							errhint("Measure in larger units.")));
}

LiftState *
lift_state_compact(const LiftState *state)
{
	Shape shape = shape_of(state);
	LiftState *compact;

	shape.max_rows = state->n_rows;
	shape.max_clusters = state->n_clusters;
	shape.n_slots = 0;
	compact = reshape(state, &shape);
	if (state->n_clusters > 0)
		sort_clusters(compact, state);
	require_finite(compact, &shape);
	return compact;
}

const LiftState *
lift_state_open(Datum datum)
{
	const LiftState *state = (const LiftState *) PG_DETOAST_DATUM(datum);
	Shape shape;

	if (VARSIZE(state) < offsetof(LiftState, data) || state->version != LIFT_STATE_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED), errmsg("lift_state is not of a version that is known")));
	shape = shape_of(state);
	if (state->k < 0 || state->k > LIFT_MAX_COLUMNS || state->n_rows < 0 || state->n_rows > state->max_rows ||
		state->max_rows > MOMENTS_BLOCK || state->n_clusters < 0 || state->n_clusters > state->max_clusters ||
		state->n_slots < 0 || state_bytes(&shape) != VARSIZE(state))
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("lift_state is damaged")));
	return state;
}

/* ---- the binary form, see core/promote/lift_wire.h ---- */

static void
send_doubles(StringInfo buffer, const double *values, Size n)
{
	for (Size i = 0; i < n; i++)
		pq_sendfloat8(buffer, values[i]);
}

static void
write_state(StringInfo buffer, const LiftState *state)
{
	Shape shape = shape_of(state);
	int32 stride = lift_row_stride(state);
	int32 numbers = state->k + 1;

	pq_sendint16(buffer, state->version);
	pq_sendint8(buffer, state->errors);
	pq_sendint8(buffer, state->form);
	pq_sendint8(buffer, state->summed);
	pq_sendint32(buffer, state->k);
	pq_sendint32(buffer, state->n_rows);
	pq_sendint32(buffer, state->n_clusters);
	pq_sendint64(buffer, state->n);
	pq_sendint64(buffer, state->nulls);
	pq_sendint64(buffer, state->not_positive);
	pq_sendfloat8(buffer, state->promoted);
	send_doubles(buffer, state->data, pivot_doubles(&shape) + sums_doubles(&shape));
	for (int32 c = 0; c < state->n_clusters; c++)
	{
		const double *cluster = READ(state_clusters, state) + c * cluster_doubles(state->k);

		pq_sendint64(buffer, double_bits(cluster[0]));
		send_doubles(buffer, cluster + 1, pairs_size(state->k));
	}
	for (int32 r = 0; r < state->n_rows; r++)
	{
		const double *row = READ(state_rows, state) + (Size) r * stride;

		send_doubles(buffer, row, numbers);
		if (stride > numbers)
			pq_sendint64(buffer, double_bits(row[numbers]));
	}
}

/* The rest of the buffer as a state; ERROR 22P03 for what is none. */
static LiftState *
read_state(StringInfo buffer)
{
	LiftWire wire;
	const char *why = lift_wire_read((const uint8_t *) buffer->data + buffer->cursor,
									 (size_t) (buffer->len - buffer->cursor), &wire);
	Shape shape;
	LiftState *state;

	if (why != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("invalid lift_state: %s", why)));
	shape = (Shape){.k = wire.k,
					.errors = wire.errors,
					.summed = wire.summed,
					.max_rows = wire.n_rows,
					.max_clusters = wire.n_clusters};
	state = allocate(&shape);
	state->form = wire.form;
	state->n_rows = wire.n_rows;
	state->n_clusters = wire.n_clusters;
	state->n = wire.n;
	state->nulls = wire.nulls;
	state->not_positive = wire.not_positive;
	state->promoted = wire.promoted;
	/* Without slots, all of it stands in a state as it does on the wire. */
	wire_copy(wire.numbers, (state_bytes(&shape) - offsetof(LiftState, data)) / sizeof(double), state->data);
	buffer->cursor = buffer->len;
	return state;
}

PG_FUNCTION_INFO_V1(promoai_lift_state_send);
Datum
promoai_lift_state_send(PG_FUNCTION_ARGS)
{
	const LiftState *state = lift_state_compact(lift_state_open(PG_GETARG_DATUM(0)));
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	write_state(&buffer, state);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

PG_FUNCTION_INFO_V1(promoai_lift_state_recv);
Datum
promoai_lift_state_recv(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(read_state((StringInfo) PG_GETARG_POINTER(0)));
}

PG_FUNCTION_INFO_V1(promoai_lift_state_out);
Datum
promoai_lift_state_out(PG_FUNCTION_ARGS)
{
	const LiftState *state = lift_state_compact(lift_state_open(PG_GETARG_DATUM(0)));
	StringInfoData buffer;

	initStringInfo(&buffer);
	write_state(&buffer, state);
	PG_RETURN_CSTRING(state_text(&buffer));
}

PG_FUNCTION_INFO_V1(promoai_lift_state_in);
Datum
promoai_lift_state_in(PG_FUNCTION_ARGS)
{
	StringInfoData buffer;

	state_text_read(PG_GETARG_CSTRING(0), "lift_state", &buffer);
	PG_RETURN_POINTER(read_state(&buffer));
}
