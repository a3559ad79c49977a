/*
 * hierarchical_tree.c - the merges of a hierarchy as rows: hierarchical_tree
 *
 * The source's first column is an id, all others are features.  Leaves are numbered from 1 in the order of ids, step i makes
 * node n + i: SciPy's linkage matrix, counted from 1 and with the leaves' ids.  Rows go into the core sorted by value, equal
 * ones by id, so nothing depends on the order in which they came.
 *
 * Memory beside the table: the features again as a matrix, 4 bytes a row for the order, 24 for the merges, and hierarchy_bytes.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "api/linkage.h"
#include "api/standardize.h"
#include "api/table.h"
#include "bridge/args.h"
#include "bridge/memory.h"
#include "bridge/rows.h"
#include "core/segment/hierarchy.h"
#include "core/segment/points.h"

#define TREE_COLUMNS 9
#define MAX_LEAVES (PG_INT32_MAX / 2)

PG_FUNCTION_INFO_V1(promoai_hierarchical_tree);

const char *const linkage_choices[] = {[LINKAGE_WARD] = "ward",
									   [LINKAGE_COMPLETE] = "complete",
									   [LINKAGE_AVERAGE] = "average",
									   [LINKAGE_SINGLE] = "single",
									   NULL};

typedef struct Tree
{
	char *source;
	char *memory;
	int32 linkage;
	int32 standardize;
	Table table;
	int32 n;
	int32 width;
	double *x; /* [n x width] sorted by value */
	int32 *leaf; /* [n] the sorted rows' places by id, from 0 */
	Merge *merge; /* [n - 1] of sorted rows */
} Tree;

static void
read_arguments(Tree *tree, const Args *args)
{
	const Option table[] = {
		{"linkage", OPTION_CHOICE, offsetof(Tree, linkage), .choices = linkage_choices},
		{"standardize", OPTION_CHOICE, offsetof(Tree, standardize), .choices = standardize_choices},
		{NULL}};

	tree->source = args_text(args, "source");
	tree->memory = args_text_or_null(args, "memory");
	options_from_call(table, args, tree);
	tree->table.limit = memory_limit(tree->memory);
}

/* An id, then features; a column that is missing is asked for all the same, so that reading says what was expected. */
static void
choose_columns(Tree *tree)
{
	int n_fields;
	SourceField *fields = source_describe(tree->source, &n_fields);
	Table *table = &tree->table;

	table->n_columns = Max(n_fields, 2);
	table->columns = palloc0(sizeof(SourceColumn) * table->n_columns);
	for (int c = 0; c < table->n_columns; c++)
	{
		table->columns[c].name = c < n_fields ? fields[c].name : c == 0 ? "id" : "feature";
		table->columns[c].kind = c == 0 ? SOURCE_ID : SOURCE_NUMBER;
	}
	tree->width = table->n_columns - 1;
}

static uint64
tree_need(const void *arg, uint64 rows)
{
	const Tree *tree = arg;
	int32 n = (int32) Min(rows, MAX_LEAVES);
	uint64 own = memory_add(memory_mul(rows, memory_mul(tree->width, sizeof(double))),
							memory_mul(rows, sizeof(int32) + sizeof(Merge)));
	uint64 work = hierarchy_bytes(n, tree->width, (Linkage) tree->linkage);
	uint64 before =
		Max(points_sort_bytes(n, tree->width), standardize_bytes(tree->standardize, n, tree->width));

	return memory_add(own, Max(work, before));
}

static void
read_table(Tree *tree)
{
	Table *table = &tree->table;

	table->memory = CurrentMemoryContext;
	table->what = "hierarchical_tree";
	table->need = tree_need;
	table->need_arg = tree;
	table_read(tree->source, table);
	if (table->n > MAX_LEAVES)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("hierarchical_tree takes at most %d rows", MAX_LEAVES)));
	tree->n = (int32) table->n;
}

/* The table's rows by id.  Fewer ids than rows: one of them repeats. */
static void
fill_matrix(Tree *tree)
{
	const Table *table = &tree->table;

	tree->x = MemoryContextAllocHuge(table->memory, sizeof(double) * (Size) tree->n * tree->width);
	tree->leaf = MemoryContextAllocHuge(table->memory, sizeof(int32) * (Size) tree->n);
	for (int32 i = 0; i < tree->n; i++)
		tree->leaf[i] = -1;
	for (int32 i = 0; i < tree->n; i++)
	{
		int32 leaf = table->index[0][i];

		if (unlikely(i % 65536 == 0))
			CHECK_FOR_INTERRUPTS();
		if (tree->leaf[leaf] >= 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("id \"%s\" stands in several rows of the source", table_key_text(table, 0, leaf)),
					 errhint("Each row is a leaf of the tree and needs an id of its own.")));
		tree->leaf[leaf] = leaf;
		for (int32 c = 0; c < tree->width; c++)
			tree->x[(Size) leaf * tree->width + c] = table->number[c + 1][i] + 0.0; /* -0 becomes 0 */
	}
}

static void
build_tree(Tree *tree)
{
	PgEnv env;

	fill_matrix(tree);
	tree->merge = MemoryContextAllocHuge(tree->table.memory, sizeof(Merge) * (Size) tree->n);
	env_init(&env, tree->table.memory);
	env_check(&env, points_sort(&env.base, tree->x, tree->n, tree->width, tree->leaf), "sorting rows");
	standardize_rows(&env, tree->standardize, tree->x, tree->n, tree->width);
	env_check(&env,
			  hierarchy_merges(&env.base, tree->x, tree->n, tree->width, (Linkage) tree->linkage, tree->merge,
							   NULL),
			  "merging clusters");
}

/* A node of the merges as the answer numbers it. */
static int64
node_number(const Tree *tree, int32 node)
{
	return (int64) (node < tree->n ? tree->leaf[node] : node) + 1;
}

/* Columns (node, id, id_no), the last two for leaves only. */
static void
put_node(const Tree *tree, int64 number, Datum *values, bool *nulls)
{
	const IdSet *ids = tree->table.ids[0];
	bool leaf = number <= tree->n;

	values[0] = Int64GetDatum(number);
	nulls[1] = !leaf;
	nulls[2] = !leaf || ids->kind != ID_INTEGER;
	if (leaf)
		values[1] = CStringGetTextDatum(idset_text(ids, (int32) number - 1));
	if (!nulls[2])
		values[2] = Int64GetDatum(ids->numbers[number - 1]);
}

static void
put_merges(const Tree *tree, ReturnSetInfo *rows)
{
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "promoai row", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);

	for (int32 i = 0; i < tree->n - 1; i++)
	{
		const Merge *merge = &tree->merge[i];
		int64 a = node_number(tree, merge->left);
		int64 b = node_number(tree, merge->right);
		Datum values[TREE_COLUMNS] = {0};
		bool nulls[TREE_COLUMNS] = {false};

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(scratch);
		values[0] = Int64GetDatum((int64) i + 1);
		put_node(tree, Min(a, b), values + 1, nulls + 1);
		put_node(tree, Max(a, b), values + 4, nulls + 4);
		values[7] = Float8GetDatum(merge->distance);
		values[8] = Int64GetDatum((int64) merge->rows);
		rows_put(rows, values, nulls);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}

Datum
promoai_hierarchical_tree(PG_FUNCTION_ARGS)
{
	Tree tree = {0};
	ReturnSetInfo *rows;

	read_arguments(&tree, args_open(fcinfo));
	choose_columns(&tree);
	read_table(&tree);
	rows = rows_open(fcinfo);
	if (tree.n > 0)
	{
		build_tree(&tree);
		put_merges(&tree, rows);
	}
	return (Datum) 0;
}
