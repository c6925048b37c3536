#include "bench/bond/bound.h"

#define MS 1000 /* in us */

const struct bound bounds[] = {
	{ "the highest constant stream on 6+4+5 Mb/s, 1 % loss on the last, >= 14.0 Mb/s",
	  "stable-highest", FIGURE_HIGHEST_BPS, .at_least = true, .limit = 14000000 },
	{ "advice followed: >= 80 % of the oracle's bytes", "lte-advice", FIGURE_ON_TIME_BPS,
	  .at_least = true, .permille = 800, .of = CONTENDER_ORACLE },
	{ "advice followed: p99 <= 400 ms", "lte-advice", FIGURE_P99_US, .limit = 400 * MS },
	{ "advice followed: <= 0.05 % later than 1 s", "lte-advice", FIGURE_WITHIN_PPM + 2,
	  .at_least = true, .limit = 999500 },
	{ "random cuts at 60 % load, 500 ms: none lost in 99 of 100", "cut-one", FIGURE_MISSED,
	  .misses_percent = 1, .many = true },
	{ "random cuts: longest gap <= 1 RTT + 60 ms", "cut-one", FIGURE_GAP_US, .limit = 140 * MS,
	  .many = true },
	{ "constant at 65 % of the oracle's: 0 lost or late", "lte-65", FIGURE_MISSED, .limit = 0 },
	{ "constant at 100 % of the oracle's: <= 1.5 %", "lte-100", FIGURE_MISSED_PPM,
	  .limit = 15000 },
	{ "10 ms beside 200 ms: 0 lost", "ten-ten", FIGURE_MISSED, .limit = 0 },
	{ "10 ms beside 200 ms: overhead <= 6 %", "ten-ten", FIGURE_OVERHEAD_PPM, .limit = 60000 },
	{ "5 % burst loss at half load: 0 lost", "burst-5", FIGURE_MISSED, .limit = 0 },
	{ "5 % burst loss: overhead <= 11 %", "burst-5", FIGURE_OVERHEAD_PPM, .limit = 110000 },
	{ "all black for 3 s, latency 8 s: 0 lost", "black-3", FIGURE_MISSED, .limit = 0 },
	{ "all black: overhead <= 35 %", "black-3", FIGURE_OVERHEAD_PPM, .limit = 350000 },
	{ "overload of 130 %: >= 90 % of what can be carried is on time", "overload",
	  FIGURE_ON_TIME_BPS, .at_least = true, .permille = 900, .of = CONTENDER_ORACLE },
	{ "a healed link carries its share within 3 s", "heal", FIGURE_HEAL_MS, .limit = 3000 },
	{ "never worse than without that link", "marginal", FIGURE_MISSED, .permille = 1000,
	  .of = CONTENDER_WITHOUT },
	{ "never worse than without that link", "marginal-fast", FIGURE_MISSED, .permille = 1000,
	  .of = CONTENDER_WITHOUT },
	{ "never worse than without that link", "stalls", FIGURE_MISSED, .permille = 1000,
	  .of = CONTENDER_WITHOUT },
	{ "halved: advice below the new capacity within 250 ms + 1 RTT", "step", FIGURE_DOWN_MS,
	  .limit = 250 + 80 },
	{ "doubled: advice at 90 % of it within 2.5 s", "step", FIGURE_UP_MS, .limit = 2500 },
	{ "<= 2 % redundancy on clean links", "stable", FIGURE_COPIES_PPM, .limit = 20000 },
	{ "<= 3 % redundancy on paid links", "paid", FIGURE_COPIES_PAID_PPM, .limit = 30000 },
};

const unsigned bounds_count = sizeof(bounds) / sizeof(*bounds);
