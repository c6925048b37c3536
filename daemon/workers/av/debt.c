#include "workers/av/debt.h"

static int64_t bits_in(uint64_t bps, usec_t time)
{
	return (int64_t)(bps * time / USEC_PER_SEC);
}

void debt_step(struct debt *debt, uint64_t before_bps, uint64_t after_bps)
{
	int64_t before = (int64_t)before_bps, kept = 2 * (int64_t)after_bps - before;

	if (debt->bits < 0 && after_bps < before_bps)
		debt->bits = kept > 0 ? debt->bits * kept / before : 0;
}

void debt_add(struct debt *debt, uint64_t bytes, uint64_t advice_bps, usec_t span)
{
	int64_t least = -bits_in(advice_bps, DEBT_CREDIT_TIME);
	int64_t most = bits_in(advice_bps, DEBT_MOST_TIME);

	debt->bits += (int64_t)(bytes * 8) - bits_in(advice_bps, span);
	if (debt->bits < least)
		debt->bits = least;
	if (debt->bits > most)
		debt->bits = most;
}

uint64_t debt_owed_bps(const struct debt *debt, uint64_t advice_bps)
{
	uint64_t most = advice_bps * DEBT_SHARE_PERCENT / 100, owed;

	if (debt->bits <= 0)
		return 0;
	owed = (uint64_t)debt->bits * USEC_PER_SEC / DEBT_TIME;
	return owed < most ? owed : most;
}
