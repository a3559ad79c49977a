/*
 * server.c - see server.h
 */
#include "postgres.h"

#include <setjmp.h>
#include <stdlib.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "core/text/characters.h"
#include "worker/worker.h"

#include "server.h"

#define MOST_BYTES ((Size) 256 << 20) /* of a block: more is "out of memory" */

extern void _PG_init(void);

/* ---- memory ---- */

typedef struct Context Context;

typedef struct Block
{
	struct Block *next;
	struct Block *before;
	Context *context;
	Size bytes;
} Block;

/* In a MemoryContext's place: nobody looks into one. */
struct Context
{
	Context *parent;
	Context *child; /* the first */
	Context *next; /* of the same parent */
	Block blocks; /* a ring that begins here */
	MemoryContextCallback *callbacks;
};

static Context top;
MemoryContext CurrentMemoryContext;
MemoryContext TopMemoryContext;
MemoryContext CacheMemoryContext;
MemoryContext ErrorContext;

static Context *
context_new(Context *parent)
{
	Context *context = calloc(1, sizeof(Context));

	if (context == NULL)
		abort();
	context->parent = parent;
	context->blocks.next = context->blocks.before = &context->blocks;
	context->next = parent->child;
	parent->child = context;
	return context;
}

MemoryContext
AllocSetContextCreateInternal(MemoryContext parent, const char *name, Size min, Size initial, Size max)
{
	return (MemoryContext) context_new(parent == NULL ? &top : (Context *) parent);
}

static void
context_empty(Context *context)
{
	while (context->child != NULL)
		MemoryContextDelete((MemoryContext) context->child);
	for (MemoryContextCallback *callback = context->callbacks; callback != NULL; callback = callback->next)
		callback->func(callback->arg);
	context->callbacks = NULL;
	while (context->blocks.next != &context->blocks)
		pfree(context->blocks.next + 1);
}

void
MemoryContextReset(MemoryContext context)
{
	context_empty((Context *) context);
}

void
MemoryContextDelete(MemoryContext given)
{
	Context *context = (Context *) given;
	Context **link = &context->parent->child;

	context_empty(context);
	while (*link != context)
		link = &(*link)->next;
	*link = context->next;
	free(context);
}

void
MemoryContextRegisterResetCallback(MemoryContext given, MemoryContextCallback *callback)
{
	Context *context = (Context *) given;

	callback->next = context->callbacks;
	context->callbacks = callback;
}

Size
MemoryContextMemAllocated(MemoryContext given, bool recurse)
{
	Context *context = (Context *) given;
	Size bytes = 0;

	for (Block *block = context->blocks.next; block != &context->blocks; block = block->next)
		bytes += block->bytes;
	for (Context *child = context->child; recurse && child != NULL; child = child->next)
		bytes += MemoryContextMemAllocated((MemoryContext) child, true);
	return bytes;
}

void *
MemoryContextAllocExtended(MemoryContext given, Size bytes, int flags)
{
	Context *context = (Context *) given;
	Block *block;

	if (bytes > MaxAllocSize && (flags & MCXT_ALLOC_HUGE) == 0)
		elog(ERROR, "invalid memory alloc request size %zu", bytes);
	block = bytes > MOST_BYTES ? NULL : malloc(sizeof(Block) + bytes);
	if (block == NULL && (flags & MCXT_ALLOC_NO_OOM) != 0)
		return NULL;
	if (block == NULL)
		ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"));
	*block = (Block){
		.next = &context->blocks, .before = context->blocks.before, .context = context, .bytes = bytes};
	block->before->next = block;
	block->next->before = block;
	memset(block + 1, (flags & MCXT_ALLOC_ZERO) != 0 ? 0 : 0x7f, bytes);
	return block + 1;
}

void
pfree(void *pointer)
{
	Block *block = (Block *) pointer - 1;

	block->before->next = block->next;
	block->next->before = block->before;
	free(block);
}

static void *
resize(void *pointer, Size bytes, int flags)
{
	Block *block = (Block *) pointer - 1;
	void *grown = MemoryContextAllocExtended((MemoryContext) block->context, bytes, flags);

	memcpy(grown, pointer, Min(bytes, block->bytes));
	pfree(pointer);
	return grown;
}

void *
repalloc(void *pointer, Size bytes)
{
	return resize(pointer, bytes, 0);
}

void *
repalloc_huge(void *pointer, Size bytes)
{
	return resize(pointer, bytes, MCXT_ALLOC_HUGE);
}

void *
MemoryContextAlloc(MemoryContext context, Size bytes)
{
	return MemoryContextAllocExtended(context, bytes, 0);
}

void *
MemoryContextAllocZero(MemoryContext context, Size bytes)
{
	return MemoryContextAllocExtended(context, bytes, MCXT_ALLOC_ZERO);
}

void *
MemoryContextAllocZeroAligned(MemoryContext context, Size bytes)
{
	return MemoryContextAllocExtended(context, bytes, MCXT_ALLOC_ZERO);
}

void *
MemoryContextAllocHuge(MemoryContext context, Size bytes)
{
	return MemoryContextAllocExtended(context, bytes, MCXT_ALLOC_HUGE);
}

void *
palloc(Size bytes)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, bytes, 0);
}

void *
palloc0(Size bytes)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, bytes, MCXT_ALLOC_ZERO);
}

void *
palloc_extended(Size bytes, int flags)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, bytes, flags);
}

char *
MemoryContextStrdup(MemoryContext context, const char *string)
{
	return strcpy(MemoryContextAlloc(context, strlen(string) + 1), string);
}

char *
pstrdup(const char *string)
{
	return MemoryContextStrdup(CurrentMemoryContext, string);
}

char *
pnstrdup(const char *string, Size n)
{
	Size length = strnlen(string, n);
	char *copy = palloc(length + 1);

	memcpy(copy, string, length);
	copy[length] = '\0';
	return copy;
}

char *
psprintf(const char *format, ...)
{
	char *text = palloc(1024);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, 1024, format, arguments);
	va_end(arguments);
	return text;
}

/* ---- errors ---- */

sigjmp_buf *PG_exception_stack;
ErrorContextCallback *error_context_stack;
volatile sig_atomic_t InterruptPending;
static int level;
static int state;
static const char *message = "";

bool
errstart(int elevel, const char *domain)
{
	level = elevel;
	state = ERRCODE_INTERNAL_ERROR;
	return elevel >= ERROR;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

void
errfinish(const char *file, int line, const char *function)
{
	siglongjmp(*PG_exception_stack, 1);
}

int
errcode(int sqlerrcode)
{
	state = sqlerrcode;
	return 0;
}

int
errmsg(const char *format, ...)
{
	message = format;
	return 0;
}

int
errmsg_internal(const char *format, ...)
{
	message = format;
	return 0;
}

int
errdetail(const char *format, ...)
{
	return 0;
}

int
errhint(const char *format, ...)
{
	return 0;
}

char *
unpack_sql_state(int sql_state)
{
	static char text[6];

	for (int i = 0; i < 5; i++, sql_state >>= 6)
		text[i] = (char) PGUNSIXBIT(sql_state);
	return text;
}

void
check_stack_depth(void)
{
}

/* ---- texts ---- */

int
GetDatabaseEncoding(void)
{
	return PG_UTF8;
}

const char *
GetDatabaseEncodingName(void)
{
	return "UTF8";
}

bool
pg_verify_mbstr(int encoding, const char *text, int length, bool no_error)
{
	return characters_sound(text, (size_t) length);
}

/* ---- loading the library ---- */

bool process_shared_preload_libraries_in_progress;
bool IsUnderPostmaster;
bool IsBinaryUpgrade;
int maintenance_work_mem = 65536;

void
DefineCustomBoolVariable(const char *name, const char *short_description, const char *long_description,
						 bool *value, bool boot, GucContext context, int flags, GucBoolCheckHook check,
						 GucBoolAssignHook assign, GucShowHook show)
{
	*value = boot;
}

void
DefineCustomIntVariable(const char *name, const char *short_description, const char *long_description,
						int *value, int boot, int min, int max, GucContext context, int flags,
						GucIntCheckHook check, GucIntAssignHook assign, GucShowHook show)
{
	*value = boot;
}

void
DefineCustomStringVariable(const char *name, const char *short_description, const char *long_description,
						   char **value, const char *boot, GucContext context, int flags,
						   GucStringCheckHook check, GucStringAssignHook assign, GucShowHook show)
{
	*value = boot == NULL ? NULL : strdup(boot);
}

void
DefineCustomEnumVariable(const char *name, const char *short_description, const char *long_description,
						 int *value, int boot, const struct config_enum_entry *options, GucContext context,
						 int flags, GucEnumCheckHook check, GucEnumAssignHook assign, GucShowHook show)
{
	*value = boot;
}

void
MarkGUCPrefixReserved(const char *prefix)
{
}

void
RegisterBackgroundWorker(BackgroundWorker *worker)
{
}

/* Jobs are not run here. */
void
worker_init(void)
{
}

/* ---- calls ---- */

void
server_start(void)
{
	top.blocks.next = top.blocks.before = &top.blocks;
	TopMemoryContext = CacheMemoryContext = ErrorContext = CurrentMemoryContext = (MemoryContext) &top;
	_PG_init();
}

int
server_call(void (*body)(void *arg), void *arg)
{
	sigjmp_buf here;
	int ended = 0;

	CurrentMemoryContext = (MemoryContext) context_new(&top);
	PG_exception_stack = &here;
	if (sigsetjmp(here, 0) == 0)
		body(arg);
	else
		ended = state;
	MemoryContextReset((MemoryContext) &top);
	CurrentMemoryContext = (MemoryContext) &top;
	return ended;
}

const char *
server_message(void)
{
	return message;
}
