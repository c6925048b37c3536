#include "bench/bond/ablation.h"

#include <inttypes.h>

#include "bench/bond/scenario.h"
#include "sim/switch.h"

/* What tells two series apart: a difference of `percent` of the larger value, and of `least`. */
static const struct {
	enum figure figure;
	unsigned percent;
	uint64_t least;
} merits[] = {
	{ FIGURE_MISSED, 10, 2 },    { FIGURE_ON_TIME_BPS, 1, 0 }, { FIGURE_P999_US, 10, 10000 },
	{ FIGURE_P99_US, 10, 5000 }, { FIGURE_GAP_US, 20, 10000 }, { FIGURE_OVERHEAD_PPM, 5, 1000 },
};
#define MERITS (sizeof(merits) / sizeof(*merits))

int ablation_plan(struct plan *plan, const struct bench_scenario *scenario, unsigned off,
		  unsigned seeds)
{
	int r = plan_add(plan, scenario, CONTENDER_OURS, off, seeds);

	for (unsigned k = 0; !r && k < switches_count; k++)
		r = plan_add(plan, scenario, CONTENDER_OURS, off | switches[k].bit, seeds);
	return r;
}

/* The sum over all seeds, which weighs both the usual and the worst. */
static uint64_t sum(const struct series *s, enum figure figure)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < s->seeds; i++)
		if (s->outcome[i].ran && s->outcome[i].value[figure] != FIGURE_NONE)
			total += s->outcome[i].value[figure];
	return total;
}

static void print_verdict(const struct series *with, const struct series *without, FILE *to)
{
	for (size_t k = 0; k < MERITS; k++) {
		enum figure figure = merits[k].figure;
		uint64_t a = sum(with, figure), b = sum(without, figure);
		uint64_t larger = a > b ? a : b, apart = larger - (a > b ? b : a);
		bool helps = figure_kind(figure)->more_is_better ? a > b : a < b;

		if (apart * 100 <= larger * merits[k].percent ||
		    apart <= merits[k].least * with->seeds)
			continue;
		fprintf(to, "  %s: %s\n", helps ? "helps" : "hurts", figure_kind(figure)->heading);
		return;
	}
	fputs("  no difference\n", to);
}

static void print_line(const struct series *s, FILE *to)
{
	char label[SERIES_LABEL_MAX];

	series_label(s, label);
	fprintf(to, "%-18s", label);
	for (size_t k = 0; k < MERITS; k++) {
		const struct figure_kind *kind = figure_kind(merits[k].figure);

		fprintf(to, " %8.*f/%-8.*f", (int)kind->decimals,
			(double)series_median(s, merits[k].figure) / kind->scale,
			(int)kind->decimals,
			(double)series_worst(s, merits[k].figure) / kind->scale);
	}
}

void ablation_print(const struct plan *plan, const struct bench_scenario *scenario, unsigned off,
		    FILE *to)
{
	const struct series *with = plan_find(plan, scenario, CONTENDER_OURS, off);

	fprintf(to, "\n%s: %s (%u seeds, median/worst)\n%-18s", scenario->world.name,
		scenario->about, with->seeds, "");
	for (size_t k = 0; k < MERITS; k++)
		fprintf(to, " %8s%-9s", figure_kind(merits[k].figure)->heading, "");
	fputc('\n', to);
	print_line(with, to);
	fputc('\n', to);
	for (unsigned k = 0; k < switches_count; k++) {
		const struct series *without =
			plan_find(plan, scenario, CONTENDER_OURS, off | switches[k].bit);

		if (without == with)
			continue;
		print_line(without, to);
		print_verdict(with, without, to);
	}
}
