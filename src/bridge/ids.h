/*
 * ids.h - shop ids (bigint, text, uuid) to dense indices and back
 *
 * Two shapes.  An IdTable grows while rows stream in: a hash table that gives each new id the next index.  ids_sort
 * then puts the ids into canonical order (integers by value, text and uuid by bytes), so that indices do not depend
 * on the order in which rows arrived.  An IdSet is the sorted, read-only form that a payload stores: looked up by
 * binary search, needing no work when a model is loaded.
 */
#ifndef PROMOAI_BRIDGE_IDS_H
#define PROMOAI_BRIDGE_IDS_H

#include "postgres.h"

#include "core/payload.h"

typedef enum IdKind
{
	ID_INTEGER = 1,
	ID_TEXT = 2,
	ID_UUID = 3
} IdKind;

#define ID_TEXT_MAX 1024 /* bytes of a text id */

/* One id as it comes from SQL. */
typedef struct IdKey
{
	IdKind kind;
	int64 number; /* ID_INTEGER */
	const char *bytes; /* ID_TEXT, ID_UUID */
	int length;
} IdKey;

/* 64 well mixed bits of an id, the same in every session. */
extern uint64 id_hash(const IdKey *key);

/* ---- growing ---- */

typedef struct IdTable IdTable;

extern IdTable *ids_create(IdKind kind, MemoryContext memory);
extern int32 ids_add_number(IdTable *table, int64 number);
extern int32 ids_add_bytes(IdTable *table, const char *bytes, int length);
extern void ids_free(IdTable *table);
extern int32 ids_count(const IdTable *table);
extern uint64 ids_memory(const IdTable *table); /* bytes it holds now */

/* What ids_sort takes beside the table, the set that it returns included. */
extern uint64 ids_sort_memory(const IdTable *table);

/* The key behind an index; bytes point into the table. */
extern IdKey ids_key(const IdTable *table, int32 index);

/* The id behind an index as text, palloc'd: for messages. */
extern char *ids_text(const IdTable *table, int32 index);

/* ---- fixed ---- */

typedef struct IdSet
{
	IdKind kind;
	int32 n;
	const int64 *numbers; /* [n] ID_INTEGER, ascending */
	const uint64 *start; /* [n + 1] ID_TEXT: where each id starts in bytes */
	const char *bytes; /* ID_TEXT: all ids one after the other; ID_UUID: [n x 16] */
} IdSet;

/* Sorts the table's ids into a set (in `memory`); rank [ids_count] receives each old index's place in it. */
extern IdSet *ids_sort(const IdTable *table, MemoryContext memory, int32 *rank);

/* A set of its own with the same ids, and the bytes that takes. */
extern IdSet *idset_copy(const IdSet *set, MemoryContext memory);
extern uint64 idset_bytes(const IdSet *set);

/* Keep the ids whose place [set->n] is not -1; places are ascending from 0. */
extern void idset_keep(IdSet *set, const int32 *place);

/*
 * All ids of sets [n] as one set, of their kind, or as text where kinds differ; place [n] receives for each set where its ids
 * stand in it.
 */
extern IdSet *idset_union(const IdSet *const *sets, int n, MemoryContext memory, int32 **place);

/* Where each id of `from` stands in `to`, -1 for those it lacks; `what` names them in messages. */
extern int32 *idset_places(const IdSet *from, const IdSet *to, const char *what, MemoryContext memory);

/* Negative, 0 or positive as a comes before b, both of one kind, in the order of sets. */
extern int id_compare(const IdKey *a, const IdKey *b);

/* The index of a key of the set's kind, or -1. */
extern int32 idset_find(const IdSet *set, const IdKey *key);

/* The key behind an index; bytes point into the set. */
extern IdKey idset_key(const IdSet *set, int32 index);

/* The id as text, palloc'd. */
extern char *idset_text(const IdSet *set, int32 index);

/* Into and out of a payload, under names prefix_ids, prefix_id_start; idset_read false: sections missing or wrong. */
extern void idset_write(const IdSet *set, const char *prefix, Payload *payload);
extern bool idset_read(const Payload *payload, const char *prefix, IdSet *set);

/* ---- ids in SQL ---- */

/* Kind of the ids that a column or argument of this type holds; false when the type cannot hold ids. */
extern bool id_kind_of_type(Oid type, IdKind *kind);

/* A non-NULL datum of such a type as key of that type's kind.  `what` names column or argument in messages. */
extern IdKey id_from_datum(Datum value, Oid type, const char *what);

/* The same id written in another kind ('17850' for 17850); ERROR 22P02 when it cannot be one. */
extern IdKey id_convert(const IdKey *key, IdKind kind, const char *what);

/* As text, palloc'd. */
extern char *id_text(const IdKey *key);

/* "integer", "text", "uuid": for messages. */
extern const char *id_kind_name(IdKind kind);

#endif
