#include "bench/bond/series.h"

#include <stdio.h>
#include <stdlib.h>

#include "sim/switch.h"

void series_label(const struct series *series, char ret_label[static SERIES_LABEL_MAX])
{
	int used = snprintf(ret_label, SERIES_LABEL_MAX, "%s", contender_name(series->contender));

	for (unsigned i = 0; i < switches_count; i++)
		if (series->off & switches[i].bit && used < SERIES_LABEL_MAX)
			used += snprintf(ret_label + used, SERIES_LABEL_MAX - (size_t)used, " -%s",
					 switches[i].name);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

uint64_t series_median(const struct series *series, enum figure figure)
{
	uint64_t *sorted = calloc(series->seeds, sizeof(*sorted));
	uint64_t median;
	unsigned n = 0;

	for (unsigned i = 0; sorted && i < series->seeds; i++)
		if (series->outcome[i].ran && series->outcome[i].value[figure] != FIGURE_NONE)
			sorted[n++] = series->outcome[i].value[figure];
	if (n)
		qsort(sorted, n, sizeof(*sorted), compare);
	median = n ? sorted[n / 2] : FIGURE_NONE;
	free(sorted);
	return median;
}

unsigned series_worst_seed(const struct series *series, enum figure figure)
{
	bool more = figure_kind(figure)->more_is_better;
	unsigned worst = 0;

	for (unsigned i = 0; i < series->seeds; i++) {
		uint64_t value = series->outcome[i].value[figure];
		uint64_t before = worst ? series->outcome[worst - 1].value[figure] : 0;

		if (series->outcome[i].ran && value != FIGURE_NONE &&
		    (!worst || (more ? value < before : value > before)))
			worst = i + 1;
	}
	return worst;
}

uint64_t series_worst(const struct series *series, enum figure figure)
{
	unsigned seed = series_worst_seed(series, figure);

	return seed ? series->outcome[seed - 1].value[figure] : FIGURE_NONE;
}

unsigned series_broken(const struct series *series, const char **ret_why)
{
	for (unsigned i = 0; i < series->seeds; i++) {
		const struct outcome *o = &series->outcome[i];

		if (o->ran && !*o->failure)
			continue;
		*ret_why = o->ran ? o->failure : "it did not run";
		return i + 1;
	}
	return 0;
}
