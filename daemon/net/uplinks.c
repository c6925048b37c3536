#include "net/uplinks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/ifwatch.h"
#include "net/resolve.h"
#include "sys/log.h"

/*
 * Whatever changes (interfaces, the addresses of the receiver, the configuration, an error on a
 * socket) leads to the same thing: every uplink is compared with what it should be now, opened or
 * closed, and the bond is told. While something is not as it should be this is also done once a
 * second, for what gives no event (an address in use, a firewall).
 */
#define RETRY USEC_PER_SEC
#define BATCHES_MAX                                                                                \
	8 /* per socket and turn, so that one busy socket does not starve the others               \
	   */

struct slot {
	bool used;
	bool dirty; /* has datagrams to flush */
	struct uplink uplink;
	struct resolve *to; /* of its own; NULL: the common receiver */
	char to_text[300];  /* what `to` was made from */
	char address_text[64];
	char told[160]; /* the problem that was logged last */
	struct uplinks *set;
};

struct uplinks {
	struct loop *loop;
	struct bond *bond;
	struct pump *pump;
	struct ifwatch *ifwatch;
	struct udp_batch *batch;
	struct loop_timer timer;
	void (*on_log)(void *owner, int level, const char *text);
	void *owner;
	bool automatic;
	char excluded[UPLINKS_MAX][IF_NAMESIZE];
	unsigned excluded_count;
	struct resolve *receiver[UPLINKS_RECEIVERS_MAX];
	unsigned receivers, receiver_now;
	struct slot slot[UPLINKS_MAX];
};

static void tell(struct uplinks *set, int level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void tell(struct uplinks *set, int level, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	set->on_log(set->owner, level, text);
}

/* --- one slot ------------------------------------------------------------------------------- */

static void slot_failed(struct slot *slot, enum udp_outcome outcome, int error)
{
	struct uplink *uplink = &slot->uplink;
	char text[ADDRESS_TEXT_MAX];

	if (outcome == UDP_OUTCOME_STALE) {
		uplink->stale = true;
		loop_timer_set(&slot->set->timer, loop_now(slot->set->loop) + RETRY / 10);
	}
	if (error == ECONNREFUSED)
		(void)snprintf(uplink->problem, sizeof(uplink->problem),
			       "nothing listens at %s: is the receiver running there?",
			       address_text(&uplink->remote, text));
	else if (outcome >= UDP_OUTCOME_DROP)
		(void)snprintf(uplink->problem, sizeof(uplink->problem), "cannot send to %s: %s",
			       address_text(&uplink->remote, text), strerror(error));
	else
		return;
	uplink->failing = true;
}

static void slot_errors(struct slot *slot)
{
	int error = udp_drain_errors(slot->uplink.fd, NULL);

	if (error)
		slot_failed(slot, udp_outcome(error), error);
}

static void on_readable(struct loop_io *io, unsigned events)
{
	struct slot *slot = io->owner;
	struct uplinks *set = slot->set;
	struct udp_datagram *datagrams;

	(void)events;
	for (unsigned i = 0; i < BATCHES_MAX; i++) {
		int n = udp_receive(slot->uplink.fd, set->batch, &datagrams);

		if (n <= 0) {
			slot_errors(slot);
			break;
		}
		for (int k = 0; k < n; k++)
			if (!datagrams[k].cut &&
			    bond_input(set->bond, (uint32_t)(slot - set->slot), &datagrams[k].from,
				       datagrams[k].data, datagrams[k].len,
				       pump_time(set->pump, datagrams[k].arrived)) ==
				    BOND_INPUT_TAKEN &&
			    slot->uplink.failing) {
				slot->uplink.failing = false;
				slot->uplink.problem[0] = '\0';
			}
		if (n < UDP_BATCH)
			break;
	}
	pump_turn(set->pump);
}

static void slot_leave_bond(struct slot *slot)
{
	struct uplinks *set = slot->set;

	if (slot->uplink.path_id >= 0)
		bond_path_drop(set->bond, (unsigned)slot->uplink.path_id,
			       pump_time(set->pump, USEC_NEVER));
	slot->uplink.path_id = -1;
}

static void slot_path_config(const struct slot *slot, struct bond_path_config *config)
{
	const struct uplink *uplink = &slot->uplink;

	*config = (struct bond_path_config){
		.link = (uint32_t)(slot - slot->set->slot),
		.remote = uplink->remote,
		.cost = uplink->cost,
		.rate_max_bps = uplink->rate_max_bps,
	};
	memcpy(config->name, uplink->name, sizeof(config->name));
}

static void slot_join_bond(struct slot *slot)
{
	struct uplinks *set = slot->set;
	struct uplink *uplink = &slot->uplink;
	char local[ADDRESS_TEXT_MAX], remote[ADDRESS_TEXT_MAX];
	struct bond_path_config config;

	slot_path_config(slot, &config);
	uplink->path_id = bond_path_add(set->bond, &config, pump_time(set->pump, USEC_NEVER));
	if (uplink->path_id < 0) {
		(void)snprintf(uplink->problem, sizeof(uplink->problem),
			       "there are too many uplinks: at most %d", BOND_PATHS_MAX);
		return;
	}
	loop_io_init(&uplink->io, set->loop, uplink->fd, on_readable, slot);
	loop_io_set(&uplink->io, LOOP_READ);
	tell(set, LOG_LEVEL_INFO, "uplink %s: %s%sfrom %s to %s", uplink->name, uplink->on_device,
	     uplink->on_device[0] ? " " : "", address_text(&uplink->local, local),
	     address_text(&uplink->remote, remote));
}

static void slot_update(struct slot *slot)
{
	struct uplinks *set = slot->set;
	const struct bond_address *remotes = NULL;
	struct resolve *to = slot->to	      ? slot->to
			     : set->receivers ? set->receiver[set->receiver_now]
					      : NULL;
	unsigned count = to ? resolve_addresses(to, &remotes) : 0;

	switch (uplink_update(&slot->uplink, ifwatch_table(set->ifwatch), remotes, count)) {
	case UPLINK_SAME:
		break;
	case UPLINK_CLOSED:
		slot_leave_bond(slot);
		break;
	case UPLINK_OPENED:
		slot_leave_bond(slot);
		slot_join_bond(slot);
		break;
	}
	if (!count && to && resolve_problem(to)[0])
		(void)snprintf(slot->uplink.problem, sizeof(slot->uplink.problem), "%.150s",
			       resolve_problem(to));
	if (slot->uplink.fd < 0 && strcmp(slot->told, slot->uplink.problem)) {
		tell(set, LOG_LEVEL_WARNING, "uplink %s: %s", slot->uplink.name,
		     slot->uplink.problem);
		memcpy(slot->told, slot->uplink.problem, sizeof(slot->told));
	} else if (slot->uplink.fd >= 0) {
		slot->told[0] = '\0';
	}
}

static void slot_clear(struct slot *slot)
{
	slot_leave_bond(slot);
	slot->to = resolve_free(slot->to);
	uplink_deinit(&slot->uplink);
	*slot = (struct slot){ 0 };
}

/* --- the set -------------------------------------------------------------------------------- */

static void update_all(struct uplinks *set);

static void on_change(void *owner)
{
	update_all(owner);
}

static struct slot *slot_by_name(struct uplinks *set, const char *name)
{
	for (unsigned i = 0; i < UPLINKS_MAX; i++)
		if (set->slot[i].used && !strcmp(set->slot[i].uplink.name, name))
			return &set->slot[i];
	return NULL;
}

static struct slot *slot_new(struct uplinks *set, const char *name)
{
	for (unsigned i = 0; i < UPLINKS_MAX; i++) {
		struct slot *slot = &set->slot[i];

		if (slot->used)
			continue;
		*slot = (struct slot){ .set = set };
		if (uplink_init(&slot->uplink))
			return NULL;
		slot->used = true;
		(void)snprintf(slot->uplink.name, sizeof(slot->uplink.name), "%s", name);
		return slot;
	}
	return NULL;
}

static bool is_excluded(const struct uplinks *set, const char *device)
{
	for (unsigned i = 0; i < set->excluded_count; i++)
		if (!strcmp(set->excluded[i], device))
			return true;
	return false;
}

/* The automatic uplinks: an interface that has an address gets a slot, so that the status tells why
 * it is not used; one that has gone frees its slot. */
static void automatic_sync(struct uplinks *set)
{
	const struct iftable *table = ifwatch_table(set->ifwatch);

	for (unsigned i = 0; i < UPLINKS_MAX; i++) {
		struct slot *slot = &set->slot[i];

		if (!slot->used || !slot->uplink.automatic ||
		    iftable_find(table, slot->uplink.device))
			continue;
		tell(set, LOG_LEVEL_WARNING, "uplink %s: the interface is gone", slot->uplink.name);
		slot_clear(slot);
	}
	for (unsigned i = 0; i < table->count; i++) {
		const struct iftable_interface *interface = &table->interface[i];
		struct slot *slot;

		if (iftable_not_candidate(interface) || !interface->addresses || !interface->up ||
		    is_excluded(set, interface->name) || slot_by_name(set, interface->name))
			continue;
		slot = slot_new(set, interface->name);
		if (!slot)
			return;
		slot->uplink.automatic = true;
		(void)snprintf(slot->uplink.device, sizeof(slot->uplink.device), "%s",
			       interface->name);
		if (!strcmp(uplink_type(interface->name), "cellular"))
			slot->uplink.cost = BOND_COST_PAID;
	}
}

static void update_all(struct uplinks *set)
{
	bool wanting = false;

	if (!set->pump)
		return;
	if (set->automatic)
		automatic_sync(set);
	for (unsigned i = 0; i < UPLINKS_MAX; i++)
		if (set->slot[i].used) {
			slot_update(&set->slot[i]);
			wanting |= set->slot[i].uplink.fd < 0;
		}
	loop_timer_set(&set->timer, wanting ? loop_now(set->loop) + RETRY : USEC_NEVER);
	pump_turn(set->pump);
}

static void on_timer(struct loop_timer *timer)
{
	update_all(timer->owner);
}

struct uplinks *uplinks_new(struct loop *loop, struct bond *bond,
			    void (*on_log)(void *owner, int level, const char *text), void *owner)
{
	struct uplinks *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->loop = loop;
	set->bond = bond;
	set->on_log = on_log;
	set->owner = owner;
	loop_timer_init(&set->timer, loop, on_timer, set);
	set->batch = udp_batch_new();
	if (!set->batch || ifwatch_new(loop, on_change, set, &set->ifwatch))
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
	for (unsigned i = 0; i < set->receivers; i++)
		set->receiver[i] = resolve_free(set->receiver[i]);
	set->ifwatch = ifwatch_free(set->ifwatch);
	set->batch = udp_batch_free(set->batch);
	loop_timer_deinit(&set->timer);
	free(set);
	return NULL;
}

void uplinks_attach(struct uplinks *set, struct pump *pump)
{
	set->pump = pump;
}

static bool entry_is_slot(const struct uplinks_entry *entry, const struct slot *slot)
{
	return entry->use && !slot->uplink.automatic && !strcmp(entry->name, slot->uplink.name) &&
	       !strcmp(entry->device, slot->uplink.device) && !strcmp(entry->to, slot->to_text) &&
	       !strcmp(entry->address, slot->address_text);
}

static const struct uplinks_entry *entry_of_slot(const struct uplinks_config *config,
						 const struct slot *slot)
{
	for (unsigned i = 0; i < config->entry_count; i++)
		if (entry_is_slot(&config->entries[i], slot))
			return &config->entries[i];
	return NULL;
}

static void entry_add(struct uplinks *set, const struct uplinks_entry *entry)
{
	struct slot *slot = slot_new(set, entry->name);

	if (!slot) {
		tell(set, LOG_LEVEL_ERR, "uplink %s: left out, there are at most %d", entry->name,
		     UPLINKS_MAX);
		return;
	}
	(void)snprintf(slot->uplink.device, sizeof(slot->uplink.device), "%s", entry->device);
	(void)snprintf(slot->to_text, sizeof(slot->to_text), "%s", entry->to);
	(void)snprintf(slot->address_text, sizeof(slot->address_text), "%s", entry->address);
	if (entry->address[0] && address_parse(entry->address, &slot->uplink.asked))
		tell(set, LOG_LEVEL_ERR, "uplink %s: %s is no address", entry->name,
		     entry->address);
	if (entry->to[0])
		slot->to = resolve_new(set->loop, entry->to, on_change, set);
}

/* Cost and limit may change while the uplink goes on. */
static void entry_apply(struct slot *slot, const struct uplinks_entry *entry)
{
	struct bond_path_config config;

	slot->uplink.cost = entry->cost;
	slot->uplink.rate_max_bps = entry->rate_max_bps;
	if (slot->uplink.path_id < 0)
		return;
	slot_path_config(slot, &config);
	(void)bond_path_set(slot->set->bond, (unsigned)slot->uplink.path_id, &config,
			    pump_time(slot->set->pump, USEC_NEVER));
}

static void receivers_set(struct uplinks *set, const struct uplinks_config *config)
{
	bool same = set->receivers == config->receiver_count;

	for (unsigned i = 0; same && i < set->receivers; i++)
		same = set->receiver[i] &&
		       !strcmp(resolve_target(set->receiver[i]), config->receivers[i]);
	if (same)
		return;
	for (unsigned i = 0; i < set->receivers; i++)
		set->receiver[i] = resolve_free(set->receiver[i]);
	set->receiver_now = 0;
	set->receivers = config->receiver_count;
	for (unsigned i = 0; i < set->receivers; i++)
		set->receiver[i] = resolve_new(set->loop, config->receivers[i], on_change, set);
}

void uplinks_set(struct uplinks *set, const struct uplinks_config *config)
{
	receivers_set(set, config);
	set->automatic = true;
	set->excluded_count = 0;
	for (unsigned i = 0; i < config->entry_count; i++) {
		const struct uplinks_entry *entry = &config->entries[i];

		if (entry->use)
			set->automatic = false;
		else if (set->excluded_count < UPLINKS_MAX)
			(void)snprintf(set->excluded[set->excluded_count++], IF_NAMESIZE, "%s",
				       entry->device);
	}
	for (unsigned i = 0; i < UPLINKS_MAX; i++) {
		struct slot *slot = &set->slot[i];
		bool stays = slot->uplink.automatic
				     ? set->automatic && !is_excluded(set, slot->uplink.device)
				     : entry_of_slot(config, slot) != NULL;

		if (!slot->used || stays)
			continue;
		tell(set, LOG_LEVEL_INFO, "uplink %s: taken out of the configuration",
		     slot->uplink.name);
		slot_clear(slot);
	}
	for (unsigned i = 0; i < config->entry_count; i++) {
		const struct uplinks_entry *entry = &config->entries[i];

		if (!entry->use)
			continue;
		if (!slot_by_name(set, entry->name))
			entry_add(set, entry);
		if (slot_by_name(set, entry->name))
			entry_apply(slot_by_name(set, entry->name), entry);
	}
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
}

void uplinks_flush(struct uplinks *set)
{
	for (unsigned i = 0; i < UPLINKS_MAX; i++) {
		struct slot *slot = &set->slot[i];
		enum udp_outcome outcome;
		int error = 0;

		if (!slot->dirty)
			continue;
		slot->dirty = false;
		outcome = udp_flush(slot->uplink.sender, slot->uplink.fd, &error);
		if (outcome != UDP_OUTCOME_OK)
			slot_failed(slot, outcome, error);
	}
}

void uplinks_next_receiver(struct uplinks *set)
{
	if (set->receivers < 2)
		return;
	set->receiver_now = (set->receiver_now + 1) % set->receivers;
	tell(set, LOG_LEVEL_WARNING, "trying the next receiver, %s", uplinks_receiver(set));
	update_all(set);
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
	return set->receivers && set->receiver[set->receiver_now]
		       ? resolve_target(set->receiver[set->receiver_now])
		       : "";
}

const struct uplink *uplinks_get(const struct uplinks *set, unsigned place)
{
	return place < UPLINKS_MAX && set->slot[place].used ? &set->slot[place].uplink : NULL;
}
