#include "bench/bond/bound.h"

#include <inttypes.h>

#include "bench/bond/scenario.h"

#define MANY(seeds) ((seeds)*100 / 15)

int bound_plan(const struct bound *bound, struct plan *plan, unsigned off, unsigned seeds)
{
	const struct bench_scenario *scenario = bench_scenario_find(bound->scenario);
	int r;

	if (bound->many)
		seeds = MANY(seeds);
	r = plan_add(plan, scenario, CONTENDER_OURS, off, seeds);
	if (!r && bound->permille)
		r = plan_add(plan, scenario, bound->of, 0, seeds);
	return r;
}

static uint64_t limit_of(const struct bound *bound, const struct series *of, unsigned i)
{
	return bound->permille ? of->outcome[i].value[bound->figure] * bound->permille / 1000
			       : bound->limit;
}

static bool holds(const struct bound *bound, const struct series *ours, const struct series *of,
		  unsigned i)
{
	const struct outcome *o = &ours->outcome[i];
	uint64_t limit = limit_of(bound, of, i);

	if (!o->ran || *o->failure || o->value[bound->figure] == FIGURE_NONE)
		return false;
	if (bound->permille && !of->outcome[i].ran)
		return false;
	return bound->at_least ? o->value[bound->figure] >= limit
			       : o->value[bound->figure] <= limit;
}

static void print_value(FILE *to, const char *before, uint64_t value, enum figure figure)
{
	const struct figure_kind *kind = figure_kind(figure);

	if (value == FIGURE_NONE || value == FIGURE_NEVER)
		fprintf(to, "%s%s", before, value == FIGURE_NONE ? "-" : "never");
	else
		fprintf(to, "%s%.*f", before, (int)kind->decimals, (double)value / kind->scale);
}

bool bound_judge(const struct bound *bound, const struct plan *plan, unsigned off, FILE *to)
{
	const struct bench_scenario *scenario = bench_scenario_find(bound->scenario);
	const struct series *ours = plan_find(plan, scenario, CONTENDER_OURS, off);
	const struct series *of = bound->permille ? plan_find(plan, scenario, bound->of, 0) : NULL;
	unsigned kept = 0, first = 0;
	bool good;

	for (unsigned i = 0; i < ours->seeds; i++) {
		bool kept_here = holds(bound, ours, of, i);

		kept += kept_here;
		if (!kept_here && !first)
			first = i + 1;
	}
	good = kept * 100 >= ours->seeds * (100 - bound->misses_percent);
	fprintf(to, "%-6s %-15s %s: %s", good ? "ok" : "not ok", bound->scenario, bound->text,
		figure_kind(bound->figure)->heading);
	print_value(to, " median ", series_median(ours, bound->figure), bound->figure);
	print_value(to, ", worst ", series_worst(ours, bound->figure), bound->figure);
	if (of) {
		fprintf(to, "; %s", contender_name(bound->of));
		print_value(to, " median ", series_median(of, bound->figure), bound->figure);
		print_value(to, ", worst ", series_worst(of, bound->figure), bound->figure);
	}
	fprintf(to, "; %u of %u seeds", kept, ours->seeds);
	if (first) {
		fprintf(to, ", first miss seed %u", first);
		print_value(to, " (", ours->outcome[first - 1].value[bound->figure], bound->figure);
		if (*ours->outcome[first - 1].failure)
			fprintf(to, ", %s", ours->outcome[first - 1].failure);
		fputc(')', to);
	}
	fputc('\n', to);
	return good;
}
