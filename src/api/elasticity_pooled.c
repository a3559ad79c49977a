/*
 * elasticity_pooled.c - promo_elasticity_pooled: price elasticities by product, pooled towards the category
 *
 * Columns of the source: item, category, quantity, price, covariates.  Rows whose quantity or price is zero or below have no
 * logarithm: they are left out and counted by product.  An item belongs to one category.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"

#include "api/table.h"
#include "bridge/args.h"
#include "bridge/env.h"
#include "bridge/memory.h"
#include "bridge/rows.h"
#include "core/promote/pool.h"
#include "core/stats.h"

enum
{
	COLUMN_ITEM,
	COLUMN_CATEGORY,
	COLUMN_QUANTITY,
	COLUMN_PRICE,
	COLUMN_COVARIATE /* the first */
};

#define MAX_COVARIATES 50
#define ANSWER_COLUMNS 15

typedef struct Elasticity
{
	Table table;
	int32 items;
	int32 categories;
	int32 *category; /* [items] */
	int64 *unused; /* [items] rows without a logarithm */
	OwnFit *own; /* [items] */
	Pooled *pooled; /* [items] */
	PoolMean *mean; /* [categories + 1] */
	VariancePrior prior;
} Elasticity;

static uint64
sort_need(const void *arg, uint64 rows)
{
	return design_scratch_bytes((int64) rows);
}

static void
read_rows(Elasticity *elasticity, const char *source)
{
	static const SourceColumn columns[] = {
		[COLUMN_ITEM] = {.name = "item", .kind = SOURCE_ID},
		[COLUMN_CATEGORY] = {.name = "category", .kind = SOURCE_ID},
		[COLUMN_QUANTITY] = {.name = "quantity", .kind = SOURCE_NUMBER},
		[COLUMN_PRICE] = {.name = "price", .kind = SOURCE_NUMBER},
	};
	Table *table = &elasticity->table;
	int n;
	SourceField *fields = source_describe(source, &n);

	if (n > COLUMN_COVARIATE + MAX_COVARIATES)
		ereport(ERROR, (errcode(ERRCODE_TOO_MANY_COLUMNS),
						errmsg("source has %d covariates, more than the %d that are possible",
							   n - COLUMN_COVARIATE, MAX_COVARIATES)));
	table->n_columns = Max(n, COLUMN_COVARIATE);
	table->columns = palloc0(sizeof(SourceColumn) * table->n_columns);
	memcpy(table->columns, columns, sizeof(columns));
	for (int i = COLUMN_COVARIATE; i < n; i++)
		table->columns[i] = (SourceColumn){.name = fields[i].name, .kind = SOURCE_LEVEL};
	table->what = "fitting elasticities";
	table->need = sort_need;
	table_read(source, table);
	table_note_skipped(table);
	elasticity->items = table->n == 0 ? 0 : table->ids[COLUMN_ITEM]->n;
	elasticity->categories = table->n == 0 ? 0 : table->ids[COLUMN_CATEGORY]->n;
}

static void *
per_item(const Elasticity *elasticity, Size size)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, size * Max(elasticity->items, 1),
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* Each item's category; ERROR when it has two. */
static void
find_categories(Elasticity *elasticity)
{
	const Table *table = &elasticity->table;
	int32 worst = PG_INT32_MAX; /* the first item with two, whatever the order of rows */

	elasticity->category = per_item(elasticity, sizeof(int32));
	for (int32 i = 0; i < elasticity->items; i++)
		elasticity->category[i] = -1;
	for (int64 i = 0; i < table->n; i++)
	{
		int32 item = table->index[COLUMN_ITEM][i];
		int32 category = table->index[COLUMN_CATEGORY][i];

		if (unlikely(i % 65536 == 0))
			CHECK_FOR_INTERRUPTS();
		if (elasticity->category[item] >= 0 && elasticity->category[item] != category)
			worst = Min(worst, item);
		elasticity->category[item] = category;
	}
	if (worst < PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("item \"%s\" has several categories", table_key_text(table, COLUMN_ITEM, worst)),
				 errhint("Give each item one category, such as min(category) by item.")));
}

/* Keep the rows that have logarithms, and take them. */
static void
take_logs(Elasticity *elasticity)
{
	Table *table = &elasticity->table;
	double *quantity = table->number[COLUMN_QUANTITY];
	double *price = table->number[COLUMN_PRICE];
	int64 kept = 0;

	elasticity->unused = per_item(elasticity, sizeof(int64));
	for (int64 i = 0; i < table->n; i++)
	{
		if (unlikely(i % 65536 == 0))
			CHECK_FOR_INTERRUPTS();
		if (!(quantity[i] > 0 && price[i] > 0))
		{
			elasticity->unused[table->index[COLUMN_ITEM][i]]++;
			continue;
		}
		table->index[COLUMN_ITEM][kept] = table->index[COLUMN_ITEM][i];
		for (int c = COLUMN_COVARIATE; c < table->n_columns; c++)
			table->number[c][kept] = table->number[c][i];
		quantity[kept] = log(quantity[i]);
		price[kept] = log(price[i]);
		kept++;
	}
	table->n = kept;
}

static void
estimate(Elasticity *elasticity)
{
	Table *table = &elasticity->table;
	Design design = {.n = table->n,
					 .n_groups = 1,
					 .group = &table->index[COLUMN_ITEM],
					 .levels = &elasticity->items,
					 .n_columns = table->n_columns - COLUMN_QUANTITY,
					 .column = table->number + COLUMN_QUANTITY};
	PgEnv env;

	elasticity->own = per_item(elasticity, sizeof(OwnFit));
	elasticity->pooled = per_item(elasticity, sizeof(Pooled));
	elasticity->mean = palloc0(sizeof(PoolMean) * ((Size) elasticity->categories + 1));
	env_init(&env, table->memory);
	env_check(&env, design_settle(&env.base, &design), "sorting rows");
	env_check(&env, pool_fit_own(&env.base, &design, elasticity->own), "fitting products");
	env_check(&env,
			  pool_products(&env.base, elasticity->own, elasticity->category, elasticity->items,
							elasticity->categories, &elasticity->prior, elasticity->mean, elasticity->pooled),
			  "pooling products");
}

static void
put_number(Datum *values, bool *nulls, int column, double number)
{
	values[column] = Float8GetDatum(number);
	nulls[column] = !isfinite(number);
}

static void
put_item(const Elasticity *elasticity, int32 item, ReturnSetInfo *rows)
{
	static const char *const towards[] = {"category", "all products", NULL};
	const Table *table = &elasticity->table;
	const OwnFit *own = &elasticity->own[item];
	const Pooled *pooled = &elasticity->pooled[item];
	const PoolMean *mean =
		&elasticity
			 ->mean[pooled->kind == POOL_CATEGORY ? elasticity->category[item] : elasticity->categories];
	IdKey key = idset_key(table->ids[COLUMN_ITEM], item);
	double half = student_t_quantile(0.975, pooled->df) * pooled->std_error;
	Datum values[ANSWER_COLUMNS];
	bool nulls[ANSWER_COLUMNS] = {0};

	values[0] = CStringGetTextDatum(id_text(&key));
	values[1] = Int64GetDatum(key.number);
	nulls[1] = key.kind != ID_INTEGER;
	values[2] = CStringGetTextDatum(table_key_text(table, COLUMN_CATEGORY, elasticity->category[item]));
	values[3] = Int64GetDatum(own->rows);
	values[4] = Int64GetDatum(elasticity->unused[item]);
	put_number(values, nulls, 5, pooled->slope);
	put_number(values, nulls, 6, isnan(pooled->slope) ? NAN : pooled->std_error);
	put_number(values, nulls, 7, pooled->slope - half);
	put_number(values, nulls, 8, pooled->slope + half);
	put_number(values, nulls, 9, own->slope);
	put_number(values, nulls, 10, sqrt(own->variance * own->scale));
	put_number(values, nulls, 11, pooled->own_weight);
	put_number(values, nulls, 12, pooled->kind == POOL_NONE ? NAN : mean->mean);
	put_number(values, nulls, 13, pooled->kind == POOL_NONE ? NAN : sqrt(mean->spread2));
	nulls[14] = towards[pooled->kind] == NULL;
	if (!nulls[14])
		values[14] = CStringGetTextDatum(towards[pooled->kind]);
	rows_put(rows, values, nulls);
}

/*
 * promo_elasticity_pooled(source, memory) -> (item, item_no, category, rows_used, rows_unused, elasticity, std_error, ci_low,
 *		ci_high, own_elasticity, own_std_error, own_weight, pooled_mean, pooled_spread, pooled_towards)
 */
PG_FUNCTION_INFO_V1(promoai_promo_elasticity_pooled);
Datum
promoai_promo_elasticity_pooled(PG_FUNCTION_ARGS)
{
	Args *args = args_open(fcinfo);
	char *source = args_text(args, "source");
	Elasticity elasticity = {0};
	ReturnSetInfo *rows;
	MemoryContext per_row;

	elasticity.table.memory = CurrentMemoryContext;
	elasticity.table.limit = memory_limit(args_text_or_null(args, "memory"));
	read_rows(&elasticity, source);
	rows = rows_open(fcinfo);
	if (elasticity.items == 0)
		return (Datum) 0;
	find_categories(&elasticity);
	take_logs(&elasticity);
	estimate(&elasticity);
	per_row = AllocSetContextCreate(CurrentMemoryContext, "promoai product", ALLOCSET_DEFAULT_SIZES);
	for (int32 item = 0; item < elasticity.items; item++)
	{
		MemoryContext caller = MemoryContextSwitchTo(per_row);

		CHECK_FOR_INTERRUPTS();
		put_item(&elasticity, item, rows);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(per_row);
	}
	return (Datum) 0;
}
