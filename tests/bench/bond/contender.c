#include "bench/bond/contender.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bond/measure.h"
#include "bench/bond/oracle.h"
#include "bench/bond/plain.h"
#include "bench/bond/scenario.h"

static const char *const names[CONTENDERS] = {
	"ours",	     "without",	       "classic",   "wrr",	 "single",
	"duplicate", "broadcast",      "repeat-10", "parity-10", "repeat-20",
	"parity-20", "parity-20-deep", "law",	    "ideal",	 "oracle",
};

const char *contender_name(enum contender contender)
{
	return names[contender];
}

bool contender_takes_part(const struct bench_scenario *scenario, enum contender contender)
{
	if (contender == CONTENDER_WITHOUT)
		return scenario->without;
	if (contender >= CONTENDER_BROADCAST && contender <= CONTENDER_PARITY_20_DEEP)
		return scenario->coded;
	if (contender == CONTENDER_LAW || contender == CONTENDER_IDEAL)
		return scenario->world.source.follow;
	return !(scenario->skip & 1u << contender);
}

static int run_coded(enum contender contender, const struct world_config *config, uint64_t seed,
		     struct world_figures *figures)
{
	struct world_config coded = *config;

	coded.coder = (struct coder_config){
		.data = 20,
		.extra = contender <= CONTENDER_PARITY_10 ? 2 : 4,
		.depth = contender == CONTENDER_PARITY_20_DEEP ? 4 : 1,
		.repeat = contender == CONTENDER_REPEAT_10 || contender == CONTENDER_REPEAT_20,
	};
	if (contender == CONTENDER_BROADCAST) {
		coded.coder = (struct coder_config){ 0 };
		coded.policy = BOND_POLICY_BROADCAST;
	}
	return world_run(&coded, seed, NULL, figures);
}

static int run_once(enum contender contender, const struct oracle *oracle,
		    const struct world_config *config, uint64_t seed, struct world_figures *figures)
{
	switch (contender) {
	case CONTENDER_CLASSIC:
		return plain_run(SPREAD_CLASSIC, config, seed, figures);
	case CONTENDER_WEIGHTED:
		return plain_run(SPREAD_WEIGHTED, config, seed, figures);
	case CONTENDER_SINGLE:
		return plain_run(SPREAD_SINGLE, config, seed, figures);
	case CONTENDER_DUPLICATE:
		return plain_run(SPREAD_ALL, config, seed, figures);
	case CONTENDER_BROADCAST:
	case CONTENDER_REPEAT_10:
	case CONTENDER_PARITY_10:
	case CONTENDER_REPEAT_20:
	case CONTENDER_PARITY_20:
	case CONTENDER_PARITY_20_DEEP:
		return run_coded(contender, config, seed, figures);
	case CONTENDER_LAW:
		return oracle_run(oracle, config, ORACLE_ADVICE_LAW, figures);
	case CONTENDER_IDEAL:
		return world_run(config, seed, NULL, figures)
			       ?: oracle_run(oracle, config, ORACLE_ADVICE_OURS, figures);
	case CONTENDER_ORACLE:
		return oracle_run(oracle, config, ORACLE_ADVICE_MAX, figures);
	case CONTENDER_OURS:
	case CONTENDER_WITHOUT:
	case CONTENDERS:
		break;
	}
	return world_run(config, seed, NULL, figures);
}

#define SEARCH_STEP_BPS 100000

/* The highest rate without a miss, by bisection. @figures: of that rate, or of the lowest one. */
static int search(const struct bench_scenario *scenario, enum contender contender,
		  const struct oracle *oracle, struct world_config *config, uint64_t seed,
		  struct world_figures *figures, uint64_t *ret_bps)
{
	unsigned low = 0; /* known to hold, in steps above search_from_bps; 0: or nothing does */
	unsigned high =
		(unsigned)((scenario->search_to_bps - scenario->search_from_bps) / SEARCH_STEP_BPS);
	int r = 0;

	while (!r && low < high) {
		unsigned middle = (low + high + 1) / 2;

		config->source.rate_bps = scenario->search_from_bps + middle * SEARCH_STEP_BPS;
		r = run_once(contender, oracle, config, seed, figures);
		if (figures->media.lost + figures->media.late)
			high = middle - 1;
		else
			low = middle;
	}
	config->source.rate_bps = scenario->search_from_bps + low * SEARCH_STEP_BPS;
	if (!r)
		r = run_once(contender, oracle, config, seed, figures);
	*ret_bps = figures->media.lost + figures->media.late ? 0 : config->source.rate_bps;
	return r;
}

void contender_run(const struct bench_scenario *scenario, enum contender contender, uint64_t seed,
		   unsigned off, usec_t latency, struct outcome *ret_outcome)
{
	struct world_config config = scenario->world;
	struct world_figures *figures = calloc(1, sizeof(*figures));
	struct oracle oracle = { 0 };
	char text[SCENARIO_TEXT_MAX];
	bool filled = bench_scenario_text(contender == CONTENDER_WITHOUT ? scenario->without
									 : config.scenario,
					  seed, world_length(&config), text, sizeof(text));

	outcome_init(ret_outcome);
	config.scenario = text;
	config.off |= off;
	config.unhashed = true;
	if (latency)
		config.latency = latency;
	if (!figures || !filled || oracle_init(&oracle, &config, seed))
		goto out;
	if (scenario->oracle_permille)
		config.source.rate_bps =
			oracle_highest_bps(&oracle, &config) * scenario->oracle_permille / 1000;
	if (scenario->search_to_bps)
		ret_outcome->ran = !search(scenario, contender, &oracle, &config, seed, figures,
					   &ret_outcome->value[FIGURE_HIGHEST_BPS]);
	else
		ret_outcome->ran = !run_once(contender, &oracle, &config, seed, figures);
	if (figures->failure)
		(void)snprintf(ret_outcome->failure, sizeof(ret_outcome->failure), "%s at %.3f s",
			       figures->failure, (double)figures->failed_at / USEC_PER_SEC);
	if (ret_outcome->ran)
		measure(scenario, &config, &oracle, figures, ret_outcome);
	/* It offers whatever may be offered, and leaves out most: only what it carries counts. */
	if (contender == CONTENDER_ORACLE && config.source.follow)
		for (unsigned i = 0; i < FIGURES; i++)
			if (i != FIGURE_ON_TIME_BPS)
				ret_outcome->value[i] = FIGURE_NONE;
out:
	oracle_deinit(&oracle);
	free(figures);
}
