/*
 * value.h - a model as a value: one version's payload with its kind, in one datum
 *
 * Servers that hold no registry, such as the workers of a cluster, score with a model that travels as an argument.  The
 * datum is a varlena of 16 bytes of kind (zero-padded) and the payload stream of core/payload.h, which carries its own
 * checksums.  It may come from anywhere, so it is checked like a stored payload whenever it is opened.
 */
#ifndef PROMOAI_MODEL_VALUE_H
#define PROMOAI_MODEL_VALUE_H

#include "postgres.h"

#include "model/kind.h"

/* A version's payload as a value; ERROR 54000 when it is larger than a datum may be. */
extern struct varlena *value_make(const Model *model, const ModelVersion *version);

/* `bytes` bytes at `data` as a value; ERROR 22P03 unless they are a whole and undamaged one. */
extern struct varlena *value_from_bytes(const char *data, Size bytes);

/*
 * The model in memory.  It is opened once and kept at *held, in `memory`, as long as the same value comes again: pass
 * something that lives as long as `memory`, such as Args.state.
 */
extern const LoadedModel *value_get(Datum value, void **held, MemoryContext memory);

#endif
