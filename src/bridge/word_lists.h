/*
 * word_lists.h - words that users have told us of: promoai.text_dictionary, promoai.text_stop_words,
 * promoai.text_default_phrases
 */
#ifndef PROMOAI_BRIDGE_WORD_LISTS_H
#define PROMOAI_BRIDGE_WORD_LISTS_H

#include "postgres.h"

#include "utils/snapshot.h"

/*
 * What a statement sees of the tables: equal stamps, equal contents.  The snapshot alone does not tell it: the commands of a
 * subtransaction that was rolled back stay numbered, and under REPEATABLE READ nothing else of the snapshot changes.
 */
typedef struct WordListStamp
{
	TransactionId xmin;
	TransactionId xmax;
	CommandId command;
	uint64 completed;
	SubTransactionId subtransaction;
} WordListStamp;

extern WordListStamp word_lists_stamp(void);
extern bool word_lists_same(const WordListStamp *left, const WordListStamp *right);

/*
 * Every word of the user's dictionary, and every word of the user's stop words with whether it is to be left out (or, against
 * the built-in list, kept), as it stands in the table, in the database's encoding.
 */
extern void word_lists_dictionary(void (*word)(void *arg, const char *bytes, Size n), void *arg);
extern void word_lists_stop(void (*word)(void *arg, const char *bytes, Size n, bool stop), void *arg);

/* Every text that users have named as one that a shop puts where a customer wrote none, in the database's encoding. */
extern void word_lists_default_phrases(void (*phrase)(void *arg, const char *bytes, Size n), void *arg);

/* The built-in ones, UTF-8, NULL at the end. */
extern const char *const word_lists_phrases[];

/* The built-in stop words of English and Chinese, UTF-8, in the form of normalised text, separated by blanks. */
extern const char *const word_lists_english;
extern const char *const word_lists_chinese;

#endif
