/*
 * server.h - what a server does for the readers of stored models, without one
 *
 * Memory contexts whose every block is malloc's own, so that the sanitizer sees its ends; errors that jump, with their SQLSTATE.
 * All else that the extension asks of PostgreSQL is left unresolved: a reader that came to need it would end the fuzzer at once.
 */
#ifndef TEST_FUZZ_SERVER_H
#define TEST_FUZZ_SERVER_H

#include "postgres.h"

/* The kinds of model and what they need, as when the library is loaded. */
extern void server_start(void);

/* Calls; the SQLSTATE of the error that ended it, 0: none.  All that was allocated meanwhile is gone. */
extern int server_call(void (*body)(void *arg), void *arg);

/* Of the last error: its message, with what it names left open. */
extern const char *server_message(void);

#endif
