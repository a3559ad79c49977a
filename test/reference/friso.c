/*
 * friso.c - words by friso, a line of text at a time: how the choice of a word breaker was measured
 *
 *     apt-get install libfriso-dev friso-dict
 *     gcc -O2 test/reference/friso.c -o build/friso -lfriso && build/friso <lines >words
 *
 * test/reference/text.py words uses build/friso where it is there.  Speed and the size of the dictionary go to standard error.
 */
#include <friso/friso.h>

#include <stdio.h>
#include <time.h>

int
main(void)
{
	friso_t friso = friso_new();
	friso_config_t config = friso_new_config();
	friso_task_t task = friso_new_task();
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	long words = 0;
	clock_t start = clock();

	if (friso_init_from_ifile(friso, config, "/etc/friso/friso.ini") != 1)
		return 1;
	config->add_syn = 0;
	config->en_sseg = 0;
	fprintf(stderr, "%u words loaded in %.3f s\n", friso_all_dic_size(friso->dic),
			(double) (clock() - start) / CLOCKS_PER_SEC);
	start = clock();
	while ((n = getline(&line, &room, stdin)) > 0)
	{
		line[n - 1] = '\0';
		for (friso_set_text(task, line); config->next_token(friso, config, task) != NULL; words++)
			printf("%s\t", task->token->word);
		putchar('\n');
	}
	fprintf(stderr, "%.0f words/s\n", words / ((double) (clock() - start) / CLOCKS_PER_SEC));
	return 0;
}
