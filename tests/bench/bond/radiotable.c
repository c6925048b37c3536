#include "bench/bond/radiotable.h"

#include <stdio.h>

#include "sim/radiostats.h"

static void line(const char *name, const enum radio *kinds, unsigned count, unsigned seeds)
{
	struct radiostats s;

	if (radiostats_take(kinds, count, seeds, &s))
		return;
	printf("%-8s %6.2f %6.2f %6.2f %6.2f %8.2f %9.1f %9.2f %9.2f\n", name,
	       (double)s.mean_bps / 1e6, (double)s.p5_bps / 1e6, (double)s.p50_bps / 1e6,
	       (double)s.p95_bps / 1e6, (double)s.gap / 1e6, s.gaps / 10.0,
	       s.ratio_p5_permille / 1e3, s.ratio_p1_permille / 1e3);
}

void radiotable_print(unsigned seeds)
{
	static const enum radio lte[] = { RADIO_LTE_ATT, RADIO_LTE_VZW, RADIO_LTE_TMO };

	printf("Mb/s in bins of 1 s, gaps per %u s, capacity of the next second over the last\n"
	       "%-8s %6s %6s %6s %6s %8s %9s %9s %9s\n",
	       (unsigned)(RADIO_PERIOD / USEC_PER_SEC), "", "mean", "p5", "p50", "p95", "longest",
	       ">= 500 ms", "ratio p5", "p1");
	for (enum radio kind = 0; kind < RADIO_KINDS; kind++)
		line(radio_name(kind), &kind, 1, seeds);
	line("lte x3", lte, 3, seeds);
}
