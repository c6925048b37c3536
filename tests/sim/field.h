#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "sim/radio.h"
#include "tools/linksim/link.h"
#include "tools/linksim/scenario.h"
#include "tools/linksim/timeline.h"

/*
 * The field: the links of a scenario and what happens to them over time. Whoever sends over it, the
 * same scenario and seed give the same links.
 */
#define FIELD_IP_UDP_BYTES 28 /* what each datagram costs on a link besides itself */

/* Writes RADIO_STEPS steps, which repeat after RADIO_PERIOD, for capacities that no text can hold;
 * they replace the rate of the scenario. False: link @link keeps what the text says. */
typedef bool field_capacity_fn(unsigned link, uint64_t seed, struct capacity_step *steps);

struct field_link {
	const char *name;
	struct link *up, *down;
	bool has_steps;
	struct capacity_step steps[RADIO_STEPS];
};

struct field {
	struct scenario scenario;
	struct timeline *timeline;
	unsigned links;
	struct field_link link[SCENARIO_LINKS_MAX];
	struct timeline_link on[SCENARIO_LINKS_MAX];
};

/* @field is zeroed and does not move. @name: of the scenario, for errors. @rng gives the links
 * their chance, @seed the capacities. 0; -EINVAL: the text does not parse (told on stderr);
 * -ENOMEM. Either way field_deinit() follows. */
int field_init(struct field *field, const char *text, const char *name, scenario_event_fn *event,
	       field_capacity_fn *capacity, struct rng *rng, uint64_t seed);
void field_deinit(struct field *field);

/* When a link or the timeline wants something. */
usec_t field_next_at(const struct field *field);
/* What @link carries upwards at @now, as its table or rate says; outages and loss come on top. */
uint64_t field_rate_bps(const struct field *field, unsigned link, usec_t now);
