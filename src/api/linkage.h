/*
 * linkage.h - the argument "linkage" of hierarchies
 */
#ifndef PROMOAI_API_LINKAGE_H
#define PROMOAI_API_LINKAGE_H

/* As core/segment/hierarchy.h's Linkage counts them; NULL-terminated. */
extern const char *const linkage_choices[];

#endif
