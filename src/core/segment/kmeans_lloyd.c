/*
 * kmeans_lloyd.c - Lloyd's iterations in a team
 *
 * An iteration is two phases with a barrier after each:
 *
 *   1. members claim chunks of rows; each row gets the label of its nearest centroid, and rows that changed leave their
 *      cluster's sums for another's.  Sums, in double, belong to the chunk, so that the answer does not depend on who did it
 *   2. the leader adds the chunks up in order, moves the centroids, fills clusters that ran empty and sees whether to go on
 *
 * Bounds (Hamerly 2010).  Each row may keep an upper bound of the distance to its centroid and a lower bound of the distance
 * to all others.  Centroids' moves loosen both; while the upper stays below the lower, no distance of the row has to be taken.
 * That is three numbers a row, and pays where clusters are many and apart: not below PRUNE_WORK multiplications a row, and
 * where less than half of the rows are spared it rests for a while.  Bounds carry the rounding error of the scores, so labels
 * are those that taking all distances would give.
 *
 * Memory: shared, (k x features) sums for each of at most CHUNKS chunks, held to a share of the rows' own size, and 12 bytes a
 * row with bounds; each member, buffers for a block of rows.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "../team.h"
#include "kmeans_lloyd.h"

#define CHUNKS 64
#define CHUNK_ROWS 256 /* in a chunk, at least, while there are several */
#define BLOCK 1024 /* rows between looks at the cancel flag, at most */
#define BLOCK_WORK (1 << 24) /* multiplications between such looks, about */
#define PRUNE_WORK 1024
#define FIRST_BOUNDS 2 /* the iteration that takes bounds first: earlier ones move too much */
#define WORTH 0.5 /* share of rows to be spared for bounds to go on */

typedef enum Bounds
{
	BOUNDS_NONE, /* labels only */
	BOUNDS_TAKE, /* all distances, and bounds from them */
	BOUNDS_USE /* only the distances that bounds leave open */
} Bounds;

/* The shared memory's head. */
typedef struct Shared
{
	TeamShared team;
	Bounds bounds;
	bool finish; /* the next pass over the rows is the last: centroids stay as they are */
	bool done;
	bool converged;
	int32_t iteration; /* complete ones */
	int32_t next_bounds; /* the iteration in which they are tried again */
	int32_t rest; /* iterations until then, doubled each time */
	double tolerance; /* absolute, of the centroids' squared moves */
	float error; /* of a squared distance, at most */
	float largest_norm; /* of a row */
	float move_largest, move_second; /* the two largest moves of centroids */
	int32_t move_first; /* whose the largest is */
	double pruned; /* rows spared so far */
	double passed; /* rows in all passes so far */
	double inertia;
} Shared;

/* One chunk's part of it. */
typedef struct Chunk
{
	int64_t moved; /* rows that changed their label */
	int64_t pruned;
	double squares; /* sum of squared norms */
	float largest_norm;
	double inertia;
} Chunk;

/* One member's view. */
typedef struct Lloyd
{
	Env *env;
	Team team;
	const LloydTask *task;
	const KmeansKernel *kernel;
	int64_t chunks;
	int64_t stride; /* of sums: features, padded to whole cache lines */
	int64_t block; /* rows at a time */

	/* shared */
	Shared *shared;
	float *centroids; /* [k x features], the caller's */
	int32_t *labels; /* [n], the caller's */
	Chunk *chunk; /* [chunks] */
	double *sums; /* [chunks x k x stride] */
	int64_t *counts; /* [chunks x k] */
	double *total; /* [k x stride] */
	int64_t *sizes; /* [k] */
	float *moves; /* [k] how far each centroid went */
	KmeansPanels panels;
	float *upper, *lower, *norms; /* [n] each; NULL without bounds */

	/* own */
	int32_t *label; /* [block] */
	float *score; /* [block] */
	float *second; /* [block] */
	int32_t *open; /* [block] places of rows that bounds leave open */
	float *gathered; /* [block x features] these rows */
	int32_t *found; /* [block] their labels */
} Lloyd;

/* ---- memory ---- */

static int64_t
stride_of(const LloydTask *task)
{
	return ((int64_t) task->features + 7) / 8 * 8;
}

static bool
may_bound(const LloydTask *task)
{
	return !task->exhaustive && task->k > 1 && (int64_t) task->k * task->features >= PRUNE_WORK;
}

static int64_t
chunk_count(const LloydTask *task)
{
	double sums = (double) task->planned * (double) stride_of(task) * sizeof(double);
	double allowed = 4e6 + (double) task->n * task->features;
	int64_t chunks = CHUNKS;

	while (chunks > 1 && (task->n / chunks < CHUNK_ROWS || (double) chunks * sums > allowed))
		chunks /= 2;
	return chunks;
}

static int64_t
block_rows(const LloydTask *task)
{
	int64_t rows = BLOCK_WORK / ((int64_t) task->k * task->features);

	return rows > BLOCK ? BLOCK : rows < 8 ? 8 : rows;
}

/* `count` elements of `width` bytes from a cursor on, at whole cache lines; SIZE_MAX sticks. */
static size_t
take(size_t *cursor, size_t count, size_t width)
{
	size_t at = *cursor;
	size_t bytes;

	if (at == SIZE_MAX || __builtin_mul_overflow(count, width, &bytes) ||
		__builtin_add_overflow(at, bytes, cursor) || *cursor > SIZE_MAX - 64)
		*cursor = SIZE_MAX;
	else
		*cursor = (*cursor + 63) & ~(size_t) 63;
	return at;
}

/* Sets pointers into `base` unless it is NULL; returns the bytes. */
static size_t
lay_out_shared(Lloyd *lloyd, const LloydTask *task, char *base)
{
	size_t k = (size_t) task->k;
	size_t stride = (size_t) stride_of(task);
	size_t chunks = (size_t) chunk_count(task);
	size_t bounded = may_bound(task) ? (size_t) task->n : 0;
	size_t cursor = 0;
	size_t sums = stride > SIZE_MAX / 8 / chunks / k ? SIZE_MAX / 8 : chunks * k * stride;
	size_t head = take(&cursor, 1, sizeof(Shared));
	size_t chunk = take(&cursor, chunks, sizeof(Chunk));
	size_t sum = take(&cursor, sums, sizeof(double));
	size_t counts = take(&cursor, chunks * k, sizeof(int64_t));
	size_t total = take(&cursor, k * stride, sizeof(double));
	size_t sizes = take(&cursor, k, sizeof(int64_t));
	size_t moves = take(&cursor, k, sizeof(float));
	size_t panels = take(&cursor, kmeans_panel_floats(task->k, task->features), sizeof(float));
	size_t upper = take(&cursor, bounded, sizeof(float));
	size_t lower = take(&cursor, bounded, sizeof(float));
	size_t norms = take(&cursor, bounded, sizeof(float));

	if (base == NULL)
		return cursor;
	lloyd->shared = (Shared *) (base + head);
	lloyd->chunk = (Chunk *) (base + chunk);
	lloyd->sums = (double *) (base + sum);
	lloyd->counts = (int64_t *) (base + counts);
	lloyd->total = (double *) (base + total);
	lloyd->sizes = (int64_t *) (base + sizes);
	lloyd->moves = (float *) (base + moves);
	kmeans_panels_init(&lloyd->panels, lloyd->kernel, task->k, task->features, (float *) (base + panels));
	if (bounded > 0)
	{
		lloyd->upper = (float *) (base + upper);
		lloyd->lower = (float *) (base + lower);
		lloyd->norms = (float *) (base + norms);
	}
	return cursor;
}

static size_t
lay_out_member(Lloyd *lloyd, const LloydTask *task, char *base)
{
	size_t block = (size_t) block_rows(task);
	size_t cursor = 0;
	size_t label = take(&cursor, block, sizeof(int32_t));
	size_t score = take(&cursor, block, sizeof(float));
	size_t second = take(&cursor, block, sizeof(float));
	size_t open = take(&cursor, block, sizeof(int32_t));
	size_t found = take(&cursor, block, sizeof(int32_t));
	size_t gathered = take(&cursor, may_bound(task) ? block * (size_t) task->features : 0, sizeof(float));

	if (base == NULL)
		return cursor;
	lloyd->label = (int32_t *) (base + label);
	lloyd->score = (float *) (base + score);
	lloyd->second = (float *) (base + second);
	lloyd->open = (int32_t *) (base + open);
	lloyd->found = (int32_t *) (base + found);
	lloyd->gathered = (float *) (base + gathered);
	return cursor;
}

size_t
lloyd_shared_bytes(const LloydTask *task)
{
	return lay_out_shared(NULL, task, NULL);
}

size_t
lloyd_member_bytes(const LloydTask *task)
{
	return lay_out_member(NULL, task, NULL);
}

const int64_t *
lloyd_sizes(const LloydTask *task, const void *shared)
{
	Lloyd lloyd = {.kernel = kmeans_kernel(task->k)};

	lay_out_shared(&lloyd, task, (char *) shared);
	return lloyd.sizes;
}

/* ---- the rows ---- */

/* Bounds from scores: outwards by the error of a squared distance. */
static void
take_bounds(Lloyd *lloyd, int64_t row, float score, float second)
{
	float norm = lloyd->norms[row];
	float error = lloyd->shared->error;
	float other = norm + 2 * second - error;

	lloyd->upper[row] = sqrtf(fmaxf(norm + 2 * score, 0) + error);
	lloyd->lower[row] = other > 0 ? sqrtf(other) : 0;
}

/* Labels of rows from `from` on into lloyd->label. */
static void
label_block(Lloyd *lloyd, int64_t from, int64_t rows)
{
	const float *x = lloyd->task->rows + from * lloyd->task->features;
	bool bounds = lloyd->shared->bounds == BOUNDS_TAKE;

	lloyd->kernel->nearest(&lloyd->panels, x, rows, lloyd->label, lloyd->score,
						   bounds ? lloyd->second : NULL);
	if (bounds)
		for (int64_t i = 0; i < rows; i++)
			take_bounds(lloyd, from + i, lloyd->score[i], lloyd->second[i]);
}

/* The places of the rows whose nearest centroid may have changed into lloyd->open; returns how many there are. */
static int64_t
find_open(Lloyd *lloyd, int64_t from, int64_t rows)
{
	const Shared *shared = lloyd->shared;
	const float outwards = 1 + 4 * FLT_EPSILON;
	int64_t open = 0;

	for (int64_t i = 0; i < rows; i++)
	{
		int32_t label = lloyd->labels[from + i];
		float other = label == shared->move_first ? shared->move_second : shared->move_largest;
		float upper = (lloyd->upper[from + i] + lloyd->moves[label]) * outwards;
		float lower = lloyd->lower[from + i] / outwards - other * outwards;

		lloyd->upper[from + i] = upper;
		lloyd->lower[from + i] = lower;
		lloyd->label[i] = label;
		lloyd->open[open] = (int32_t) i;
		/* Not spared either when something is no number. */
		open += !(lower > upper && (lower - upper) * (lower + upper) > 4 * shared->error);
	}
	return open;
}

/* The same as label_block, by way of the bounds. */
static int64_t
label_open(Lloyd *lloyd, int64_t from, int64_t rows)
{
	size_t width = (size_t) lloyd->task->features;
	const float *x = lloyd->task->rows + from * lloyd->task->features;
	int64_t open = find_open(lloyd, from, rows);

	for (int64_t i = 0; i < open; i++)
		memcpy(lloyd->gathered + (size_t) i * width, x + (size_t) lloyd->open[i] * width,
			   width * sizeof(float));
	lloyd->kernel->nearest(&lloyd->panels, lloyd->gathered, open, lloyd->found, lloyd->score, lloyd->second);
	for (int64_t i = 0; i < open; i++)
	{
		lloyd->label[lloyd->open[i]] = lloyd->found[i];
		take_bounds(lloyd, from + lloyd->open[i], lloyd->score[i], lloyd->second[i]);
	}
	return open;
}

/* Squared norms, in the first pass. */
static void
look_at_norms(Lloyd *lloyd, Chunk *chunk, int64_t from, int64_t rows)
{
	float *norms = lloyd->norms != NULL ? lloyd->norms + from : lloyd->score;

	lloyd->kernel->norms(lloyd->task->rows + from * lloyd->task->features, rows, lloyd->task->features,
						 norms);
	for (int64_t i = 0; i < rows; i++)
	{
		chunk->squares += norms[i];
		chunk->largest_norm = fmaxf(chunk->largest_norm, norms[i]);
	}
	memset(lloyd->labels + from, 0xff, (size_t) rows * sizeof(int32_t));
}

/* The first row of a chunk. */
static inline int64_t
chunk_begin(const Lloyd *lloyd, int64_t chunk)
{
	int64_t n = lloyd->task->n;

	return n / lloyd->chunks * chunk + n % lloyd->chunks * chunk / lloyd->chunks;
}

static void
pass_chunk(Lloyd *lloyd, int64_t number)
{
	const LloydTask *task = lloyd->task;
	Chunk *chunk = &lloyd->chunk[number];
	int64_t begin = chunk_begin(lloyd, number);
	int64_t end = chunk_begin(lloyd, number + 1);
	bool first = lloyd->shared->iteration == 0 && !lloyd->shared->finish;

	chunk->moved = 0;
	chunk->pruned = 0;
	for (int64_t from = begin; from < end && !team_stopped(&lloyd->team); from += lloyd->block)
	{
		int64_t rows = end - from < lloyd->block ? end - from : lloyd->block;

		if (first)
			look_at_norms(lloyd, chunk, from, rows);
		if (lloyd->shared->bounds == BOUNDS_USE)
			chunk->pruned += rows - label_open(lloyd, from, rows);
		else
			label_block(lloyd, from, rows);
		chunk->moved += lloyd->kernel->move(
			task->rows + from * task->features, rows, task->features, lloyd->labels + from, lloyd->label,
			lloyd->sums + number * task->k * lloyd->stride, lloyd->stride, lloyd->counts + number * task->k);
		memcpy(lloyd->labels + from, lloyd->label, (size_t) rows * sizeof(int32_t));
	}
}

static void
measure_chunk(Lloyd *lloyd, int64_t number)
{
	const LloydTask *task = lloyd->task;
	int64_t begin = chunk_begin(lloyd, number);
	int64_t end = chunk_begin(lloyd, number + 1);

	lloyd->chunk[number].inertia = 0;
	for (int64_t from = begin; from < end && !team_stopped(&lloyd->team); from += lloyd->block)
	{
		int64_t rows = end - from < lloyd->block ? end - from : lloyd->block;

		lloyd->chunk[number].inertia += lloyd->kernel->inertia(
			task->rows + from * task->features, rows, task->features, lloyd->labels + from, lloyd->centroids);
	}
}

/* ---- the leader ---- */

static void
add_chunks(Lloyd *lloyd)
{
	int64_t width = lloyd->task->k * lloyd->stride;

	memcpy(lloyd->total, lloyd->sums, (size_t) width * sizeof(double));
	memcpy(lloyd->sizes, lloyd->counts, (size_t) lloyd->task->k * sizeof(int64_t));
	for (int64_t chunk = 1; chunk < lloyd->chunks; chunk++)
	{
		const double *sums = lloyd->sums + chunk * width;
		const int64_t *counts = lloyd->counts + chunk * lloyd->task->k;

		for (int64_t i = 0; i < width; i++)
			lloyd->total[i] += sums[i];
		for (int32_t c = 0; c < lloyd->task->k; c++)
			lloyd->sizes[c] += counts[c];
	}
}

/* From the first pass: what tolerance and rounding mean for these rows. */
static CoreStatus
settle_measures(Lloyd *lloyd)
{
	const LloydTask *task = lloyd->task;
	Shared *shared = lloyd->shared;
	double variance = 0;

	for (int64_t chunk = 0; chunk < lloyd->chunks; chunk++)
	{
		variance += lloyd->chunk[chunk].squares;
		shared->largest_norm = fmaxf(shared->largest_norm, lloyd->chunk[chunk].largest_norm);
	}
	for (int32_t f = 0; f < task->features; f++)
	{
		double sum = 0;

		for (int32_t c = 0; c < task->k; c++)
			sum += lloyd->total[c * lloyd->stride + f];
		variance -= sum * (sum / (double) task->n);
	}
	shared->tolerance = task->tolerance * fmax(variance, 0) / (double) task->n / task->features;
	/* Sums of features + 2 terms, of scores whose parts are at most (|x| + |c|)^2, taken twice; |c| <= the largest |x|. */
	shared->error = 8 * FLT_EPSILON * (float) (task->features + 4) * shared->largest_norm;
	shared->next_bounds = FIRST_BOUNDS;
	shared->rest = 2;
	return isfinite(variance) && isfinite(shared->error) ? CORE_OK : CORE_NOT_FINITE;
}

/* The row farthest from its centroid, of those in clusters of several rows; -1 when there is none. */
static int64_t
farthest_row(Lloyd *lloyd)
{
	const LloydTask *task = lloyd->task;
	double largest = 0;
	int64_t farthest = -1;

	for (int64_t i = 0; i < task->n; i++)
	{
		int32_t label = lloyd->labels[i];
		double apart;

		if (i % BLOCK == 0 && lloyd->env->cancelled(lloyd->env))
			return -2;
		if (lloyd->sizes[label] < 2)
			continue;
		apart = lloyd->kernel->inertia(task->rows + i * task->features, 1, task->features, &label,
									   lloyd->centroids);
		if (apart > largest)
		{
			largest = apart;
			farthest = i;
		}
	}
	return farthest;
}

static int64_t
chunk_of(const Lloyd *lloyd, int64_t row)
{
	int64_t chunk = 0;

	while (row >= chunk_begin(lloyd, chunk + 1))
		chunk++;
	return chunk;
}

/*
 * Clusters that ran empty take the row that is farthest from its centroid, one after the other, as scikit-learn does.  The
 * centroids are still those that the rows were compared with.
 */
static CoreStatus
fill_empty(Lloyd *lloyd, bool *filled)
{
	const LloydTask *task = lloyd->task;

	*filled = false;
	for (int32_t c = 0; c < task->k; c++)
	{
		int64_t row;
		int64_t chunk;

		if (lloyd->sizes[c] > 0)
			continue;
		row = farthest_row(lloyd);
		if (row == -2)
			return CORE_CANCELLED;
		if (row < 0)
			return CORE_OK; /* every row lies on a centroid */
		chunk = chunk_of(lloyd, row);
		lloyd->kernel->move(task->rows + row * task->features, 1, task->features, lloyd->labels + row, &c,
							lloyd->sums + chunk * task->k * lloyd->stride, lloyd->stride,
							lloyd->counts + chunk * task->k);
		lloyd->labels[row] = c;
		memcpy(lloyd->centroids + (int64_t) c * task->features, task->rows + row * task->features,
			   (size_t) task->features * sizeof(float)); /* so that it is not found again */
		add_chunks(lloyd);
		*filled = true;
	}
	return CORE_OK;
}

/* Centroids become means; how far each went; returns the sum of the squares of that. */
static double
move_centroids(Lloyd *lloyd)
{
	const LloydTask *task = lloyd->task;
	Shared *shared = lloyd->shared;
	double squares = 0;

	shared->move_largest = shared->move_second = 0;
	shared->move_first = -1;
	for (int32_t c = 0; c < task->k; c++)
	{
		float *centroid = lloyd->centroids + (int64_t) c * task->features;
		double square = 0;

		for (int32_t f = 0; f < task->features && lloyd->sizes[c] > 0; f++)
		{
			float mean = (float) (lloyd->total[c * lloyd->stride + f] / (double) lloyd->sizes[c]);

			square += ((double) mean - centroid[f]) * ((double) mean - centroid[f]);
			centroid[f] = mean;
		}
		squares += square;
		lloyd->moves[c] = (float) sqrt(square) * (1 + 2 * FLT_EPSILON);
		if (lloyd->moves[c] > shared->move_largest)
		{
			shared->move_second = shared->move_largest;
			shared->move_largest = lloyd->moves[c];
			shared->move_first = c;
		}
		else if (lloyd->moves[c] > shared->move_second)
			shared->move_second = lloyd->moves[c];
	}
	kmeans_panels_pack(&lloyd->panels, lloyd->centroids);
	return squares;
}

/* What bounds are to do in the next pass. */
static void
choose_bounds(Lloyd *lloyd, bool stale)
{
	Shared *shared = lloyd->shared;
	int64_t pruned = 0;

	for (int64_t chunk = 0; chunk < lloyd->chunks; chunk++)
		pruned += lloyd->chunk[chunk].pruned;
	shared->pruned += (double) pruned;
	shared->passed += (double) lloyd->task->n;
	if (!may_bound(lloyd->task))
		return;
	if (shared->bounds == BOUNDS_USE && (double) pruned < WORTH * (double) lloyd->task->n)
	{
		shared->bounds = BOUNDS_NONE;
		shared->next_bounds = shared->iteration + shared->rest;
		shared->rest *= 2;
	}
	else if (shared->bounds == BOUNDS_TAKE)
		shared->bounds = BOUNDS_USE;
	if (shared->bounds == BOUNDS_NONE && shared->iteration >= shared->next_bounds)
		shared->bounds = BOUNDS_TAKE;
	if (stale && shared->bounds == BOUNDS_USE)
		shared->bounds = BOUNDS_TAKE;
}

/* Behind a pass over the rows. */
static CoreStatus
lead(Lloyd *lloyd)
{
	Shared *shared = lloyd->shared;
	int64_t moved = 0;
	bool filled;
	double squares;
	CoreStatus status;

	add_chunks(lloyd);
	if (shared->finish)
	{
		shared->done = true;
		return CORE_OK;
	}
	for (int64_t chunk = 0; chunk < lloyd->chunks; chunk++)
		moved += lloyd->chunk[chunk].moved;
	if (shared->iteration == 0)
	{
		status = settle_measures(lloyd);
		if (status != CORE_OK)
			return status;
	}
	shared->iteration++;
	lloyd->env->progress(lloyd->env, shared->iteration, lloyd->task->iterations, NAN);
	if (moved == 0)
	{
		shared->converged = shared->done = true; /* the centroids are the means already */
		return CORE_OK;
	}
	status = fill_empty(lloyd, &filled);
	if (status != CORE_OK)
		return status;
	squares = move_centroids(lloyd);
	choose_bounds(lloyd, filled);
	if (!filled && squares <= shared->tolerance)
		shared->converged = shared->finish = true;
	if (shared->iteration >= lloyd->task->iterations)
		shared->finish = true;
	return CORE_OK;
}

static CoreStatus
pass(Lloyd *lloyd)
{
	int64_t chunk;

	while ((chunk = team_claim(&lloyd->team, lloyd->chunks)) >= 0)
		pass_chunk(lloyd, chunk);
	return team_meet(&lloyd->team);
}

static CoreStatus
measure(Lloyd *lloyd)
{
	CoreStatus status;
	int64_t chunk;

	while ((chunk = team_claim(&lloyd->team, lloyd->chunks)) >= 0)
		measure_chunk(lloyd, chunk);
	status = team_meet(&lloyd->team);
	if (status != CORE_OK || !lloyd->env->leader)
		return status;
	lloyd->shared->inertia = 0;
	for (chunk = 0; chunk < lloyd->chunks; chunk++)
		lloyd->shared->inertia += lloyd->chunk[chunk].inertia;
	return CORE_OK;
}

static CoreStatus
iterate(Lloyd *lloyd)
{
	CoreStatus status;

	if (lloyd->env->leader)
		kmeans_panels_pack(&lloyd->panels, lloyd->centroids);
	status = team_meet(&lloyd->team);
	while (status == CORE_OK && !lloyd->shared->done)
	{
		status = pass(lloyd);
		if (status != CORE_OK)
			break;
		if (lloyd->env->leader)
			team_fail(&lloyd->team, lead(lloyd));
		status = team_meet(&lloyd->team);
	}
	if (status == CORE_OK)
		status = measure(lloyd);
	return status == CORE_OK ? team_meet(&lloyd->team) : status;
}

CoreStatus
lloyd_run(Env *env, const LloydTask *task, float *centroids, int32_t *labels, void *shared,
		  KmeansReport *report)
{
	Lloyd lloyd = {.env = env,
				   .task = task,
				   .kernel = kmeans_kernel(task->k),
				   .chunks = chunk_count(task),
				   .stride = stride_of(task),
				   .block = block_rows(task),
				   .centroids = centroids,
				   .labels = labels};
	char *own = env->alloc(env, lloyd_member_bytes(task));
	CoreStatus status;

	lay_out_shared(&lloyd, task, shared);
	lloyd.team = team_join(env, &lloyd.shared->team);
	if (own == NULL)
		team_fail(&lloyd.team, CORE_NO_MEMORY);
	else
		lay_out_member(&lloyd, task, own);
	status = iterate(&lloyd);
	if (own != NULL)
		env->release(env, own);
	report->iterations = lloyd.shared->iteration;
	report->converged = lloyd.shared->converged;
	report->inertia = lloyd.shared->inertia;
	report->pruned = lloyd.shared->passed > 0 ? lloyd.shared->pruned / lloyd.shared->passed : 0;
	return status;
}
