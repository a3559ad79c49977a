/*
 * word_breakers.c - words by ICU and by friso, a line of text at a time: how the choice of a word breaker was measured
 *
 *     apt-get install libicu-dev libfriso-dev friso-dict
 *     gcc -O2 test/reference/word_breakers.c -o build/word_breakers -lfriso -licuuc && build/word_breakers icu|friso <lines >words
 *
 * Both are given lines in lower case; ICU normalises them as the tokenizer does (NFKC_Casefold), friso does so itself.  What a
 * process pays once (time, memory) and processor time afterwards go to standard error.  test/reference/text.py words uses
 * build/word_breakers where it is there.
 */
#include <friso/friso.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <unicode/ubrk.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#define ROOM 65536 /* UTF-16 units of a line; longer ones are cut */

static double
processor_seconds(void)
{
	return (double) clock() / CLOCKS_PER_SEC;
}

/* Memory of this process alone, in MB. */
static double
private_mb(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long all = 0;
	long resident = 0;
	long shared = 0;

	if (file == NULL || fscanf(file, "%ld %ld %ld", &all, &resident, &shared) != 3)
		exit(1);
	fclose(file);
	return (double) (resident - shared) * (double) sysconf(_SC_PAGESIZE) / 1048576;
}

/* ---- friso ---- */

static friso_t friso;
static friso_config_t config;
static friso_task_t task;

static void
friso_start(void)
{
	friso = friso_new();
	config = friso_new_config();
	task = friso_new_task();
	if (friso_init_from_ifile(friso, config, "/etc/friso/friso.ini") != 1)
		exit(1);
	config->add_syn = 0;
	config->en_sseg = 0;
	fprintf(stderr, "%u words in the dictionary\n", friso_all_dic_size(friso->dic));
}

static long
friso_line(char *line)
{
	long words = 0;

	for (friso_set_text(task, line); config->next_token(friso, config, task) != NULL; words++)
		printf("%s\t", task->token->word);
	return words;
}

/* ---- ICU ---- */

static const UNormalizer2 *normalizer;
static UBreakIterator *breaks;

/* The first words in Chinese make ICU open its dictionary. */
static void
icu_start(void)
{
	static const UChar warm[] = {0x9001, 0x9910, 0x5feb};
	UErrorCode status = U_ZERO_ERROR;

	normalizer = unorm2_getNFKCCasefoldInstance(&status);
	breaks = ubrk_open(UBRK_WORD, "root", warm, 3, &status);
	if (U_FAILURE(status) || ubrk_next(breaks) == UBRK_DONE)
		exit(1);
}

static long
icu_line(char *line)
{
	static UChar wide[ROOM];
	static UChar normal[ROOM];
	static char bytes[4 * ROOM];
	UErrorCode status = U_ZERO_ERROR;
	int32_t length;
	int32_t from = 0;
	long words = 0;

	u_strFromUTF8WithSub(wide, ROOM, &length, line, (int32_t) strnlen(line, ROOM / 2), ' ', NULL, &status);
	length = unorm2_normalize(normalizer, wide, length, normal, ROOM, &status);
	ubrk_setText(breaks, normal, length, &status);
	if (U_FAILURE(status))
		exit(1);
	for (int32_t to = ubrk_next(breaks); to != UBRK_DONE; from = to, to = ubrk_next(breaks))
	{
		int32_t n;

		if (ubrk_getRuleStatus(breaks) < UBRK_WORD_NONE_LIMIT)
			continue;
		u_strToUTF8(bytes, sizeof(bytes), &n, normal + from, to - from, &status);
		printf("%.*s\t", (int) n, bytes);
		words++;
	}
	return words;
}

int
main(int argc, char **argv)
{
	int by_icu = argc == 2 && strcmp(argv[1], "icu") == 0;
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	long words = 0;
	double began = processor_seconds();
	double memory = private_mb();

	if (!by_icu && (argc != 2 || strcmp(argv[1], "friso") != 0))
		return 2;
	if (by_icu)
		icu_start();
	else
		friso_start();
	fprintf(stderr, "started in %.0f ms, %.1f MB\n", 1000 * (processor_seconds() - began),
			private_mb() - memory);
	began = processor_seconds();
	while ((n = getline(&line, &room, stdin)) > 0)
	{
		line[n - 1] = '\0';
		words += by_icu ? icu_line(line) : friso_line(line);
		putchar('\n');
	}
	fprintf(stderr, "%.0f words/s\n", (double) words / (processor_seconds() - began));
	return 0;
}
