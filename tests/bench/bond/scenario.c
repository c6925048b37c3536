#include "bench/bond/scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"

#define AT_EARLIEST (4 * USEC_PER_SEC) /* of the world: everything has settled */

const struct bench_scenario *bench_scenario_find(const char *name)
{
	for (unsigned i = 0; i < bench_scenarios_count; i++)
		if (!strcmp(bench_scenarios[i].world.name, name))
			return &bench_scenarios[i];
	return NULL;
}

/* The names after each "link " of @text. */
static unsigned link_names(const char *text, char names[][SCENARIO_NAME_MAX])
{
	unsigned count = 0;

	for (const char *at = text; count < SCENARIO_LINKS_MAX && (at = strstr(at, "link "));
	     count++) {
		at += 5;
		(void)snprintf(names[count], SCENARIO_NAME_MAX, "%.*s", (int)strcspn(at, " "), at);
	}
	return count;
}

static void others(char names[][SCENARIO_NAME_MAX], unsigned count, unsigned one, char *ret_text,
		   size_t size)
{
	size_t used = 0;

	*ret_text = '\0';
	for (unsigned i = 0; i < count; i++)
		if (i != one && used < size)
			used += (size_t)snprintf(ret_text + used, size - used, "%s%s",
						 used ? "+" : "", names[i]);
}

/* What happens to the link "cell": @what, a number of ms between @low and @high, @rest. */
static void again_and_again(const char *what, unsigned low, unsigned high, const char *rest,
			    usec_t until, struct rng *rng, char *ret_text, size_t size)
{
	size_t used = 0;

	*ret_text = '\0';
	for (usec_t at = AT_EARLIEST - USEC_PER_SEC; at < until && used < size;
	     at += USEC_PER_SEC + rng_below(rng, 4 * USEC_PER_SEC))
		used += (size_t)snprintf(
			ret_text + used, size - used, "at %" PRIu64 "ms cell %s%" PRIu64 "ms%s;",
			at / USEC_PER_MS, what, low + rng_below(rng, high - low + 1), rest);
}

bool bench_scenario_text(const char *text, uint64_t seed, usec_t length, char *ret_text,
			 size_t size)
{
	char names[SCENARIO_LINKS_MAX][SCENARIO_NAME_MAX], at[24], rest[128], swings[1024],
		stalls[1024];
	unsigned links = link_names(text, names);
	struct rng rng = rng_of(~seed);
	usec_t latest = usec_max(WORLD_LEAD + length * 2 / 3, AT_EARLIEST + USEC_PER_SEC);
	unsigned one = (unsigned)rng_below(&rng, links);
	const struct {
		const char *place, *value;
	} places[] = { { "{at}", at },
		       { "{one}", names[one] },
		       { "{others}", rest },
		       { "{swings}", swings },
		       { "{stalls}", stalls } };

	(void)snprintf(at, sizeof(at), "%" PRIu64,
		       (AT_EARLIEST + rng_below(&rng, latest - AT_EARLIEST)) / USEC_PER_MS);
	again_and_again("delay=", 100, 1200, "", WORLD_LEAD + length, &rng, swings, sizeof(swings));
	again_and_again("for ", 400, 800, " outage=stall", WORLD_LEAD + length, &rng, stalls,
			sizeof(stalls));
	others(names, links, one, rest, sizeof(rest));
	while (*text) {
		const char *value = NULL;
		size_t len = 1;

		for (size_t i = 0; i < sizeof(places) / sizeof(*places) && !value; i++) {
			if (strncmp(text, places[i].place, strlen(places[i].place)) != 0)
				continue;
			value = places[i].value;
			len = strlen(places[i].place);
		}
		if (value ? strlen(value) >= size : size < 2)
			return false;
		if (value)
			ret_text += sprintf(ret_text, "%s", value);
		else
			*ret_text++ = *text;
		size -= value ? strlen(value) : 1;
		text += len;
	}
	*ret_text = '\0';
	return true;
}
