/*
 * recommender.c - what every model that recommends has in common: its histories, to payload sections and back
 *
 * Reading trusts nothing: the sections' lengths must agree with one another and every stored index must be in range,
 * since the checksum of a payload proves only that it is whole, not that it was made by us.  Where all of that was done
 * before, in the same bytes, only the pointers are set.
 */
#include "postgres.h"

#include "api/recommender.h"

const Recommender *
recommender_of(const LoadedModel *loaded)
{
	const char *kind = loaded->version->kind;

	if (!kind_find(kind)->recommends)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("a model of kind \"%s\" gives no recommendations", kind),
						errhint("Use a model trained by promoai.mf_train or promoai.cf_train.")));
	return loaded->state;
}

Taste
recommender_history(const Recommender *model, int32 customer)
{
	Taste taste = {.customer = -1};

	taste.items = recommender_seen(model, customer, &taste.n);
	if (model->seen_value != NULL)
		taste.values = model->seen_value + model->seen_start[customer];
	return taste;
}

void
recommender_write(const Recommender *model, Payload *payload)
{
	uint64 customers = model->customers.n;
	uint64 entries = model->seen_start[customers];

	idset_write(&model->customers, "customer", payload);
	idset_write(&model->items, "item", payload);
	payload_add(payload, "seen_start", sizeof(int64), customers + 1, model->seen_start);
	payload_add(payload, "seen_item", sizeof(int32), entries, model->seen_item);
	if (model->seen_value != NULL)
		payload_add(payload, "seen_value", sizeof(float), entries, model->seen_value);
	payload_add(payload, "buyers", sizeof(float), model->items.n, model->buyers);
}

const void *
recommender_section(const Payload *payload, const char *name, uint32 width, uint64 count)
{
	uint64 found;
	const void *data = payload_get(payload, name, width, &found);

	return found == count ? data : NULL;
}

bool
recommender_rows_good(const Payload *payload, const int64 *start, int32 n_rows, const int32 *index,
					  uint64 entries, int32 limit)
{
	if (start == NULL || index == NULL || start[0] != 0 || start[n_rows] != (int64) entries)
		return false;
	for (int32 r = 0; r < n_rows && !payload->trusted; r++)
	{
		if (start[r] > start[r + 1] || start[r + 1] > (int64) entries)
			return false;
		for (int64 i = start[r]; i < start[r + 1]; i++)
			if (index[i] < 0 || index[i] >= limit || (i > start[r] && index[i] <= index[i - 1]))
				return false;
	}
	return true;
}

bool
recommender_read(const LoadedModel *loaded, Recommender *model)
{
	const Payload *payload = &loaded->payload;
	uint64 entries;
	uint64 values;

	if (!idset_read(payload, "customer", &model->customers) || !idset_read(payload, "item", &model->items))
		return false;
	model->version = loaded->version->id;
	model->seen_start =
		recommender_section(payload, "seen_start", sizeof(int64), (uint64) model->customers.n + 1);
	model->seen_item = payload_get(payload, "seen_item", sizeof(int32), &entries);
	model->seen_value = payload_get(payload, "seen_value", sizeof(float), &values);
	model->buyers = recommender_section(payload, "buyers", sizeof(float), model->items.n);
	return model->buyers != NULL && (model->seen_value == NULL || values == entries) &&
		   recommender_rows_good(payload, model->seen_start, model->customers.n, model->seen_item, entries,
								 model->items.n);
}
