#include "sim/state.h"

#include <string.h>

/* What happens to bonds and uplinks, as against to links, which the timeline sees to. */
struct word {
	const char *target; /* NULL: a link */
	const char *word;
};

static const struct word words[] = {
	{ NULL, "rebind" },	 { NULL, "address" },	  { NULL, "drop" },
	{ NULL, "add" },	 { NULL, "mute" },	  { NULL, "unmute" },
	{ NULL, "paid" },	 { NULL, "expensive" },	  { "receiver", "restart" },
	{ "receiver", "off" },	 { "receiver", "on" },	  { "sender", "restart" },
	{ "bond", "aggregate" }, { "bond", "broadcast" }, { "bond", "backup" },
	{ "junk", "on" },	 { "junk", "off" },
};

static bool is_special(const char *target)
{
	return !strcmp(target, "receiver") || !strcmp(target, "sender") ||
	       !strcmp(target, "bond") || !strcmp(target, "junk");
}

bool script_knows(const char *target, const char *word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(word, words[i].word) &&
		    (words[i].target ? !strcmp(target, words[i].target) : !is_special(target)))
			return true;
	return !is_special(target) && !strncmp(word, "cap=", 4);
}

static void change_path(struct world *w, unsigned i)
{
	struct uplink *u = &w->uplink[i];

	if (u->present && u->path_id >= 0 && w->side[SENDER].bond)
		(void)bond_path_set(w->side[SENDER].bond, (unsigned)u->path_id, &u->path,
				    world_local(w, SENDER));
}

static void drop_path(struct world *w, unsigned i)
{
	struct uplink *u = &w->uplink[i];

	if (u->present && w->side[SENDER].bond)
		bond_path_drop(w->side[SENDER].bond, (unsigned)u->path_id, world_local(w, SENDER));
	u->present = false;
	u->port++;
}

void script_link(struct world *w, unsigned i, const char *word)
{
	struct uplink *u = &w->uplink[i];

	if (!strcmp(word, "rebind")) {
		u->port++;
	} else if (!strcmp(word, "drop")) {
		drop_path(w, i);
	} else if (!strcmp(word, "add")) {
		side_add_path(w, i);
	} else if (!strcmp(word, "address")) {
		drop_path(w, i);
		side_add_path(w, i);
	} else if (!strcmp(word, "mute") || !strcmp(word, "unmute")) {
		u->path.muted = *word == 'm';
		change_path(w, i);
	} else {
		if (!strcmp(word, "paid"))
			u->path.cost = BOND_COST_PAID;
		else if (!strcmp(word, "expensive"))
			u->path.cost = BOND_COST_EXPENSIVE;
		else
			(void)setting_number(word + 4, &u->path.rate_max_bps);
		change_path(w, i);
	}
}

static void bond_event(struct world *w, const char *word)
{
	enum bond_policy policy = !strcmp(word, "broadcast") ? BOND_POLICY_BROADCAST
				  : !strcmp(word, "backup")  ? BOND_POLICY_BACKUP
							     : BOND_POLICY_AGGREGATE;

	for (unsigned s = 0; s < 2; s++)
		if (w->side[s].bond)
			bond_set_policy(w->side[s].bond, policy, world_local(w, s));
}

void script_happen(struct world *w, const struct timeline_event *event)
{
	unsigned role = !strcmp(event->target, "sender") ? SENDER : RECEIVER;

	world_trace(w, "\"ev\":\"script\",\"who\":\"%s\",\"what\":\"%s\"", event->target,
		    event->word);
	if (!strcmp(event->target, "junk")) {
		w->junk_on = !strcmp(event->word, "on");
		w->junk_at = w->junk_on ? w->now : USEC_NEVER;
	} else if (!strcmp(event->target, "bond")) {
		bond_event(w, event->word);
	} else if (is_special(event->target)) {
		side_stop(w, role);
		if (strcmp(event->word, "off") && side_start(w, role))
			world_fail(w, "out of memory");
		/* A new sender has new sockets. */
		for (unsigned i = 0; role == SENDER && i < w->links; i++)
			w->uplink[i].port++;
	} else {
		for (unsigned i = 0; i < w->links; i++)
			if (scenario_names(event->target, w->uplink[i].name))
				script_link(w, i, event->word);
	}
}
