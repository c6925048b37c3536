#pragma once

#include "bench/bond/figure.h"
#include "bench/bond/oracle.h"
#include "bench/bond/scenario.h"

/* Turns what a world, or who stands in for one, has counted into figures. @text: the scenario's,
 * filled in; @capacity: what each link could carry during the stream. */
void measure(const struct bench_scenario *scenario, const struct world_config *config,
	     const struct oracle *oracle, const struct world_figures *figures,
	     struct outcome *ret_outcome);
