#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/clock.h"
#include "link.h"
#include "setting.h"

/*
 * A scenario: links and what happens to them, as text. One statement a line (in a string also
 * after ';'), words apart by spaces or commas, comments from '#' to the end of the line.
 *
 *     link NAME WORD...                   there is a link; WORD: an option or a setting
 *     [at T] [every T [until T]] [for T] NAME WORD...
 *                                         at T after the start (default 0) the settings take
 *                                         effect; again every T; each time for T only, then what
 *                                         was before comes back
 *     [at T] end                          the scenario is over
 *
 * NAME in a timed line is a link, several as a+b, or * for all of them. NAME.up and NAME.down mean
 * one direction; so does the prefix up. or down. before a setting. Up is from the sender of a
 * stream to its receiver: from `listen` to `to`, from side a to side b.
 *
 *     # Three uplinks; the LAN turns into a black hole for 12 s.
 *     link lan  listen=127.0.0.1:0 to=127.0.0.1:7000 rate=20M delay=5ms queue=100ms
 *     link cell listen=127.0.0.1:0 to=127.0.0.1:7000 up.rate=8M down.rate=30M delay=40ms jitter=8ms
 *     link wifi listen=127.0.0.1:0 to=127.0.0.1:7000 rate=15M delay=8ms loss=1%
 *     at 12s for 12s lan outage=blackhole
 *     at 5s every 7s until 60s cell.up for 600ms outage=stall
 *     at 30s cell rebind
 *     at 40s end
 *
 * Settings: see setting.h. Options of a link (linksim's; the simulator has none):
 *
 *     listen=ADDRESS:PORT  where the relay takes packets; port 0: any free one
 *     to=ADDRESS:PORT      where it sends them
 *     ns-a=NAME dev-a=NAME addr-a=ADDRESS/BITS, and the same with b: the two TUN devices
 *     seed=N               of this link's own chance
 *
 * Words that are no settings are events: `rebind` (the address translation between here and there
 * forgets, the link comes from another port). The simulator knows more of them.
 */
#define SCENARIO_LINKS_MAX    16
#define SCENARIO_COMMANDS_MAX 256
#define SCENARIO_WORDS_MAX    16
#define SCENARIO_WORD_MAX     128
#define SCENARIO_NAME_MAX     32
#define SCENARIO_TRACES_MAX   16

#define SCENARIO_UP   1u
#define SCENARIO_DOWN 2u

struct scenario_word {
	unsigned directions;
	char text[SCENARIO_WORD_MAX];
};

struct scenario_link {
	char name[SCENARIO_NAME_MAX];
	char listen[SCENARIO_WORD_MAX], to[SCENARIO_WORD_MAX];
	char ns[2][SCENARIO_NAME_MAX], dev[2][SCENARIO_NAME_MAX], addr[2][SCENARIO_WORD_MAX];
	uint64_t seed;
	bool has_seed;
	unsigned words;
	struct scenario_word word[SCENARIO_WORDS_MAX];
};

struct scenario_command {
	usec_t at;
	usec_t every; /* 0: once */
	usec_t until; /* of the repetition; USEC_NEVER */
	usec_t lasts; /* 0: for good */
	char target[SCENARIO_NAME_MAX];
	unsigned words;
	struct scenario_word word[SCENARIO_WORDS_MAX];
};

struct scenario_trace {
	char path[SCENARIO_WORD_MAX];
	uint32_t *at_ms;
	size_t count;
};

struct scenario {
	unsigned links;
	struct scenario_link link[SCENARIO_LINKS_MAX];
	unsigned commands;
	struct scenario_command command[SCENARIO_COMMANDS_MAX];
	unsigned traces;
	struct scenario_trace trace[SCENARIO_TRACES_MAX];
};

/* Who applies the words that are not settings: true when the word is known. With @links NULL it
 * is asked only whether it knows it. */
typedef bool scenario_event_fn(const char *target, const char *word);

/* Adds the statements of @text to @scenario (zeroed before the first). Every error goes to @errors
 * as
 * "@name:LINE: what". 0, or -EINVAL after at least one. @event: which other words there are. */
int scenario_parse(struct scenario *scenario, const char *text, const char *name,
		   scenario_event_fn *event, FILE *errors);
/* One timed statement (without its time: at once), as it comes on a line of its own. */
int scenario_parse_command(struct scenario *scenario, const char *text, const char *name,
			   scenario_event_fn *event, FILE *errors,
			   struct scenario_command *ret_command);
/* The setting that @word holds, its trace filled in. 0 or -EINVAL: an event. */
int scenario_setting(const struct scenario *scenario, const struct scenario_word *word,
		     struct setting *ret_setting);
/* Whether @target ("*", "a+b", "a.up") names the link @name; the directions it means, or 0. */
unsigned scenario_names(const char *target, const char *name);
void scenario_deinit(struct scenario *scenario);
