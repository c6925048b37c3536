#include "steer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "sys/log.h"
#include "sys/messages.h"

/*
 * A drain: the bond gives the uplink nothing new, its acknowledgements come in, and when nothing is
 * out any more, or after DRAIN_MAX, its socket is closed. What was still out then is sent on
 * another uplink by the bond, so that nothing is lost either way.
 */
#define DRAIN_TICK (50 * USEC_PER_MS)
#define DRAIN_MAX  (3 * USEC_PER_SEC)

struct steer {
	struct steer_config config;
	struct loop_timer timer; /* while something drains */
	usec_t drain_until;
	char why[512]; /* of the last refusal */
	char warning[256];
};

static const char *const policies[] = { "aggregate", "broadcast", "backup", NULL };

/* --- drain ------------------------------------------------------------------------------------ */

static bool is_home(const struct bond_stats *stats, const struct uplink *uplink)
{
	return uplink->path_id < 0 || (unsigned)uplink->path_id >= stats->paths ||
	       !stats->path[uplink->path_id].inflight_bytes;
}

static void on_drain(struct loop_timer *timer)
{
	struct steer *steer = timer->owner;
	struct steer_config *c = &steer->config;
	usec_t now = loop_now(c->loop);
	bool more = false;
	struct bond_stats stats;

	bond_stats(c->bond, &stats, now);
	for (unsigned i = 0; i < UPLINKS_MAX; i++) {
		const struct uplink *at = uplinks_get(c->uplinks, i);
		struct uplink *uplink = at ? uplinks_find(c->uplinks, at->name) : NULL;

		if (!uplink || uplink->service != UPLINK_DRAINING)
			continue;
		if (!is_home(&stats, uplink) && now < steer->drain_until) {
			more = true;
			continue;
		}
		uplink->service = UPLINK_DRAINED;
		uplinks_changed(c->uplinks, uplink);
		journal_add(c->journal, LOG_LEVEL_INFO, MESSAGE_UPLINK_STATE,
			    "uplink %s: drained and closed: %s", uplink->name, uplink->notice);
	}
	loop_timer_set(timer, more ? now + DRAIN_TICK : USEC_NEVER);
}

static void steer_serve(struct steer *steer, struct uplink *uplink, enum uplink_service service,
			const char *notice)
{
	uplink->service = service;
	(void)snprintf(uplink->notice, sizeof(uplink->notice), "%s", notice);
	uplinks_changed(steer->config.uplinks, uplink);
	pump_turn(steer->config.pump);
}

void steer_drain(struct steer *steer, struct uplink *uplink, const char *notice)
{
	usec_t now = loop_now(steer->config.loop);

	if (uplink->service != UPLINK_DRAINED) {
		steer_serve(steer, uplink, UPLINK_DRAINING, notice);
		steer->drain_until = now + DRAIN_MAX;
		loop_timer_set(&steer->timer, now);
		return;
	}
	(void)snprintf(uplink->notice, sizeof(uplink->notice), "%s", notice);
}

void steer_unmute(struct steer *steer, struct uplink *uplink)
{
	steer_serve(steer, uplink, UPLINK_SERVING, "");
}

/* --- commands --------------------------------------------------------------------------------- */

static const char *member(json_t *request, const char *key)
{
	const char *text = json_string_value(json_object_get(request, key));

	return text ? text : "";
}

static json_t *on_policy(void *owner, json_t *request, const char **ret_why)
{
	struct steer *steer = owner;
	const struct steer_config *c = &steer->config;
	usec_t now = loop_now(c->loop);
	struct bond_stats stats;
	unsigned policy = 0;

	bond_stats(c->bond, &stats, now);
	if (!json_object_get(request, "policy"))
		return json_pack("{s:s}", "policy", policies[stats.policy]);
	while (policies[policy] && strcmp(policies[policy], member(request, "policy")) != 0)
		policy++;
	if (!policies[policy]) {
		(void)snprintf(steer->why, sizeof(steer->why),
			       "there is no policy \"%.64s\"; it is aggregate, broadcast or backup",
			       member(request, "policy"));
		*ret_why = steer->why;
		return NULL;
	}
	if (policy != stats.policy) {
		bond_set_policy(c->bond, (enum bond_policy)policy, pump_time(c->pump, USEC_NEVER));
		pump_turn(c->pump);
		journal_add(c->journal, LOG_LEVEL_INFO, NULL, "policy %s, was %s: the operator",
			    policies[policy], policies[stats.policy]);
	}
	return json_pack("{s:s}", "policy", policies[policy]);
}

/* Names all uplinks, for who has asked for one that is not there. */
static void refuse_name(struct steer *steer, const char *name)
{
	int used = snprintf(steer->why, sizeof(steer->why), "there is no uplink \"%.64s\"; ", name);
	unsigned count = 0;

	for (unsigned i = 0; i < UPLINKS_MAX; i++) {
		const struct uplink *uplink = uplinks_get(steer->config.uplinks, i);

		if (uplink && (size_t)used < sizeof(steer->why))
			used += snprintf(steer->why + used, sizeof(steer->why) - (size_t)used,
					 "%s%s", count++ ? ", " : "there are: ", uplink->name);
	}
	if (!count)
		(void)snprintf(steer->why, sizeof(steer->why), "there is no uplink at all");
}

static bool is_last(struct steer *steer, const struct uplink *uplink)
{
	struct bond_stats stats;

	bond_stats(steer->config.bond, &stats, loop_now(steer->config.loop));
	for (unsigned i = 0; i < stats.paths; i++)
		if ((int)i != uplink->path_id && stats.path[i].state == BOND_PATH_UP &&
		    !stats.path[i].muted)
			return false;
	return true;
}

/* A value as the configuration takes it. */
static bool set_value(struct steer *steer, struct uplink *uplink, const char *key,
		      const char *value)
{
	struct config_uplink parsed = { 0 };

	if (!*value) {
		(void)snprintf(steer->why, sizeof(steer->why), "%s: needs a value", key);
		return false;
	}
	if (config_uplink_set(&parsed, key, value, steer->why, sizeof(steer->why)) < 0)
		return false;
	if (!strcmp(key, "cost"))
		uplink->cost = parsed.cost == CONFIG_COST_AUTO
				       ? rule_cost(NULL, &uplink->item)
				       : (enum bond_cost)(parsed.cost - CONFIG_COST_FREE);
	else
		uplink->rate_max_bps = parsed.rate_max_bps;
	uplinks_changed(steer->config.uplinks, uplink);
	pump_turn(steer->config.pump);
	return true;
}

/* False: there is no such action, or its value is wrong; told in steer->why. */
static bool act(struct steer *steer, struct uplink *uplink, const char *action, const char *value)
{
	char notice[sizeof(uplink->notice)];

	if (!strcmp(action, "cost"))
		return set_value(steer, uplink, "cost", value);
	if (!strcmp(action, "max"))
		return set_value(steer, uplink, "rate-max", value);
	if (*value) {
		(void)snprintf(steer->why, sizeof(steer->why), "\"%.64s\" takes no value", action);
		return false;
	}
	if (!strcmp(action, "unmute")) {
		steer_unmute(steer, uplink);
		steer->config.on_unmute(steer->config.owner, uplink->name);
		return true;
	}
	(void)snprintf(notice, sizeof(notice),
		       "the operator; back with \"uplinkctl uplink %s unmute\"", uplink->name);
	if (is_last(steer, uplink))
		(void)snprintf(steer->warning, sizeof(steer->warning),
			       "no other uplink is up: the stream stands still until one is");
	if (!strcmp(action, "drain")) {
		steer_drain(steer, uplink, notice);
		return true;
	}
	if (!strcmp(action, "mute")) {
		steer_serve(steer, uplink, UPLINK_MUTED, notice);
		return true;
	}
	(void)snprintf(steer->why, sizeof(steer->why),
		       "there is no action \"%.64s\"; it is drain, mute, unmute, cost or max",
		       action);
	return false;
}

static json_t *on_uplink(void *owner, json_t *request, const char **ret_why)
{
	struct steer *steer = owner;
	const char *name = member(request, "name"), *action = member(request, "action"),
		   *value = member(request, "value");
	struct uplink *uplink = uplinks_find(steer->config.uplinks, name);

	*ret_why = steer->why;
	steer->warning[0] = '\0';
	if (!uplink) {
		refuse_name(steer, name);
		return NULL;
	}
	if (!act(steer, uplink, action, value))
		return NULL;
	journal_add(steer->config.journal, LOG_LEVEL_INFO, NULL,
		    "uplink %s: %s%s%.64s: the operator", uplink->name, action, *value ? " " : "",
		    value);
	return json_pack("{s:s, s:s, s:s}", "name", uplink->name, "service",
			 uplink_service_text(uplink->service), "warning", steer->warning);
}

/* --- the whole -------------------------------------------------------------------------------- */

struct steer *steer_new(const struct steer_config *config)
{
	struct steer *steer = calloc(1, sizeof(*steer));

	if (!steer)
		return NULL;
	steer->config = *config;
	loop_timer_init(&steer->timer, config->loop, on_drain, steer);
	return steer;
}

struct steer *steer_free(struct steer *steer)
{
	if (!steer)
		return NULL;
	loop_timer_deinit(&steer->timer);
	free(steer);
	return NULL;
}

void steer_listen(struct steer *steer, struct control *control)
{
	(void)control_command_add(control, "policy", on_policy, steer);
	(void)control_command_add(control, "uplink", on_uplink, steer);
}
