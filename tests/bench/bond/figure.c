#include "bench/bond/figure.h"

static const struct figure_kind kinds[FIGURES] = {
	[FIGURE_SUBMITTED] = { "submitted", "packets", 1, 0, true },
	[FIGURE_LOST] = { "lost", "lost", 1, 0, false },
	[FIGURE_LATE] = { "late", "late", 1, 0, false },
	[FIGURE_MISSED] = { "missed", "missed", 1, 0, false },
	[FIGURE_MISSED_PPM] = { "missed_ppm", "miss%", 1e4, 3, false },
	[FIGURE_WITHIN_PPM] = { "within_300ms_ppm", "<300ms%", 1e4, 3, true },
	[FIGURE_WITHIN_PPM + 1] = { "within_500ms_ppm", "<500%", 1e4, 3, true },
	[FIGURE_WITHIN_PPM + 2] = { "within_1000ms_ppm", "<1000%", 1e4, 3, true },
	[FIGURE_WITHIN_PPM + 3] = { "within_2000ms_ppm", "<2000%", 1e4, 3, true },
	[FIGURE_P50_US] = { "p50_us", "p50ms", 1e3, 0, false },
	[FIGURE_P95_US] = { "p95_us", "p95", 1e3, 0, false },
	[FIGURE_P99_US] = { "p99_us", "p99", 1e3, 0, false },
	[FIGURE_P999_US] = { "p999_us", "p99.9", 1e3, 0, false },
	[FIGURE_GAP_US] = { "gap_us", "gap", 1e3, 0, false },
	[FIGURE_ON_TIME_BPS] = { "on_time_bps", "Mb/s", 1e6, 2, true },
	[FIGURE_OVERHEAD_PPM] = { "overhead_ppm", "over%", 1e4, 1, false },
	[FIGURE_EXTRA_BYTES] = { "extra_bytes", "extraMB", 1e6, 2, false },
	[FIGURE_COPIES_PPM] = { "copies_ppm", "copies%", 1e4, 2, false },
	[FIGURE_COPIES_PAID_PPM] = { "copies_paid_ppm", "paid%", 1e4, 2, false },
	[FIGURE_USE_PPM] = { "use_1_ppm", "use1%", 1e4, 0, true },
	[FIGURE_USE_PPM + 1] = { "use_2_ppm", "use2%", 1e4, 0, true },
	[FIGURE_USE_PPM + 2] = { "use_3_ppm", "use3%", 1e4, 0, true },
	[FIGURE_USE_PPM + 3] = { "use_4_ppm", "use4%", 1e4, 0, true },
	[FIGURE_HEAL_MS] = { "heal_ms", "heal ms", 1, 0, false },
	[FIGURE_HEAL_SHARE_PPM] = { "heal_share_ppm", "5s%", 1e4, 0, true },
	[FIGURE_DOWN_MS] = { "advice_down_ms", "down ms", 1, 0, false },
	[FIGURE_UP_MS] = { "advice_up_ms", "up ms", 1, 0, false },
	[FIGURE_HIGHEST_BPS] = { "highest_bps", "highest", 1e6, 2, true },
};

const struct figure_kind *figure_kind(enum figure figure)
{
	return &kinds[figure];
}

void outcome_init(struct outcome *outcome)
{
	*outcome = (struct outcome){ 0 };
	for (unsigned i = 0; i < FIGURES; i++)
		outcome->value[i] = FIGURE_NONE;
}
