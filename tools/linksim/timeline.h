#pragma once

#include <stdbool.h>

#include "scenario.h"

/*
 * A timeline: carries out the timed statements of a scenario on its links. The driver calls
 * timeline_next() until false whenever timeline_next_at() has come, before it moves packets of
 * that moment; what it returns are the events, which are the driver's to carry out.
 */
struct timeline_link {
	const char *name;
	struct link *up, *down;
};

struct timeline_event {
	const char *target;
	const char *word;
};

struct timeline;

/* @scenario and @links are borrowed. NULL: out of memory. */
struct timeline *timeline_new(const struct scenario *scenario, const struct timeline_link *links,
			      unsigned count, usec_t start);
struct timeline *timeline_free(struct timeline *timeline);

usec_t timeline_next_at(const struct timeline *timeline);
/* Applies what is due; true at each event (its strings are valid until the next call). */
bool timeline_next(struct timeline *timeline, usec_t now, struct timeline_event *ret_event);
/* Carries out @command now, and again if it says so; its times count from @now. False: too many
 * are waiting. */
bool timeline_add(struct timeline *timeline, const struct scenario_command *command, usec_t now);
bool timeline_has_ended(const struct timeline *timeline);

/* The settings that a link begins with. */
void timeline_begin(const struct scenario *scenario, const struct scenario_link *link,
		    const struct timeline_link *on, usec_t now);
