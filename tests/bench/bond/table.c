#include "bench/bond/table.h"

#include <inttypes.h>
#include <string.h>

#include "bench/bond/scenario.h"

/* Some of the figures; JSON has them all. */
static const enum figure columns[] = {
	FIGURE_WITHIN_PPM,     FIGURE_WITHIN_PPM + 1, FIGURE_WITHIN_PPM + 2,  FIGURE_WITHIN_PPM + 3,
	FIGURE_P50_US,	       FIGURE_P95_US,	      FIGURE_P99_US,	      FIGURE_P999_US,
	FIGURE_LOST,	       FIGURE_LATE,	      FIGURE_GAP_US,	      FIGURE_ON_TIME_BPS,
	FIGURE_OVERHEAD_PPM,   FIGURE_COPIES_PPM,     FIGURE_COPIES_PAID_PPM, FIGURE_USE_PPM,
	FIGURE_USE_PPM + 1,    FIGURE_USE_PPM + 2,    FIGURE_USE_PPM + 3,     FIGURE_HEAL_MS,
	FIGURE_HEAL_SHARE_PPM, FIGURE_DOWN_MS,	      FIGURE_UP_MS,	      FIGURE_HIGHEST_BPS,
};
#define COLUMNS (sizeof(columns) / sizeof(*columns))

static bool is_used(const struct series *series, unsigned count, enum figure figure)
{
	for (unsigned i = 0; i < count; i++)
		if (series_worst_seed(&series[i], figure))
			return true;
	return false;
}

static int width(enum figure figure)
{
	int len = (int)strlen(figure_kind(figure)->heading);

	return len < 7 ? 7 : len;
}

static void print_value(FILE *to, enum figure figure, uint64_t value)
{
	const struct figure_kind *kind = figure_kind(figure);

	if (value == FIGURE_NONE)
		fprintf(to, " %*s", width(figure), "-");
	else if (value == FIGURE_NEVER)
		fprintf(to, " %*s", width(figure), "never");
	else
		fprintf(to, " %*.*f", width(figure), (int)kind->decimals,
			(double)value / kind->scale);
}

void table_print(FILE *to, const struct series *series, unsigned count)
{
	const struct bench_scenario *s = series->scenario;
	bool used[COLUMNS];

	fprintf(to, "\n%s: %s (latency %" PRIu64 " ms, %u seeds)\n%-23s", s->world.name, s->about,
		world_latency(&s->world) / USEC_PER_MS, series->seeds, "");
	for (size_t k = 0; k < COLUMNS; k++) {
		used[k] = is_used(series, count, columns[k]);
		if (used[k])
			fprintf(to, " %*s", width(columns[k]), figure_kind(columns[k])->heading);
	}
	fputc('\n', to);
	for (unsigned i = 0; i < count; i++) {
		const char *why;
		unsigned broken = series_broken(&series[i], &why);
		char label[SERIES_LABEL_MAX];

		series_label(&series[i], label);
		fprintf(to, "%-16s median", label);
		for (size_t k = 0; k < COLUMNS; k++)
			if (used[k])
				print_value(to, columns[k], series_median(&series[i], columns[k]));
		fprintf(to, "\n%-16s worst ", "");
		for (size_t k = 0; k < COLUMNS; k++)
			if (used[k])
				print_value(to, columns[k], series_worst(&series[i], columns[k]));
		fputc('\n', to);
		if (broken)
			fprintf(to, "                 seed %u: %s\n", broken, why);
	}
}

static void json_number(FILE *to, const char *before, uint64_t value)
{
	if (value == FIGURE_NONE)
		fprintf(to, "%snull", before);
	else
		fprintf(to, "%s%" PRIu64, before, value);
}

static void json_value(FILE *to, const char *name, uint64_t value)
{
	fprintf(to, "\"%s\":", name);
	json_number(to, "", value);
}

void table_json(FILE *to, const struct series *series, unsigned count)
{
	const struct bench_scenario *s = series->scenario;

	fprintf(to, "{\"scenario\":\"%s\",\"group\":\"%s\",\"seeds\":%u,\"contenders\":{",
		s->world.name, s->group, series->seeds);
	for (unsigned i = 0; i < count; i++) {
		const char *why = "";
		unsigned broken = series_broken(&series[i], &why);
		char label[SERIES_LABEL_MAX];

		series_label(&series[i], label);
		fprintf(to, "%s\"%s\":{\"broken_seed\":%u,\"broken\":\"%s\"", i ? "," : "", label,
			broken, why);
		for (unsigned f = 0; f < FIGURES; f++) {
			fprintf(to, ",\"%s\":{", figure_kind(f)->name);
			json_value(to, "median", series_median(&series[i], f));
			fputc(',', to);
			json_value(to, "worst", series_worst(&series[i], f));
			fprintf(to, ",\"worst_seed\":%u,\"each\":[",
				series_worst_seed(&series[i], f));
			for (unsigned k = 0; k < series[i].seeds; k++)
				json_number(to, k ? "," : "", series[i].outcome[k].value[f]);
			fputs("]}", to);
		}
		fputc('}', to);
	}
	fputs("}}", to);
}
