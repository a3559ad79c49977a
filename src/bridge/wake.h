/*
 * wake.h - tell a background worker of ours that there is something to look at
 */
#ifndef PROMOAI_BRIDGE_WAKE_H
#define PROMOAI_BRIDGE_WAKE_H

/* At the commit of this transaction set the latches of all background workers that call themselves so (application_name). */
extern void wake_at_commit(const char *application);

#endif
