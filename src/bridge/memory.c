/*
 * memory.c - limits on memory, and sizes that do not overflow
 */
#include "postgres.h"

#include <sys/mman.h>
#include <sys/statvfs.h>

#include "miscadmin.h"
#include "storage/dsm_impl.h"
#include "utils/guc.h"
#include "utils/resowner.h"

#include "bridge/args.h"
#include "bridge/memory.h"

#define TAKE_ALIGN 64

#define HUGE_PAGE ((Size) 2 * 1024 * 1024) /* on most machines; elsewhere some of the block is left out */

uint64
memory_add(uint64 a, uint64 b)
{
	uint64 sum;

	return __builtin_add_overflow(a, b, &sum) ? PG_UINT64_MAX : sum;
}

uint64
memory_mul(uint64 a, uint64 b)
{
	uint64 product;

	return __builtin_mul_overflow(a, b, &product) ? PG_UINT64_MAX : product;
}

uint64
memory_limit(const char *argument)
{
	int kilobytes;
	const char *hint = NULL;

	if (argument == NULL)
		return (uint64) maintenance_work_mem * 1024;

	if (!parse_int(argument, &kilobytes, GUC_UNIT_KB, &hint))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for argument \"memory\": \"%s\"", args_quoted(argument)),
						hint ? errhint("%s", _(hint)) : errhint("Write a size as in '512MB' or '2GB'.")));
	if (kilobytes < 1024)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"memory\" must be at least 1MB, got \"%s\"", args_quoted(argument))));
	return (uint64) kilobytes * 1024;
}

char *
memory_pretty(uint64 bytes)
{
	if (bytes == PG_UINT64_MAX)
		return pstrdup("more than 16 EB");
	if (bytes > UINT64CONST(10) * 1024 * 1024 * 1024)
		return psprintf(UINT64_FORMAT " GB", (bytes >> 30) + 1);
	return psprintf(UINT64_FORMAT " MB", (bytes >> 20) + 1);
}

void
memory_require(uint64 need, uint64 limit, const char *what)
{
	if (need <= limit)
		return;
	ereport(ERROR, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					errmsg("%s needs %s of memory, more than the allowed %s", what, memory_pretty(need),
						   memory_pretty(limit - 1)),
					errhint("Raise maintenance_work_mem, or pass memory => '%s'.", memory_pretty(need))));
}

void
memory_want_huge_pages(void *block, uint64 bytes)
{
#ifdef MADV_HUGEPAGE
	char *first = (char *) TYPEALIGN(HUGE_PAGE, block);
	char *end = (char *) TYPEALIGN_DOWN(HUGE_PAGE, (char *) block + bytes);

	/* Refused where the system is built or set up without them. */
	if (first < end)
		(void) madvise(first, (Size) (end - first), MADV_HUGEPAGE);
#endif
}

bool
memory_shared_has_room(uint64 bytes, bool to_stay)
{
	struct statvfs fs;
	uint64 left;

	if (dynamic_shared_memory_type != DSM_IMPL_POSIX || statvfs("/dev/shm", &fs) != 0)
		return true;
	left = to_stay ? memory_mul(fs.f_blocks / 4, fs.f_frsize) : 0;
	return memory_mul(fs.f_bavail, fs.f_frsize) > memory_add(bytes, left);
}

/*
 * The error of a refusal is caught without a subtransaction: all that dsm_create and dsm_attach can leave behind is a
 * descriptor with its mapping, which a resource owner of its own gives up.
 */
static dsm_segment *
segment_or_null(uint64 bytes, dsm_handle handle)
{
	MemoryContext memory = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ResourceOwner attempt = ResourceOwnerCreate(owner, "promoai segment");
	dsm_segment *volatile segment = NULL;

	CurrentResourceOwner = attempt;
	PG_TRY();
	{
		segment = handle == DSM_HANDLE_INVALID ? dsm_create((Size) bytes, DSM_CREATE_NULL_IF_MAXSEGMENTS)
											   : dsm_attach(handle);
	}
	PG_CATCH();
	{
		ErrorData *refusal;

		MemoryContextSwitchTo(memory);
		refusal = CopyErrorData();
		FlushErrorState();
		ereport(DEBUG1, (errmsg_internal("no shared memory: %s", refusal->message)));
		FreeErrorData(refusal);
	}
	PG_END_TRY();
	if (segment != NULL)
		dsm_pin_mapping(segment);
	CurrentResourceOwner = owner;
	ResourceOwnerRelease(attempt, RESOURCE_RELEASE_BEFORE_LOCKS, false, false);
	ResourceOwnerDelete(attempt);
	return segment;
}

/* From here on the caller's resource owner sees to it. */
static dsm_segment *
segment_owned(dsm_segment *segment)
{
	if (segment != NULL)
		dsm_unpin_mapping(segment);
	return segment;
}

dsm_segment *
memory_shared_create(uint64 bytes)
{
	dsm_segment *segment = segment_or_null(bytes, DSM_HANDLE_INVALID);

	/* An interrupted system call is a refusal too. */
	if (segment == NULL)
		CHECK_FOR_INTERRUPTS();
	return segment_owned(segment);
}

dsm_segment *
memory_shared_attach(dsm_handle handle)
{
	return segment_owned(segment_or_null(0, handle));
}

void
memory_require_setting(uint64 need, const char *what)
{
	uint64 limit = memory_limit(NULL);

	if (need <= limit)
		return;
	ereport(ERROR, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					errmsg("%s needs %s of memory, more than the allowed %s", what, memory_pretty(need),
						   memory_pretty(limit - 1)),
					errhint("Raise maintenance_work_mem to at least %s.", memory_pretty(need))));
}

void *
memory_huge(uint64 n, uint64 width)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, Max(memory_mul(n, width), 1));
}

void *
memory_copy(const void *array, uint64 n, uint64 width)
{
	return memcpy(memory_huge(n, width), array, n * width);
}

Size
memory_take(uint64 *cursor, uint64 n, uint64 width)
{
	uint64 at = *cursor;

	*cursor = memory_add(at, memory_mul(n, width));
	*cursor = *cursor > PG_UINT64_MAX - TAKE_ALIGN ? PG_UINT64_MAX : TYPEALIGN64(TAKE_ALIGN, *cursor);
	return (Size) at;
}
