#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bond/radiotable.h"
#include "bench/bond/scenario.h"
#include "bench/bond/series.h"
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

struct plan {
	struct job *job;
	struct series *series;
	unsigned jobs, lines;
};

static bool is_wanted(const struct bench_scenario *scenario, char **names, int count)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(names[i], scenario->world.name) || !strcmp(names[i], scenario->group))
			return true;
	return !count && !scenario->hidden;
}

static void add(struct plan *plan, const struct options *o, const struct bench_scenario *scenario,
		enum contender contender)
{
	plan->series[plan->lines++] = (struct series){
		.scenario = scenario, .contender = contender, .off = o->off, .seeds = o->seeds
	};
	for (unsigned seed = 1; seed <= o->seeds; seed++)
		plan->job[plan->jobs++] = (struct job){ .scenario = scenario,
							.contender = contender,
							.seed = seed,
							.off = o->off,
							.latency = o->latency };
}

static int run(const struct options *o, char **names, int count)
{
	size_t lines = (size_t)bench_scenarios_count * CONTENDERS;
	struct plan plan = { .job = calloc(lines * o->seeds, sizeof(*plan.job)),
			     .series = calloc(lines, sizeof(*plan.series)) };
	struct outcome *outcome = NULL;

	for (unsigned i = 0; plan.job && plan.series && i < bench_scenarios_count; i++)
		for (unsigned c = 0; is_wanted(&bench_scenarios[i], names, count) && c < CONTENDERS;
		     c++)
			if ((!o->only || o->only & 1u << c) &&
			    contender_takes_part(&bench_scenarios[i], c))
				add(&plan, o, &bench_scenarios[i], c);
	if (!plan.lines)
		fprintf(stderr, "bench_bond: there is no such scenario; see --list\n");
	else
		outcome = jobs_run(plan.job, plan.jobs, o->jobs);
	for (unsigned i = 0; outcome && i < plan.lines; i++)
		plan.series[i].outcome = outcome + (size_t)i * o->seeds;
	for (unsigned from = 0, to; outcome && from < plan.lines; from = to) {
		for (to = from + 1; to < plan.lines; to++)
			if (plan.series[to].scenario != plan.series[from].scenario)
				break;
		if (o->json) {
			fputs(from ? ",\n" : "[\n", stdout);
			table_json(stdout, &plan.series[from], to - from);
		} else {
			table_print(stdout, &plan.series[from], to - from);
		}
	}
	if (outcome && o->json)
		puts("\n]");
	jobs_free(outcome, plan.jobs);
	free(plan.job);
	free(plan.series);
	return outcome ? 0 : 2;
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

	for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
		if (c == 'n')
			o.seeds = (unsigned)strtoul(optarg, NULL, 0);
		else if (c == 't')
			o.latency = strtoull(optarg, NULL, 0) * USEC_PER_MS;
		else if (c == 'j')
			o.jobs = (unsigned)strtoul(optarg, NULL, 0);
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
	return run(&o, argv + optind, argc - optind);
}
