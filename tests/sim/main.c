#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/row.h"
#include "sim/switch.h"

/*
 * Runs rows of the table and judges them. Each row runs twice with the same seed and must give the
 * same hash: what depends on memory or on time other than the world's shows there.
 */

static const char usage[] =
	"usage: sim [OPTION...] [ROW...]\n"
	"\n"
	"Runs the bond in virtual time over bad links. Without ROW: every row.\n"
	"\n"
	"  --check        the rows of make check\n"
	"  --list         what rows there are (*: part of --check)\n"
	"  --seed N       instead of 1\n"
	"  --seeds N      seeds 1 to N, once each: median and worst of the figures\n"
	"  --trace FILE   what happened, as JSON lines (one row, one seed)\n"
	"  --off SWITCH   without a mechanism (can be given again):";

#define SEEDS_MAX 1000

struct options {
	uint64_t seed;
	unsigned seeds;
	unsigned off;
	const char *trace;
};

static int run(const struct row *row, const struct options *options, uint64_t seed, FILE *trace,
	       struct world_figures *ret_figures)
{
	struct world_config config = row->world;

	config.off |= options->off;
	return world_run(&config, seed, trace, ret_figures);
}

static bool run_row(const struct row *row, const struct options *options)
{
	static struct world_figures figures, again;
	FILE *trace = NULL;
	char why[1024], line[1024];
	int r;

	if (options->trace) {
		trace = fopen(options->trace, "we");
		if (!trace) {
			perror(options->trace);
			return false;
		}
	}
	r = run(row, options, options->seed, trace, &figures);
	if (trace)
		(void)fclose(trace);
	if (!r)
		r = run(row, options, options->seed, NULL, &again);
	if (r) {
		printf("not ok - %s: %s\n", row->world.name, strerror(-r));
		return false;
	}
	row_judge(row, &figures, why, sizeof(why));
	if (!*why && figures.hash != again.hash)
		(void)snprintf(why, sizeof(why), "two runs of seed %" PRIu64 " differ",
			       options->seed);
	row_describe(row, &figures, line, sizeof(line));
	if (*why)
		printf("not ok - %s: %s [%s]\n", row->world.name, why, line);
	else
		printf("ok - %s: %s\n", row->world.name, line);
	(void)fflush(stdout);
	return !*why;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Median and worst of each figure over the seeds. */
static bool run_seeds(const struct row *row, const struct options *options)
{
	enum { LOST, LATE, GAP, P99, MOST, COPIES, OVERHEAD, BACK, FIGURES };
	static const char *const names[] = { "lost",   "late",	    "gap ms",	   "p99 ms",
					     "max ms", "copies pm", "overhead pm", "back pm" };
	static struct world_figures figures;
	static uint64_t value[FIGURES][SEEDS_MAX];
	unsigned bad = 0;
	char why[1024], first[1024] = "";

	for (unsigned i = 0; i < options->seeds; i++) {
		if (run(row, options, i + 1, NULL, &figures)) {
			printf("not ok - %s: cannot run\n", row->world.name);
			return false;
		}
		row_judge(row, &figures, why, sizeof(why));
		if (*why && !bad++)
			(void)snprintf(first, sizeof(first), ", first seed %u: %.900s", i + 1, why);
		value[LOST][i] = figures.media.lost;
		value[LATE][i] = figures.media.late;
		value[GAP][i] = figures.media.gap / 1000;
		value[P99][i] = figures.media.p99 / 1000;
		value[MOST][i] = figures.media.most / 1000;
		value[COPIES][i] = row_copies_permille(&figures);
		value[OVERHEAD][i] = row_overhead_permille(&figures);
		value[BACK][i] = row_back_permille(&figures);
	}
	printf("%s - %s: %u of %u seeds hold", bad ? "not ok" : "ok", row->world.name,
	       options->seeds - bad, options->seeds);
	for (unsigned k = 0; k < FIGURES; k++) {
		qsort(value[k], options->seeds, sizeof(value[k][0]), compare);
		printf(", %s %" PRIu64 "/%" PRIu64, names[k], value[k][options->seeds / 2],
		       value[k][options->seeds - 1]);
	}
	printf("%s\n", first);
	(void)fflush(stdout);
	return !bad;
}

static void list(void)
{
	for (unsigned i = 0; i < rows_count; i++)
		printf("%c %-24s %s\n", rows[i].check ? '*' : ' ', rows[i].world.name,
		       rows[i].world.scenario);
}

static int help(int status)
{
	FILE *to = status ? stderr : stdout;

	fputs(usage, to);
	for (unsigned i = 0; i < switches_count; i++)
		fprintf(to, "%s %s", i ? "," : "", switches[i].name);
	fputc('\n', to);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "check", no_argument, NULL, 'c' },
		{ "list", no_argument, NULL, 'l' },
		{ "seed", required_argument, NULL, 's' },
		{ "seeds", required_argument, NULL, 'n' },
		{ "trace", required_argument, NULL, 't' },
		{ "off", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct options options = { .seed = 1 };
	bool check = false, good = true;
	unsigned ran = 0;

	for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
		if (c == 'c')
			check = true;
		else if (c == 'l')
			return list(), 0;
		else if (c == 's')
			options.seed = strtoull(optarg, NULL, 0);
		else if (c == 'n')
			options.seeds = (unsigned)strtoul(optarg, NULL, 0);
		else if (c == 't')
			options.trace = optarg;
		else if (c == 'h')
			return help(0);
		else if (c != 'o' || !switch_find(optarg, &options.off))
			return help(2);
	}
	if (options.seeds > SEEDS_MAX)
		options.seeds = SEEDS_MAX;
	for (unsigned i = 0; i < rows_count; i++) {
		bool wanted = optind == argc && (!check || rows[i].check);

		for (int k = optind; k < argc; k++)
			wanted |= !strcmp(argv[k], rows[i].world.name);
		if (!wanted)
			continue;
		ran++;
		good &= options.seeds ? run_seeds(&rows[i], &options) : run_row(&rows[i], &options);
	}
	if (!ran) {
		fprintf(stderr, "sim: there is no such row; see --list\n");
		return 2;
	}
	return good ? 0 : 1;
}
