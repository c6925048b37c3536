#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bond/ablation.h"
#include "bench/bond/bound.h"
#include "bench/bond/plan.h"
#include "bench/bond/radiotable.h"
#include "bench/bond/scenario.h"
#include "bench/bond/table.h"
#include "sim/switch.h"

/*
 * The bench of the bond: our engine beside other ways to use the same links, in virtual time. Each
 * scenario runs with the seeds 1 to N for each contender; nothing but the seed decides, so a figure
 * is the same on every machine.
 */
static const char usage[] =
	"usage: bench_bond [OPTION...] [SCENARIO...]\n"
	"\n"
	"Without SCENARIO: all of them.\n"
	"\n"
	"  --check          what our engine must show, a line per bound\n"
	"  --ablate         our engine without each of its mechanisms in turn\n"
	"  --seeds N        seeds 1 to N (15)\n"
	"  --only NAME      this contender alone (can be given again)\n"
	"  --off SWITCH     our engine without a mechanism (can be given again)\n"
	"  --latency MS     instead of the scenarios' own\n"
	"  --jobs N         processes (as many as there are processors)\n"
	"  --json           figures for machines\n"
	"  --list           what scenarios there are\n"
	"  --radio          statistics of the generated radio links\n";

#define SEEDS_MAX 1000

struct options {
	unsigned seeds, jobs, off, only;
	usec_t latency;
	bool json;
};

static bool is_wanted(const struct bench_scenario *scenario, char **names, int count)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(names[i], scenario->world.name) || !strcmp(names[i], scenario->group))
			return true;
	return !count && !scenario->hidden;
}

static void print(const struct options *o, const struct plan *plan)
{
	for (unsigned from = 0, to; from < plan->lines; from = to) {
		for (to = from + 1; to < plan->lines; to++)
			if (plan->series[to].scenario != plan->series[from].scenario)
				break;
		if (o->json) {
			fputs(from ? ",\n" : "[\n", stdout);
			table_json(stdout, &plan->series[from], to - from);
		} else {
			table_print(stdout, &plan->series[from], to - from);
		}
	}
	if (o->json)
		puts("\n]");
}

static int compare(const struct options *o, char **names, int count)
{
	struct plan plan = { .latency = o->latency };
	int r = 0;

	for (unsigned i = 0; i < bench_scenarios_count; i++)
		for (unsigned c = 0; is_wanted(&bench_scenarios[i], names, count) && c < CONTENDERS;
		     c++)
			if (!r && (!o->only || o->only & 1u << c) &&
			    contender_takes_part(&bench_scenarios[i], c))
				r = plan_add(&plan, &bench_scenarios[i], c,
					     c == CONTENDER_OURS ? o->off : 0, o->seeds);
	if (!plan.lines)
		fprintf(stderr, "bench_bond: there is no such scenario; see --list\n");
	if (!r && plan.lines)
		r = plan_run(&plan, o->jobs);
	if (!r)
		print(o, &plan);
	r = r || !plan.lines ? 2 : 0;
	plan_deinit(&plan);
	return r;
}

/* Each mechanism switched off in turn: what it is worth. */
static int ablate(const struct options *o, char **names, int count)
{
	struct plan plan = { .latency = o->latency };
	int r = 0;

	for (unsigned i = 0; i < bench_scenarios_count; i++)
		if (!r && is_wanted(&bench_scenarios[i], names, count))
			r = ablation_plan(&plan, &bench_scenarios[i], o->off, o->seeds);
	if (!r)
		r = plan_run(&plan, o->jobs);
	for (unsigned i = 0; !r && i < bench_scenarios_count; i++)
		if (is_wanted(&bench_scenarios[i], names, count))
			ablation_print(&plan, &bench_scenarios[i], o->off, stdout);
	plan_deinit(&plan);
	return r ? 2 : 0;
}

static int check(const struct options *o, char **names, int count)
{
	struct plan plan = { .latency = o->latency };
	unsigned kept = 0, asked = 0;
	int r = 0;

	for (unsigned i = 0; !r && i < bounds_count; i++)
		if (is_wanted(bench_scenario_find(bounds[i].scenario), names, count))
			r = bound_plan(&bounds[i], &plan, o->off, o->seeds);
	if (!r)
		r = plan_run(&plan, o->jobs);
	for (unsigned i = 0; !r && i < bounds_count; i++) {
		if (!is_wanted(bench_scenario_find(bounds[i].scenario), names, count))
			continue;
		kept += bound_judge(&bounds[i], &plan, o->off, stdout);
		asked++;
	}
	printf("%u of %u bounds hold\n", kept, asked);
	plan_deinit(&plan);
	return r ? 2 : kept < asked;
}

static void list(void)
{
	for (unsigned i = 0; i < bench_scenarios_count; i++)
		printf("%-8s %-16s %s\n", bench_scenarios[i].group, bench_scenarios[i].world.name,
		       bench_scenarios[i].about);
}

static int help(int status)
{
	FILE *to = status ? stderr : stdout;

	fputs(usage, to);
	fputs("\nContenders:", to);
	for (unsigned i = 0; i < CONTENDERS; i++)
		fprintf(to, " %s", contender_name(i));
	fputs("\nSwitches:", to);
	for (unsigned i = 0; i < switches_count; i++)
		fprintf(to, " %s", switches[i].name);
	fputc('\n', to);
	return status;
}

static bool only(struct options *options, const char *name)
{
	for (unsigned i = 0; i < CONTENDERS; i++) {
		if (strcmp(name, contender_name(i)) != 0)
			continue;
		options->only |= 1u << i;
		return true;
	}
	fprintf(stderr, "bench_bond: there is no contender %s\n", name);
	return false;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "check", no_argument, NULL, 'k' },
		{ "ablate", no_argument, NULL, 'a' },
		{ "seeds", required_argument, NULL, 'n' },
		{ "only", required_argument, NULL, 'c' },
		{ "off", required_argument, NULL, 'o' },
		{ "latency", required_argument, NULL, 't' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "json", no_argument, NULL, 'J' },
		{ "list", no_argument, NULL, 'l' },
		{ "radio", no_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct options o = { .seeds = 15, .jobs = processors > 0 ? (unsigned)processors : 1 };

	int (*mode)(const struct options *, char **, int) = compare;

	for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
		if (c == 'n')
			o.seeds = (unsigned)strtoul(optarg, NULL, 0);
		else if (c == 't')
			o.latency = strtoull(optarg, NULL, 0) * USEC_PER_MS;
		else if (c == 'j')
			o.jobs = (unsigned)strtoul(optarg, NULL, 0);
		else if (c == 'k')
			mode = check;
		else if (c == 'a')
			mode = ablate;
		else if (c == 'J')
			o.json = true;
		else if (c == 'l')
			return list(), 0;
		else if (c == 'r')
			return radiotable_print(o.seeds), 0;
		else if (c == 'h')
			return help(0);
		else if (c == 'c' ? !only(&o, optarg) : c != 'o' || !switch_find(optarg, &o.off))
			return help(2);
	}
	if (!o.seeds || o.seeds > SEEDS_MAX)
		return help(2);
	return mode(&o, argv + optind, argc - optind);
}
