#pragma once

#include <jansson.h>

#include "samples.h"
#include "wire/rehearse.h"

/* What came of a rehearsal, as include/uplinkd/control.h tells (REPORT). NULL: out of memory. */
json_t *rehearsalreport_json(const struct samples *samples, const struct rehearse_report *report,
			     const struct bond_stats *stats, enum bond_policy policy,
			     uint64_t advice_max_bps);
