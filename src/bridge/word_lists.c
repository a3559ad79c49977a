/*
 * word_lists.c - the user's dictionary, stop words and default phrases
 *
 * The tables carry no grants for those who only use them: their rows are read by a scan under the active snapshot, as the
 * registry's are, which also works on standbys and in parallel workers.  Where a table is missing (the extension has not been
 * updated yet, or is not there) its list is empty.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "bridge/compat.h"
#include "bridge/word_lists.h"

/* Neither negations nor words of praise and blame are among them: they carry what reviews are about. */
const char *const word_lists_english =
	"a about after again all also am an and any are as at be because been before being both but by can could did "
	"do does doing down during each few for from further had has have having he her here hers herself him himself "
	"his how i i'd i'll i'm i've if in into is it it's its itself just let's me more most my myself of off on once "
	"only or other our ours ourselves out over own same she should so some such than that that's the their theirs "
	"them themselves then there there's these they they're this those through to too under until up us was we "
	"we're were what what's when where which while who whom why will with would you you're your yours yourself "
	"yourselves";
const char *const word_lists_chinese =
	"的 了 着 过 地 得 之 和 与 及 或 而 且 在 于 从 到 向 对 把 被 给 让 以 为 因 是 有 也 都 就 还 又 再 才 只 "
	"我 你 您 他 她 它 我们 你们 他们 她们 它们 咱们 自己 这 那 这个 那个 这些 那些 这里 那里 这样 那样 哪 哪里 什么 "
	"一 一个 一些 个 吗 呢 吧 啊 呀 哦 嗯 嘛 啦 因为 所以 但是 可是 而且 并且 或者 以及 如果 然后 就是 还是 还有 "
	"于是 虽然 关于 对于 等 等等 时 时候";

/* What shops of the large platforms show where nothing was written. */
const char *const word_lists_phrases[] = {"此用户没有填写评价",
										  "此用户没有填写评价。",
										  "此用户没有填写评价!",
										  "此用户没有填写评论",
										  "此用户没有填写评论!",
										  "此用户没有填写评价内容",
										  "该用户没有填写评价",
										  "该用户未填写评价内容",
										  "用户未填写评价内容",
										  "用户没有填写评价",
										  "评价方未及时做出评价,系统默认好评!",
										  "系统默认好评",
										  "系统默认评价",
										  "默认好评",
										  "no comment",
										  "no review",
										  NULL};

WordListStamp
word_lists_stamp(void)
{
	Snapshot snapshot = GetActiveSnapshot();

	return (WordListStamp){.xmin = snapshot->xmin,
						   .xmax = snapshot->xmax,
						   .command = snapshot->curcid,
						   .completed = snapshot->snapXactCompletionCount,
						   .subtransaction = GetCurrentSubTransactionId()};
}

bool
word_lists_same(const WordListStamp *left, const WordListStamp *right)
{
	return left->xmin == right->xmin && left->xmax == right->xmax && left->command == right->command &&
		   left->completed == right->completed && left->subtransaction == right->subtransaction;
}

typedef struct Scan
{
	Relation relation; /* NULL: there is no such table */
	TableScanDesc scan;
	TupleTableSlot *slot;
} Scan;

/* Is it the table that the extension made?  Whoever owns the schema may put a view, or other columns, in its place. */
static bool
has_columns(Relation relation, const Oid *type, int n)
{
	TupleDesc columns = RelationGetDescr(relation);

	if (relation->rd_rel->relkind != RELKIND_RELATION || columns->natts < n)
		return false;
	for (int i = 0; i < n; i++)
		if (TupleDescAttr(columns, i)->atttypid != type[i] || !TupleDescAttr(columns, i)->attnotnull)
			return false;
	return true;
}

static void
scan_open(Scan *scan, const char *table, const Oid *type, int n)
{
	Oid schema = get_namespace_oid("promoai", true);
	Oid relation = OidIsValid(schema) ? get_relname_relid(table, schema) : InvalidOid;

	*scan = (Scan){0};
	if (!OidIsValid(relation))
		return;
	scan->relation = relation_open(relation, AccessShareLock);
	if (!has_columns(scan->relation, type, n))
		ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("promoai.%s is not the table that the extension made", table));
	scan->slot = table_slot_create(scan->relation, NULL);
	scan->scan = table_beginscan(scan->relation, GetActiveSnapshot(), 0, NULL);
}

static bool
scan_next(Scan *scan)
{
	if (scan->relation == NULL)
		return false;
	CHECK_FOR_INTERRUPTS();
	if (table_scan_getnextslot(scan->scan, ForwardScanDirection, scan->slot))
		return true;
	table_endscan(scan->scan);
	ExecDropSingleTupleTableSlot(scan->slot);
	relation_close(scan->relation, AccessShareLock);
	return false;
}

void
word_lists_dictionary(void (*word)(void *arg, const char *bytes, Size n), void *arg)
{
	Scan scan;

	scan_open(&scan, "text_dictionary", (Oid[]){TEXTOID}, 1);
	while (scan_next(&scan))
	{
		bool is_null;
		text *value = DatumGetTextPP(slot_getattr(scan.slot, 1, &is_null));

		word(arg, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	}
}

void
word_lists_default_phrases(void (*phrase)(void *arg, const char *bytes, Size n), void *arg)
{
	Scan scan;

	scan_open(&scan, "text_default_phrases", (Oid[]){TEXTOID}, 1);
	while (scan_next(&scan))
	{
		bool is_null;
		text *value = DatumGetTextPP(slot_getattr(scan.slot, 1, &is_null));

		phrase(arg, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	}
}

void
word_lists_stop(void (*word)(void *arg, const char *bytes, Size n, bool stop), void *arg)
{
	Scan scan;

	scan_open(&scan, "text_stop_words", (Oid[]){TEXTOID, TEXTOID, BOOLOID}, 3);
	while (scan_next(&scan))
	{
		bool is_null;
		text *value = DatumGetTextPP(slot_getattr(scan.slot, 2, &is_null));

		word(arg, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value),
			 DatumGetBool(slot_getattr(scan.slot, 3, &is_null)));
	}
}
