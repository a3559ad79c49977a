/*
 * testpoint.h - named places at which a test can stop a backend
 *
 * Crash and cancel tests need a backend to stand still, fail or die in the middle of reading, solving, writing or
 * publishing.  A superuser names the place in promoai.test_point and what is to happen there in promoai.test_action
 * ('sleep', 'error', 'kill', 'cancel', or 'wait' for an advisory lock that the test holds); everywhere else a test point costs one comparison.
 */
#ifndef PROMOAI_BRIDGE_TESTPOINT_H
#define PROMOAI_BRIDGE_TESTPOINT_H

/* The backend is at this place now. */
extern void test_point(const char *name);

/* Called once from _PG_init: defines the settings. */
extern void testpoint_init(void);

#endif
