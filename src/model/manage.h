/*
 * manage.h - what owners do with their models
 *
 * Each function takes the model's lock to the end of the transaction, checks that the caller owns the model, and fails
 * in read-only transactions, on standbys and in parallel workers.
 */
#ifndef PROMOAI_MODEL_MANAGE_H
#define PROMOAI_MODEL_MANAGE_H

#include "postgres.h"

#include "model/registry.h"

/* Train again by the stored definition; the source runs as the model's owner. */
extern ModelVersion *model_retrain(const char *name);

/* Make a kept version the current one; rollback: the newest that is older than the current one. */
extern ModelVersion *model_publish(const char *name, int32 version);
extern ModelVersion *model_rollback(const char *name);

extern void model_drop(const char *name);

/* Remove all versions but the newest `keep` and the current one; returns how many were removed. */
extern int32 model_prune(const char *name, int32 keep);

/* "public" is everybody. */
extern void model_grant(const char *name, const char *role);
extern void model_revoke(const char *name, const char *role);

extern void model_hand_over(const char *name, const char *role);

#endif
