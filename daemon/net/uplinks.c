#include "net/uplinks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/slot.h"
#include "sys/log.h"
#include "uplinkd/wire.h"

/*
 * Whatever changes (interfaces, the addresses of the receiver, the configuration, an error on a
 * socket) leads to the same thing: every uplink is compared with what it should be now, opened or
 * closed, and the bond is told. This is also done once a second, for what gives no event (an
 * address in use, a firewall).
 *
 * An interface becomes an uplink by itself when the receiver can be reached by it, and stays one
 * until it is taken away, so that a pulled cable is told of. It is followed by its number through
 * a change of its name, and is the same uplink again when it comes back in the same place.
 */
#define TICK  USEC_PER_SEC
#define SYSFS "/sys"

struct uplinks {
	struct slot_common common;
	struct loop_timer timer;
	struct rule rule[UPLINKS_MAX];
	unsigned rules;
	bool listed_only;
	struct slot slot[UPLINKS_MAX];
};

/* --- the set -------------------------------------------------------------------------------- */

static void update_all(struct uplinks *set);

static void on_change(void *owner)
{
	update_all(owner);
}

static void on_stale(void *owner)
{
	struct uplinks *set = owner;

	loop_timer_set(&set->timer, loop_now(set->common.loop) + TICK / 10);
}

static struct slot *slot_by_name(struct uplinks *set, const char *name)
{
	for (unsigned i = 0; i < UPLINKS_MAX; i++)
		if (set->slot[i].used && !strcmp(set->slot[i].uplink.name, name))
			return &set->slot[i];
	return NULL;
}

static struct slot *slot_new(struct uplinks *set, const char *name, const struct rule *rule)
{
	for (unsigned i = 0; i < UPLINKS_MAX; i++)
		if (!set->slot[i].used)
			return slot_init(&set->slot[i], &set->common, i, name, rule)
				       ? NULL
				       : &set->slot[i];
	return NULL;
}

static bool name_is_taken(void *owner, const char *name)
{
	return slot_by_name(owner, name);
}

/* The slot that an interface is used by. */
static struct slot *slot_of(const struct uplinks *set, const struct iftable_interface *interface)
{
	for (unsigned i = 0; i < UPLINKS_MAX; i++) {
		const struct slot *slot = &set->slot[i];

		if (slot->used &&
		    (slot->uplink.device[0] ? !strcmp(slot->uplink.device, interface->name)
					    : slot->uplink.item.index == interface->index))
			return (struct slot *)slot;
	}
	return NULL;
}

/* All of 127.0.0.0/8 is there although only 127.0.0.1 is listed. */
static const struct slot *slot_on_loopback(const struct uplinks *set)
{
	for (unsigned i = 0; i < UPLINKS_MAX; i++)
		if (set->slot[i].used && set->slot[i].uplink.fd >= 0 &&
		    address_is_loopback(&set->slot[i].uplink.bound))
			return &set->slot[i];
	return NULL;
}

/* Why an interface may not become an uplink by itself, into @why; true: it may. */
static bool may_use(const struct uplinks *set, const struct iftable_interface *interface,
		    const struct inventory_item *item, const struct rule *rule, char *why,
		    size_t size)
{
	const char *not_candidate = iftable_not_candidate(interface);

	why[0] = '\0';
	if (not_candidate)
		(void)snprintf(why, size, "%s %s", interface->name, not_candidate);
	else if (item->classify.gadget)
		(void)snprintf(why, size, "%s is our end of a cable to a USB host",
			       interface->name);
	else if (rule && !rule->use)
		(void)snprintf(why, size, "[uplink %s] says use = no", rule->name);
	else if (!rule && set->listed_only)
		(void)snprintf(why, size, "it is none of those given with --uplink");
	return !why[0];
}

/* The same for now: it has no carrier, address or route. */
static bool can_reach(const struct uplinks *set, const struct iftable_interface *interface,
		      const struct rule *rule, char *why, size_t size)
{
	const struct bond_address *remotes = NULL, anywhere = { 0 };
	const struct resolve *to =
		rule && rule->to[0] ? NULL : receivers_present(set->common.receivers);
	unsigned count = to ? resolve_addresses(to, &remotes) : 0;
	char other[160];

	if (!count)
		return iftable_is_usable(interface, &anywhere, why, size);
	for (unsigned i = 0; i < count; i++)
		if (iftable_is_usable(interface, &remotes[i], i ? other : why, size)) {
			why[0] = '\0';
			return true;
		}
	return false;
}

/* A place for one more; one that is closed gives way. */
static struct slot *slot_find_room(struct uplinks *set, const char *name, const struct rule *rule)
{
	struct slot *slot = slot_new(set, name, rule);

	for (unsigned i = 0; i < UPLINKS_MAX && !slot; i++)
		if (set->slot[i].used && set->slot[i].uplink.automatic &&
		    set->slot[i].uplink.fd < 0) {
			slot_clear(&set->slot[i]);
			slot = slot_new(set, name, rule);
		}
	return slot;
}

static void automatic_add(struct uplinks *set, const struct iftable_interface *interface,
			  struct inventory_item *item, const struct rule *rule)
{
	char name[BOND_NAME_MAX];
	struct slot *slot;

	/* The first that a section fits has its name, and one in that very place always. */
	if (rule && !slot_by_name(set, rule->name) &&
	    (rule->path[0] || !inventory_is_reserved(set->common.inventory, item, rule->name)))
		(void)snprintf(name, sizeof(name), "%s", rule->name);
	else
		inventory_name(set->common.inventory, item, name_is_taken, set, name);
	slot = slot_find_room(set, name, rule);
	if (!slot) {
		if (!item->unused_told)
			slot_log(&set->common, LOG_LEVEL_WARNING,
				 "%s: left out, there are at most %d uplinks", interface->name,
				 UPLINKS_MAX);
		item->unused_told = true;
		return;
	}
	inventory_remember(set->common.inventory, item, name);
	slot->uplink.automatic = true;
	slot->uplink.item = *item;
	memcpy(slot->uplink.device, interface->name, sizeof(slot->uplink.device));
	slot_log(&set->common, LOG_LEVEL_INFO, "uplink %s: found %s, %s%s%s%s%s", name,
		 interface->name, classify_type_text(item->classify.type),
		 item->classify.driver[0] ? ", driver " : "", item->classify.driver,
		 item->classify.path[0] ? ", at " : "", item->classify.path);
}

static void follow_name(struct slot *slot, const struct iftable_interface *interface)
{
	if (strcmp(slot->uplink.device, interface->name) != 0)
		slot_log(slot->common, LOG_LEVEL_INFO, "uplink %s: %s is called %s now",
			 slot->uplink.name, slot->uplink.device, interface->name);
	memcpy(slot->uplink.device, interface->name, sizeof(slot->uplink.device));
}

/* Those whose interface has gone, or is not to be used any more. */
static void automatic_sweep(struct uplinks *set)
{
	const struct iftable *table = ifwatch_table(set->common.ifwatch);

	for (unsigned i = 0; i < UPLINKS_MAX; i++) {
		struct slot *slot = &set->slot[i];
		const struct iftable_interface *interface;
		const struct inventory_item *item;
		char why[160] = "the interface is gone";

		if (!slot->used || !slot->uplink.automatic)
			continue;
		interface = iftable_find_index(table, slot->uplink.item.index);
		item = interface ? inventory_find(set->common.inventory, interface->index) : NULL;
		if (item) {
			slot->rule = rule_find(set->rule, set->rules, item);
			if (may_use(set, interface, item, slot->rule, why, sizeof(why)) &&
			    !strcmp(slot->rule ? slot->rule->to : "", slot->to_text)) {
				follow_name(slot, interface);
				continue;
			}
		}
		slot_log(&set->common, LOG_LEVEL_WARNING, "uplink %s: %s", slot->uplink.name,
			 why[0] ? why : "another receiver");
		slot_clear(slot);
	}
}

static void automatic_sync(struct uplinks *set)
{
	const struct iftable *table = ifwatch_table(set->common.ifwatch);

	automatic_sweep(set);
	for (unsigned i = 0; i < table->count; i++) {
		const struct iftable_interface *interface = &table->interface[i];
		struct inventory_item *item =
			inventory_find(set->common.inventory, interface->index);
		const struct rule *rule = rule_find(set->rule, set->rules, item);
		char why[160];

		if (!slot_of(set, interface) &&
		    may_use(set, interface, item, rule, why, sizeof(why)) &&
		    can_reach(set, interface, rule, why, sizeof(why)))
			automatic_add(set, interface, item, rule);
	}
}

static void update_all(struct uplinks *set)
{
	if (!set->common.pump)
		return;
	inventory_refresh(set->common.inventory, ifwatch_table(set->common.ifwatch));
	automatic_sync(set);
	for (unsigned i = 0; i < UPLINKS_MAX; i++)
		if (set->slot[i].used)
			slot_update(&set->slot[i]);
	loop_timer_set(&set->timer, loop_now(set->common.loop) + TICK);
	pump_turn(set->common.pump);
}

/* An interface that has all but a route is mostly one whose owner wonders. Told when it lasts: an
 * address comes a moment before its route. */
static void tell_unused(struct uplinks *set)
{
	const struct iftable *table = ifwatch_table(set->common.ifwatch);

	for (unsigned i = 0; i < table->count; i++) {
		const struct iftable_interface *interface = &table->interface[i];
		struct inventory_item *item =
			inventory_find(set->common.inventory, interface->index);
		const struct rule *rule = item ? rule_find(set->rule, set->rules, item) : NULL;
		char why[160];

		if (!item || !item->classify.path[0] || !interface->addresses ||
		    slot_of(set, interface) ||
		    !may_use(set, interface, item, rule, why, sizeof(why)) ||
		    can_reach(set, interface, rule, why, sizeof(why)))
			continue;
		if (!strcmp(item->told, why) && !item->unused_told) {
			item->unused_told = true;
			slot_log(&set->common, LOG_LEVEL_WARNING, "%s; it is not used", why);
		}
		memcpy(item->told, why, sizeof(item->told));
	}
}

static void on_timer(struct loop_timer *timer)
{
	struct uplinks *set = timer->owner;
	usec_t now = pump_time(set->common.pump, USEC_NEVER);
	struct bond_stats stats;

	bond_stats(set->common.bond, &stats, now);
	for (unsigned i = 0; i < UPLINKS_MAX; i++)
		if (set->slot[i].used)
			slot_tick(&set->slot[i], &stats, now);
	update_all(set);
	tell_unused(set);
}

/* Another receiver: none of the addresses stays because it still answers. */
static void leave_addresses(struct uplinks *set)
{
	for (unsigned i = 0; i < UPLINKS_MAX; i++)
		set->slot[i].moving = set->slot[i].used && !set->slot[i].to;
}

static void on_receivers(void *owner, bool switched)
{
	struct uplinks *set = owner;

	if (switched) {
		slot_log(&set->common, LOG_LEVEL_WARNING,
			 "the receiver is silent on all uplinks while another answers: going on to "
			 "%s",
			 uplinks_receiver(set));
		leave_addresses(set);
	}
	update_all(set);
}

struct uplinks *uplinks_new(struct loop *loop, struct bond *bond,
			    void (*on_log)(void *owner, int level, const char *text), void *owner)
{
	struct uplinks *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->common.loop = loop;
	set->common.bond = bond;
	set->common.on_log = on_log;
	set->common.log_owner = owner;
	set->common.on_change = on_change;
	set->common.on_stale = on_stale;
	set->common.owner = set;
	loop_timer_init(&set->timer, loop, on_timer, set);
	set->common.batch = udp_batch_new();
	set->common.inventory = inventory_new(SYSFS);
	set->common.receivers = receivers_new(loop, on_receivers, set);
	if (!set->common.batch || !set->common.inventory || !set->common.receivers ||
	    ifwatch_new(loop, on_change, set, &set->common.ifwatch))
		return uplinks_free(set);
	return set;
}

struct uplinks *uplinks_free(struct uplinks *set)
{
	if (!set)
		return NULL;
	for (unsigned i = 0; i < UPLINKS_MAX; i++)
		if (set->slot[i].used)
			slot_clear(&set->slot[i]);
	set->common.receivers = receivers_free(set->common.receivers);
	set->common.ifwatch = ifwatch_free(set->common.ifwatch);
	set->common.inventory = inventory_free(set->common.inventory);
	set->common.batch = udp_batch_free(set->common.batch);
	loop_timer_deinit(&set->timer);
	free(set);
	return NULL;
}

void uplinks_attach(struct uplinks *set, struct pump *pump)
{
	set->common.pump = pump;
}

static bool rule_is_slot(const struct rule *rule, const struct slot *slot)
{
	return rule_is_fixed(rule) && rule->use && !slot->uplink.automatic &&
	       !strcmp(rule->name, slot->uplink.name) &&
	       !strcmp(rule->device, slot->uplink.device) && !strcmp(rule->to, slot->to_text) &&
	       !strcmp(rule->address, slot->address_text);
}

static const struct rule *rule_of_slot(const struct uplinks *set, const struct slot *slot)
{
	for (unsigned i = 0; i < set->rules; i++)
		if (rule_is_slot(&set->rule[i], slot))
			return &set->rule[i];
	return NULL;
}

static void fixed_add(struct uplinks *set, const struct rule *rule)
{
	struct slot *slot = slot_find_room(set, rule->name, rule);

	if (!slot) {
		slot_log(&set->common, LOG_LEVEL_ERR, "uplink %s: left out, there are at most %d",
			 rule->name, UPLINKS_MAX);
		return;
	}
	(void)snprintf(slot->uplink.device, sizeof(slot->uplink.device), "%.15s", rule->device);
	if (rule->address[0] && address_parse(rule->address, &slot->uplink.asked))
		slot_log(&set->common, LOG_LEVEL_ERR, "uplink %s: %s is no address", rule->name,
			 rule->address);
	slot_describe(slot);
}

void uplinks_set(struct uplinks *set, const struct uplinks_config *config)
{
	if (receivers_set(set->common.receivers, config->receivers, config->receiver_count))
		leave_addresses(set);
	set->listed_only = config->listed_only;
	set->rules = config->rule_count < UPLINKS_MAX ? config->rule_count : UPLINKS_MAX;
	memcpy(set->rule, config->rules, set->rules * sizeof(set->rule[0]));
	for (unsigned i = 0; i < UPLINKS_MAX; i++) {
		struct slot *slot = &set->slot[i];

		slot->configured = false;
		if (!slot->used || slot->uplink.automatic)
			continue;
		slot->rule = rule_of_slot(set, slot);
		if (slot->rule)
			continue;
		slot_log(&set->common, LOG_LEVEL_INFO, "uplink %s: taken out of the configuration",
			 slot->uplink.name);
		slot_clear(slot);
	}
	for (unsigned i = 0; i < set->rules; i++) {
		const struct rule *rule = &set->rule[i];
		struct slot *slot = slot_by_name(set, rule->name);

		if (!rule->use || !rule_is_fixed(rule) || (slot && !slot->uplink.automatic))
			continue;
		if (slot)
			slot_clear(slot); /* found by itself before: now it is this one */
		fixed_add(set, rule);
	}
	update_all(set);
}

struct uplink *uplinks_find(struct uplinks *set, const char *name)
{
	struct slot *slot = slot_by_name(set, name);

	return slot ? &slot->uplink : NULL;
}

void uplinks_changed(struct uplinks *set, struct uplink *uplink)
{
	slot_tell_bond((struct slot *)((char *)uplink - offsetof(struct slot, uplink)));
	update_all(set);
}

/* --- the ports ------------------------------------------------------------------------------ */

void uplinks_send(struct uplinks *set, const struct bond_datagram *datagram)
{
	struct slot *slot;

	if (datagram->link >= UPLINKS_MAX)
		return;
	slot = &set->slot[datagram->link];
	if (!slot->used || slot->uplink.fd < 0)
		return;
	slot->dirty = true;
	(void)udp_send(slot->uplink.sender, slot->uplink.fd, &datagram->to, NULL, datagram->data,
		       datagram->len);
	if (datagram->len && datagram->data[0] == WIRE_HELLO_ASK)
		slot_asked(slot, datagram);
}

void uplinks_flush(struct uplinks *set)
{
	for (unsigned i = 0; i < UPLINKS_MAX; i++)
		slot_flush(&set->slot[i]);
}

unsigned uplinks_open_count(const struct uplinks *set)
{
	unsigned count = 0;

	for (unsigned i = 0; i < UPLINKS_MAX; i++)
		count += set->slot[i].used && set->slot[i].uplink.fd >= 0;
	return count;
}

const char *uplinks_receiver(const struct uplinks *set)
{
	const struct resolve *present = receivers_present(set->common.receivers);

	return present ? resolve_target(present) : "";
}

const char *uplinks_receiver_problem(const struct uplinks *set)
{
	const struct resolve *present = receivers_present(set->common.receivers);

	return present ? resolve_problem(present) : "";
}

const struct iftable *uplinks_interfaces(const struct uplinks *set)
{
	return ifwatch_table(set->common.ifwatch);
}

const struct uplink *uplinks_get(const struct uplinks *set, unsigned place)
{
	return place < UPLINKS_MAX && set->slot[place].used ? &set->slot[place].uplink : NULL;
}

static bool lacks_route_alone(const struct iftable_interface *interface)
{
	return interface->up && interface->carrier && interface->addresses &&
	       !iftable_has_default(interface, AF_INET) &&
	       !iftable_has_default(interface, AF_INET6);
}

bool uplinks_interface(const struct uplinks *set, unsigned i, struct uplinks_interface *ret)
{
	const struct iftable *table = ifwatch_table(set->common.ifwatch);
	const struct iftable_interface *interface;
	const struct rule *rule;
	const struct slot *slot;
	char why[160];

	if (i >= table->count)
		return false;
	interface = &table->interface[i];
	*ret = (struct uplinks_interface){
		.interface = interface,
		.item = inventory_find(set->common.inventory, interface->index),
		.uplink = "",
	};
	rule = ret->item ? rule_find(set->rule, set->rules, ret->item) : NULL;
	ret->section = rule ? rule->name : "";
	slot = slot_of(set, interface);
	if (!slot && interface->loopback)
		slot = slot_on_loopback(set);
	if (slot) {
		ret->uplink = slot->uplink.name;
		memcpy(ret->reason, slot->uplink.problem, sizeof(ret->reason));
		if (slot->uplink.service == UPLINK_DRAINED)
			memcpy(ret->reason, slot->uplink.notice, sizeof(ret->reason));
	} else if (ret->item &&
		   may_use(set, interface, ret->item, rule, ret->reason, sizeof(ret->reason)) &&
		   can_reach(set, interface, rule, ret->reason, sizeof(ret->reason))) {
		(void)snprintf(ret->reason, sizeof(ret->reason), "there are at most %d uplinks",
			       UPLINKS_MAX);
	}
	ret->lacks_route = !slot && ret->item &&
			   may_use(set, interface, ret->item, rule, why, sizeof(why)) &&
			   lacks_route_alone(interface);
	return true;
}
