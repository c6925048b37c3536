#include "timeline.h"

#include <stdlib.h>
#include <string.h>

/*
 * Every command has the time of its next turn. A command that lasts leaves behind an undo per
 * setting and direction: what was in force before, and when it comes back. A second change of the
 * same setting while an undo waits only moves the undo, so that overlapping disturbances end in the
 * state before the first. At the same moment undos go before commands, commands in their order.
 */

#define UNDOS_MAX 256
#define EXTRA_MAX 64 /* commands added while running and still waiting */

struct turn {
	struct scenario_command command;
	usec_t start; /* from which the command's times count */
	usec_t next_at;
};

struct undo {
	usec_t at;
	unsigned link;
	unsigned direction; /* SCENARIO_UP or SCENARIO_DOWN */
	enum setting_key key;
	struct setting setting;
};

struct timeline {
	const struct scenario *scenario;
	const struct timeline_link *links;
	unsigned count;
	bool ended;
	struct turn turn[SCENARIO_COMMANDS_MAX + EXTRA_MAX];
	unsigned turns;
	struct undo undo[UNDOS_MAX];
	unsigned undos;

	/* The command that is being carried out, word by word. */
	struct scenario_command current;
	unsigned word;
	usec_t current_at;
};

bool timeline_add(struct timeline *timeline, const struct scenario_command *command, usec_t now)
{
	unsigned i = 0;

	/* The place of one that is over, or a new one. */
	while (i < timeline->turns && timeline->turn[i].next_at != USEC_NEVER)
		i++;
	if (i == sizeof(timeline->turn) / sizeof(*timeline->turn))
		return false;
	if (i == timeline->turns)
		timeline->turns++;
	timeline->turn[i] =
		(struct turn){ .command = *command, .start = now, .next_at = now + command->at };
	return true;
}

struct timeline *timeline_new(const struct scenario *scenario, const struct timeline_link *links,
			      unsigned count, usec_t start)
{
	struct timeline *timeline = calloc(1, sizeof(*timeline));

	if (!timeline)
		return NULL;
	timeline->scenario = scenario;
	timeline->links = links;
	timeline->count = count;
	for (unsigned i = 0; i < scenario->commands; i++)
		(void)timeline_add(timeline, &scenario->command[i], start);
	return timeline;
}

struct timeline *timeline_free(struct timeline *timeline)
{
	free(timeline);
	return NULL;
}

bool timeline_has_ended(const struct timeline *timeline)
{
	return timeline->ended;
}

usec_t timeline_next_at(const struct timeline *timeline)
{
	usec_t at = USEC_NEVER;

	if (timeline->word < timeline->current.words)
		return timeline->current_at;
	for (unsigned i = 0; i < timeline->turns; i++)
		at = usec_min(at, timeline->turn[i].next_at);
	for (unsigned i = 0; i < timeline->undos; i++)
		at = usec_min(at, timeline->undo[i].at);
	return at;
}

static struct link *side(const struct timeline_link *link, unsigned direction)
{
	return direction == SCENARIO_UP ? link->up : link->down;
}

static enum setting_key slot(enum setting_key key)
{
	return key == SETTING_TRACE ? SETTING_RATE : key;
}

/* False: there is no room for another undo, and nothing is to be changed. */
static bool remember(struct timeline *t, unsigned link, unsigned direction, enum setting_key key,
		     usec_t at)
{
	for (unsigned i = 0; i < t->undos; i++) {
		struct undo *undo = &t->undo[i];

		if (undo->link == link && undo->direction == direction && undo->key == slot(key)) {
			undo->at = usec_max(undo->at, at);
			return true;
		}
	}
	if (t->undos == UNDOS_MAX)
		return false;
	t->undo[t->undos++] = (struct undo){
		.at = at,
		.link = link,
		.direction = direction,
		.key = slot(key),
		.setting = setting_read(side(&t->links[link], direction), key),
	};
	return true;
}

static void apply(struct timeline *t, const struct scenario_command *command,
		  const struct scenario_word *word, const struct setting *setting, usec_t at)
{
	for (unsigned i = 0; i < t->count; i++) {
		unsigned directions = scenario_names(command->target, t->links[i].name);

		for (unsigned d = SCENARIO_UP; d <= SCENARIO_DOWN; d <<= 1) {
			if (!(directions & word->directions & d))
				continue;
			if (command->lasts && !remember(t, i, d, setting->key, at + command->lasts))
				continue;
			setting_apply(side(&t->links[i], d), setting, at);
		}
	}
}

static void undo(struct timeline *t, unsigned i)
{
	struct undo undo = t->undo[i];

	t->undo[i] = t->undo[--t->undos];
	setting_apply(side(&t->links[undo.link], undo.direction), &undo.setting, undo.at);
}

/* Takes up the earliest thing that is due. False: nothing is. */
static bool step(struct timeline *t, usec_t now)
{
	usec_t at = timeline_next_at(t);
	struct turn *turn = NULL;

	if (at > now)
		return false;
	for (unsigned i = 0; i < t->undos; i++) {
		if (t->undo[i].at == at) {
			undo(t, i);
			return true;
		}
	}
	for (unsigned i = 0; !turn && i < t->turns; i++)
		if (t->turn[i].next_at == at)
			turn = &t->turn[i];
	if (!turn)
		return false;
	t->current = turn->command;
	t->current_at = at;
	t->word = 0;
	turn->next_at = turn->command.every ? at + turn->command.every : USEC_NEVER;
	if (turn->next_at > usec_add(turn->start, turn->command.until))
		turn->next_at = USEC_NEVER;
	if (!strcmp(t->current.target, "end"))
		t->ended = true;
	return true;
}

bool timeline_next(struct timeline *timeline, usec_t now, struct timeline_event *ret_event)
{
	do {
		while (timeline->word < timeline->current.words) {
			const struct scenario_word *word =
				&timeline->current.word[timeline->word++];
			struct setting setting;

			if (scenario_setting(timeline->scenario, word, &setting)) {
				*ret_event =
					(struct timeline_event){ .target = timeline->current.target,
								 .word = word->text };
				return true;
			}
			apply(timeline, &timeline->current, word, &setting, timeline->current_at);
		}
	} while (step(timeline, now));
	return false;
}

void timeline_begin(const struct scenario *scenario, const struct scenario_link *link,
		    const struct timeline_link *on, usec_t now)
{
	for (unsigned i = 0; i < link->words; i++) {
		struct setting setting;

		if (scenario_setting(scenario, &link->word[i], &setting))
			continue;
		if (link->word[i].directions & SCENARIO_UP)
			setting_apply(on->up, &setting, now);
		if (link->word[i].directions & SCENARIO_DOWN)
			setting_apply(on->down, &setting, now);
	}
}
