/*
 * hybrid_model.c - several recommenders behind one name: put together, to payload sections and back
 *
 * A member is stored as its own payload, whole, in a section of the hybrid's: a payload is read in place wherever it is aligned,
 * and sections are.  So a hybrid needs no model but itself: members may be pruned, retrained or dropped.  Reading
 * trusts nothing, the members' bytes least of all: each is opened as a payload with its own checksums, by its own kind.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "api/hybrid_model.h"
#include "bridge/memory.h"

#define KIND_BYTES 16

static void *
room(uint64 n, uint64 width)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, memory_mul(Max(n, 1), width));
}

/* ---- put together ---- */

/* place [from] in the union, turned round: [n] the index of each of the union, -1 for what is missing. */
static int32 *
turn_round(const int32 *place, int32 from, int32 n)
{
	int32 *index = room(n, sizeof(int32));

	for (int32 i = 0; i < n; i++)
		index[i] = -1;
	for (int32 i = 0; i < from; i++)
		index[place[i]] = i;
	return index;
}

/* The customers, or the items, of all members as one set; each member's map from it, and where its ids went. */
static IdSet *
join_ids(HybridModel *model, bool customers, int32 **place)
{
	const IdSet *sets[HYBRID_MAX_MEMBERS];
	IdSet *all;

	for (int m = 0; m < model->n; m++)
		sets[m] = customers ? &model->member[m].model->customers : &model->member[m].model->items;
	all = idset_union(sets, model->n, CurrentMemoryContext, place);
	for (int m = 0; m < model->n; m++)
	{
		int32 *index = turn_round(place[m], sets[m]->n, all->n);

		if (customers)
			model->member[m].customer = index;
		else
			model->member[m].item = index;
	}
	return all;
}

typedef struct Had
{
	int32 item;
	float value;
} Had;

/* By item; of one item's, those of earlier members first. */
#define ST_SORT sort_had
#define ST_ELEMENT_TYPE Had
#define ST_COMPARE(a, b) ((a)->item < (b)->item ? -1 : (a)->item > (b)->item)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* What any member knows a customer to have had; returns how many. */
static int32
gather_history(const HybridModel *model, int32 customer, int32 *const *item_place, Had *row)
{
	int32 n = 0;
	int32 kept = 0;

	for (int m = 0; m < model->n; m++)
	{
		const HybridMember *member = &model->member[m];
		int32 index = member->customer[customer];
		Taste history;

		if (index < 0)
			continue;
		history = recommender_history(member->model, index);
		for (int32 i = 0; i < history.n; i++)
			row[n++] = (Had){.item = item_place[m][history.items[i]],
							 .value = history.values != NULL ? history.values[i] : 1};
	}
	sort_had(row, n);
	for (int32 i = 0; i < n; i++)
	{
		if (kept > 0 && row[kept - 1].item == row[i].item)
			row[kept - 1].value = Max(row[kept - 1].value, row[i].value);
		else
			row[kept++] = row[i];
	}
	return kept;
}

static void
join_histories(HybridModel *model, int32 *const *item_place)
{
	Recommender *base = &model->base;
	uint64 entries = 0;
	uint64 longest = 0;
	bool valued = false;
	int64 *start = room((uint64) base->customers.n + 1, sizeof(int64));
	float *buyers = room(base->items.n, sizeof(float));
	int32 *item;
	float *value;
	Had *row;

	for (int m = 0; m < model->n; m++)
	{
		const Recommender *member = model->member[m].model;

		entries += member->seen_start[member->customers.n];
		longest += member->items.n;
		valued |= member->seen_value != NULL;
	}
	item = room(entries, sizeof(int32));
	value = valued ? room(entries, sizeof(float)) : NULL;
	row = room(longest, sizeof(Had));
	memset(buyers, 0, sizeof(float) * base->items.n);
	start[0] = 0;
	for (int32 c = 0; c < base->customers.n; c++)
	{
		int32 n = gather_history(model, c, item_place, row);

		if (unlikely(c % 1024 == 0))
			CHECK_FOR_INTERRUPTS();
		for (int32 i = 0; i < n; i++)
		{
			item[start[c] + i] = row[i].item;
			if (valued)
				value[start[c] + i] = row[i].value;
			buyers[row[i].item] += 1;
		}
		start[c + 1] = start[c] + n;
	}
	pfree(row);
	base->seen_start = start;
	base->seen_item = item;
	base->seen_value = value;
	base->buyers = buyers;
}

HybridModel *
hybrid_make(const HybridMember *members, int n, bool repeats)
{
	HybridModel *model = palloc0(sizeof(HybridModel));
	int32 *customer_place[HYBRID_MAX_MEMBERS];
	int32 *item_place[HYBRID_MAX_MEMBERS];

	model->n = n;
	memcpy(model->member, members, sizeof(HybridMember) * n);
	model->base.customers = *join_ids(model, true, customer_place);
	model->base.items = *join_ids(model, false, item_place);
	model->base.repeats = repeats;
	join_histories(model, item_place);
	for (int m = 0; m < n; m++)
	{
		pfree(customer_place[m]);
		pfree(item_place[m]);
	}
	hybrid_set_methods(model);
	return model;
}

/* ---- writing ---- */

/* Each map is made, and copied to be written; members of one shop know much the same customers and items. */
uint64
hybrid_bytes(const HybridMember *members, int n)
{
	uint64 ids = 0;
	uint64 customers = 0;
	uint64 items = 0;
	uint64 entries = 0;
	uint64 bytes = 0;

	for (int m = 0; m < n; m++)
	{
		const Recommender *model = members[m].model;

		customers = Max(customers, (uint64) model->customers.n);
		items = Max(items, (uint64) model->items.n);
		ids = memory_add(ids, (uint64) model->customers.n + model->items.n);
		entries = memory_add(entries, model->seen_start[model->customers.n]);
		bytes = memory_add(bytes, members[m].loaded->version->payload_bytes);
	}
	bytes = memory_add(bytes, memory_mul(ids, 2 * sizeof(int64)));
	bytes = memory_add(bytes, memory_mul(memory_add(customers, items), 2 * sizeof(int32) * (uint64) n));
	return memory_add(bytes, memory_mul(entries, sizeof(int32) + sizeof(float)));
}

/* A member's payload as it is stored. */
static void
write_member(const HybridMember *member, int m, PgEnv *env, Payload *payload)
{
	PayloadWriter *writer;
	uint64 bytes;
	char *stream;

	env_check(env, payload_writer_open(&env->base, &member->loaded->payload, &writer), "writing the model");
	bytes = payload_writer_bytes(writer);
	stream = room(bytes, 1);
	for (uint64 at = 0; at < bytes; at += 1 << 20)
	{
		CHECK_FOR_INTERRUPTS();
		payload_writer_copy(writer, at, Min(bytes - at, 1 << 20), stream + at);
	}
	payload_writer_close(&env->base, writer);
	payload_add(payload, psprintf("member_%d", m), 1, bytes, stream);
}

void
hybrid_model_write(const HybridModel *model, PgEnv *env, Payload *payload)
{
	uint64 customers = model->base.customers.n;
	uint64 items = model->base.items.n;
	double *weights = palloc(sizeof(double) * model->n);
	char *kinds = palloc0(KIND_BYTES * model->n);
	uint32 *repeats = palloc(sizeof(uint32));
	int32 *customer = room(model->n * customers, sizeof(int32));
	int32 *item = room(model->n * items, sizeof(int32));

	*repeats = model->base.repeats;
	for (int m = 0; m < model->n; m++)
	{
		weights[m] = model->member[m].weight;
		strlcpy(kinds + m * KIND_BYTES, model->member[m].loaded->version->kind, KIND_BYTES);
		memcpy(customer + m * customers, model->member[m].customer, sizeof(int32) * customers);
		memcpy(item + m * items, model->member[m].item, sizeof(int32) * items);
	}
	payload_add(payload, "repeats", sizeof(uint32), 1, repeats);
	recommender_write(&model->base, payload);
	payload_add(payload, "member_weights", sizeof(double), model->n, weights);
	payload_add(payload, "member_kinds", 1, (uint64) KIND_BYTES * model->n, kinds);
	payload_add(payload, "member_customers", sizeof(int32), model->n * customers, customer);
	payload_add(payload, "member_items", sizeof(int32), model->n * items, item);
	for (int m = 0; m < model->n; m++)
		write_member(&model->member[m], m, env, payload);
}

/* ---- reading ---- */

static bool
map_is_good(const Payload *payload, const int32 *map, int32 n, int32 limit)
{
	for (int32 i = 0; i < n && !payload->trusted; i++)
		if (map[i] < -1 || map[i] >= limit)
			return false;
	return true;
}

/* Open a member's payload where it stands; it carries the hybrid's version, for it has no other here. */
static bool
open_member(const LoadedModel *hybrid, int m, const char *kind, MemoryContext memory, HybridMember *member)
{
	LoadedModel *loaded = MemoryContextAllocZero(memory, sizeof(LoadedModel));
	ModelVersion *version = MemoryContextAllocZero(memory, sizeof(ModelVersion));
	uint64 bytes;
	void *stream = (void *) payload_get(&hybrid->payload, psprintf("member_%d", m), 1, &bytes);
	CoreStatus status;
	PgEnv env;

	if (stream == NULL || memchr(kind, 0, KIND_BYTES) == NULL || kind[0] == '\0' ||
		strspn(kind, "abcdefghijklmnopqrstuvwxyz_") != strlen(kind))
		return false;
	env_init(&env, memory);
	status = hybrid->payload.trusted ? payload_open(stream, bytes, &loaded->payload)
									 : payload_read(&env.base, stream, bytes, &loaded->payload);
	if (status == CORE_CORRUPT)
		return false;
	env_check(&env, status, "loading the model");
	*version = *hybrid->version;
	version->kind = MemoryContextStrdup(memory, kind);
	version->payload_bytes = (int64) bytes;
	loaded->version = version;
	if (!kind_find(kind)->recommends || !kind_find(kind)->load(loaded, memory))
		return false;
	member->loaded = loaded;
	member->model = loaded->state;
	return !member->model->methods->rated;
}

bool
hybrid_model_load(LoadedModel *loaded, MemoryContext memory)
{
	const Payload *payload = &loaded->payload;
	HybridModel *model = MemoryContextAllocZero(memory, sizeof(HybridModel));
	uint64 n;
	const double *weights = payload_get(payload, "member_weights", sizeof(double), &n);
	const uint32 *repeats = recommender_section(payload, "repeats", sizeof(uint32), 1);
	const char *kinds;
	const int32 *customer;
	const int32 *item;

	check_stack_depth(); /* members may be hybrids, and bytes may be made up */
	if (weights == NULL || repeats == NULL || n < 1 || n > HYBRID_MAX_MEMBERS ||
		!recommender_read(loaded, &model->base))
		return false;
	model->n = (int) n;
	model->base.repeats = *repeats != 0;
	kinds = recommender_section(payload, "member_kinds", 1, KIND_BYTES * n);
	customer = recommender_section(payload, "member_customers", sizeof(int32), n * model->base.customers.n);
	item = recommender_section(payload, "member_items", sizeof(int32), n * model->base.items.n);
	if (kinds == NULL || customer == NULL || item == NULL)
		return false;
	for (int m = 0; m < model->n; m++)
	{
		HybridMember *member = &model->member[m];

		member->weight = weights[m];
		member->customer = customer + (Size) m * model->base.customers.n;
		member->item = item + (Size) m * model->base.items.n;
		if (!(member->weight >= 0 && member->weight <= 1) ||
			!open_member(loaded, m, kinds + m * KIND_BYTES, memory, member) ||
			!map_is_good(payload, member->customer, model->base.customers.n, member->model->customers.n) ||
			!map_is_good(payload, member->item, model->base.items.n, member->model->items.n))
			return false;
	}
	hybrid_set_methods(model);
	loaded->state = model;
	return true;
}
