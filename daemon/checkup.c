#include "checkup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/classify.h"
#include "net/ifwatch.h"
#include "net/nameserver.h"
#include "net/resolve.h"
#include "sys/log.h"
#include "sys/messages.h"

/*
 * The facts of the engine are counters; what counts is what they did between two checks. A check
 * that is asked for in between uses those of the last whole period.
 */
#define FIRST  (3 * USEC_PER_SEC) /* after the start: uplinks have opened, or have not */
#define PERIOD (10 * USEC_PER_SEC)

struct counters {
	char name[BOND_NAME_MAX]; /* of the uplink that they are of */
	uint64_t long_lost, long_acked, short_acked;
};

struct checkup {
	struct loop *loop;
	struct uplinks *uplinks;
	struct bond *bond;
	struct journal *journal;
	struct loop_timer timer;
	struct netfacts net;
	struct doctor_facts facts;
	struct doctor_report report;
	struct counters before[UPLINKS_MAX], change[UPLINKS_MAX];
	struct nameserver nameserver[UPLINKS_MAX];
};

/* --- facts ---------------------------------------------------------------------------------- */

/* They begin again at zero when another path takes the place. */
static uint64_t since(uint64_t before, uint64_t now)
{
	return now > before ? now - before : 0;
}

static void take_counters(struct checkup *checkup, unsigned place,
			  const struct bond_path_stats *path)
{
	struct counters *before = &checkup->before[place], *change = &checkup->change[place];
	struct counters now = { .long_lost = path->long_lost,
				.long_acked = path->long_acked,
				.short_acked = path->short_acked };

	memcpy(now.name, path->name, sizeof(now.name));
	*change = (struct counters){ 0 };
	if (!strcmp(now.name, before->name)) {
		change->long_lost = since(before->long_lost, now.long_lost);
		change->long_acked = since(before->long_acked, now.long_acked);
		change->short_acked = since(before->short_acked, now.short_acked);
	}
	*before = now;
}

static enum doctor_answer answer_of(enum nameserver_state state)
{
	switch (state) {
	case NAMESERVER_NOT_ASKED:
		return DOCTOR_NOT_ASKED;
	case NAMESERVER_ANSWERED:
		return DOCTOR_ANSWERED;
	case NAMESERVER_SILENT:
		return DOCTOR_SILENT;
	}
	return DOCTOR_NOT_ASKED;
}

static void take_uplink(struct checkup *checkup, unsigned place, const struct uplink *uplink,
			const struct bond_stats *stats)
{
	struct doctor_uplink *u = &checkup->facts.uplink[checkup->facts.uplinks++];
	const struct nameserver *nameserver = &checkup->nameserver[place];

	*u = (struct doctor_uplink){ .open = uplink->fd >= 0,
				     .path_mtu = uplink->path_mtu,
				     .fragments = uplink->fragments,
				     .dns = answer_of(nameserver->state),
				     .state = BOND_PATH_OFF };
	memcpy(u->name, uplink->name, sizeof(u->name));
	memcpy(u->device, uplink->on_device[0] ? uplink->on_device : uplink->device,
	       sizeof(u->device));
	(void)snprintf(u->type, sizeof(u->type), "%s",
		       classify_type_text(uplink->item.classify.type));
	memcpy(u->problem, uplink->problem, sizeof(u->problem));
	if (nameserver->state == NAMESERVER_SILENT)
		(void)address_text(&nameserver->server, u->dns_server);
	if (u->open) {
		u->local = uplink->local;
		u->remote = uplink->remote;
	}
	if (uplink->path_id >= 0 && (unsigned)uplink->path_id < stats->paths) {
		const struct bond_path_stats *path = &stats->path[uplink->path_id];

		u->state = path->state;
		u->state_age = usec_since(path->since, loop_now(checkup->loop));
		u->long_lost = checkup->change[place].long_lost;
		u->long_acked = checkup->change[place].long_acked;
		u->short_acked = checkup->change[place].short_acked;
	}
}

/* One that would be an uplink had it a default route. */
static void take_unused(struct checkup *checkup, const struct uplinks_interface *unused)
{
	struct doctor_uplink *u = &checkup->facts.uplink[checkup->facts.uplinks];

	if (!unused->lacks_route || checkup->facts.uplinks == DOCTOR_UPLINKS_MAX)
		return;
	*u = (struct doctor_uplink){ .state = BOND_PATH_OFF };
	memcpy(u->device, unused->item->device, sizeof(u->device));
	(void)snprintf(u->name, sizeof(u->name), "%s", unused->item->device);
	memcpy(u->problem, unused->reason, sizeof(u->problem));
	checkup->facts.uplinks++;
}

static void judge(struct checkup *checkup, const struct bond_stats *stats)
{
	struct uplinks_interface unused;

	if (netfacts_read(&checkup->net) < 0)
		log_debug("netlink: cannot read routes and rules for the diagnosis");
	checkup->facts.interfaces = uplinks_interfaces(checkup->uplinks);
	checkup->facts.net = &checkup->net;
	checkup->facts.running = true;
	checkup->facts.uplinks = 0;
	(void)snprintf(checkup->facts.receiver_problem, sizeof(checkup->facts.receiver_problem),
		       "%s", uplinks_receiver_problem(checkup->uplinks));
	for (unsigned i = 0; i < UPLINKS_MAX; i++)
		if (uplinks_get(checkup->uplinks, i))
			take_uplink(checkup, i, uplinks_get(checkup->uplinks, i), stats);
	for (unsigned i = 0; uplinks_interface(checkup->uplinks, i, &unused); i++)
		take_unused(checkup, &unused);
	doctor_judge(&checkup->facts, &checkup->report);
}

/* The host of the receiver when it is a name, else "". */
static void receiver_host(const struct checkup *checkup, char *host, size_t size)
{
	const char *target = uplinks_receiver(checkup->uplinks);
	struct bond_address numeric;
	uint16_t port;

	if (!address_parse(target, &numeric) || address_split(target, host, size, &port))
		host[0] = '\0';
}

/* --- what is new ---------------------------------------------------------------------------- */

static const struct doctor_finding *find(const struct doctor_report *report,
					 const struct doctor_finding *finding)
{
	for (unsigned i = 0; i < report->count; i++)
		if (report->finding[i].severity != DOCTOR_OK &&
		    doctor_same(&report->finding[i], finding))
			return &report->finding[i];
	return NULL;
}

static void tell(struct checkup *checkup, const struct doctor_finding *f, bool over)
{
	int level = over || f->severity == DOCTOR_NOTE ? LOG_LEVEL_INFO
		    : f->severity == DOCTOR_ERROR      ? LOG_LEVEL_ERR
						       : LOG_LEVEL_WARNING;

	/* Whoever closed an uplink or asked for a name has said so. */
	if (f->severity == DOCTOR_OK || !strcmp(f->code, "uplink-closed") ||
	    !strcmp(f->code, "receiver-name"))
		return;
	journal_add(checkup->journal, level, MESSAGE_FINDING, "check: %s%s%s%s%s%s%s",
		    f->uplink[0] ? "uplink " : "", f->uplink, f->uplink[0] ? ": " : "",
		    over ? "it is over that " : "", f->text, !over && f->advice[0] ? "; " : "",
		    over ? "" : f->advice);
}

static void tell_changes(struct checkup *checkup, const struct doctor_report *before)
{
	for (unsigned i = 0; i < checkup->report.count; i++)
		if (!find(before, &checkup->report.finding[i]))
			tell(checkup, &checkup->report.finding[i], false);
	for (unsigned i = 0; i < before->count; i++)
		if (!find(&checkup->report, &before->finding[i]))
			tell(checkup, &before->finding[i], true);
}

static void check(struct checkup *checkup, bool whole_period)
{
	struct doctor_report before = checkup->report;
	struct bond_stats stats;

	bond_stats(checkup->bond, &stats, loop_now(checkup->loop));
	for (unsigned i = 0; i < UPLINKS_MAX && whole_period; i++) {
		const struct uplink *uplink = uplinks_get(checkup->uplinks, i);

		if (uplink && uplink->path_id >= 0 && (unsigned)uplink->path_id < stats.paths)
			take_counters(checkup, i, &stats.path[uplink->path_id]);
		else
			checkup->before[i] = checkup->change[i] = (struct counters){ 0 };
	}
	judge(checkup, &stats);
	tell_changes(checkup, &before);
}

static void on_timer(struct loop_timer *timer)
{
	struct checkup *checkup = timer->owner;
	char host[256];

	loop_timer_set(timer, loop_now(checkup->loop) + PERIOD);
	receiver_host(checkup, host, sizeof(host));
	for (unsigned i = 0; i < UPLINKS_MAX; i++)
		nameserver_tick(&checkup->nameserver[i], uplinks_get(checkup->uplinks, i), host);
	check(checkup, true);
}

/* --- the whole ------------------------------------------------------------------------------ */

struct checkup *checkup_new(struct loop *loop, struct uplinks *uplinks, struct bond *bond,
			    struct journal *journal)
{
	struct checkup *checkup = calloc(1, sizeof(*checkup));

	if (!checkup)
		return NULL;
	checkup->loop = loop;
	checkup->uplinks = uplinks;
	checkup->bond = bond;
	checkup->journal = journal;
	for (unsigned i = 0; i < UPLINKS_MAX; i++)
		nameserver_init(&checkup->nameserver[i], loop);
	loop_timer_init(&checkup->timer, loop, on_timer, checkup);
	loop_timer_set(&checkup->timer, loop_now(loop) + FIRST);
	return checkup;
}

struct checkup *checkup_free(struct checkup *checkup)
{
	if (!checkup)
		return NULL;
	for (unsigned i = 0; i < UPLINKS_MAX; i++)
		nameserver_deinit(&checkup->nameserver[i]);
	loop_timer_deinit(&checkup->timer);
	free(checkup);
	return NULL;
}

void checkup_routes_problem(struct checkup *checkup, const char *problem)
{
	(void)snprintf(checkup->facts.routes_problem, sizeof(checkup->facts.routes_problem), "%s",
		       problem);
}

static struct stats_finding finding_of(const struct doctor_finding *f)
{
	struct stats_finding finding = { .code = f->code,
					 .severity = doctor_severity_text(f->severity) };

	memcpy(finding.uplink, f->uplink, sizeof(finding.uplink));
	memcpy(finding.text, f->text, sizeof(finding.text));
	memcpy(finding.advice, f->advice, sizeof(finding.advice));
	return finding;
}

void checkup_stats(const struct checkup *checkup, struct stats *stats)
{
	for (unsigned i = 0; i < checkup->report.count && stats->findings < STATS_FINDINGS_MAX; i++)
		if (checkup->report.finding[i].severity != DOCTOR_OK)
			stats->finding[stats->findings++] = finding_of(&checkup->report.finding[i]);
}

json_t *checkup_command(void *owner, json_t *request, const char **ret_why)
{
	struct checkup *checkup = owner;
	struct stats_finding findings[DOCTOR_FINDINGS_MAX];

	(void)request;
	*ret_why = "out of memory";
	check(checkup, false);
	for (unsigned i = 0; i < checkup->report.count; i++)
		findings[i] = finding_of(&checkup->report.finding[i]);
	return json_pack("{s:o}", "findings", stats_findings_json(findings, checkup->report.count));
}

/* --- without a sender ----------------------------------------------------------------------- */

static bool is_listed(const struct doctor_facts *facts, const char *device)
{
	for (unsigned i = 0; i < facts->uplinks; i++)
		if (!strcmp(facts->uplink[i].device, device))
			return true;
	return false;
}

static void fact_add(struct doctor_facts *facts, const char *name, const char *device)
{
	const struct iftable_interface *interface = iftable_find(facts->interfaces, device);
	struct doctor_uplink *u = &facts->uplink[facts->uplinks];
	const struct bond_address anywhere = { 0 };
	struct classify classify;

	if (facts->uplinks == DOCTOR_UPLINKS_MAX || is_listed(facts, device))
		return;
	facts->uplinks++;
	*u = (struct doctor_uplink){ 0 };
	(void)snprintf(u->name, sizeof(u->name), "%s", name);
	(void)snprintf(u->device, sizeof(u->device), "%s", device);
	classify_device("/sys", device, interface ? interface->kind : "", &classify);
	(void)snprintf(u->type, sizeof(u->type), "%s", classify_type_text(classify.type));
	if (interface)
		u->open = iftable_is_usable(interface, &anywhere, u->problem, sizeof(u->problem));
	else
		(void)snprintf(u->problem, sizeof(u->problem), "there is no interface %s", device);
}

static bool is_excluded(const struct config *config, const char *device)
{
	for (unsigned i = 0; i < config->uplink_count; i++)
		if (!config->uplinks[i].use && !strcmp(config->uplinks[i].device, device))
			return true;
	return false;
}

/* The uplinks that a section names, then those that would be found. */
static void facts_of_config(struct doctor_facts *facts, const struct config *config)
{
	const struct iftable *table = facts->interfaces;

	for (unsigned i = 0; i < config->uplink_count; i++) {
		const struct config_uplink *uplink = &config->uplinks[i];
		const struct iftable_interface *owner = NULL;
		struct bond_address address;

		if (!uplink->use)
			continue;
		if (uplink->device[0] && !strpbrk(uplink->device, "*?["))
			fact_add(facts, uplink->name, uplink->device);
		else if (uplink->address[0] && !address_parse(uplink->address, &address))
			owner = iftable_owner(table, &address);
		if (owner)
			fact_add(facts, uplink->name, owner->name);
	}
	for (unsigned i = 0; !config->uplinks_only && i < table->count; i++)
		if (!iftable_not_candidate(&table->interface[i]) && table->interface[i].addresses &&
		    !is_excluded(config, table->interface[i].name))
			fact_add(facts, table->interface[i].name, table->interface[i].name);
}

static int print_report(const struct doctor_report *report, FILE *file)
{
	bool bad = false;

	for (unsigned i = 0; i < report->count; i++) {
		const struct doctor_finding *f = &report->finding[i];

		bad |= f->severity >= DOCTOR_WARNING;
		(void)fprintf(file, "%-8s%s%s%s%s%s\n", doctor_severity_text(f->severity),
			      f->uplink, f->uplink[0] ? ": " : "", f->text,
			      f->advice[0] ? "; " : "", f->advice);
	}
	return bad;
}

static void on_interfaces(void *owner)
{
	(void)owner;
}

int checkup_print(const struct config *config, FILE *file)
{
	struct loop *loop = loop_new();
	struct netfacts *net = calloc(1, sizeof(*net));
	struct doctor_facts *facts = calloc(1, sizeof(*facts));
	struct doctor_report *report = calloc(1, sizeof(*report));
	struct ifwatch *interfaces = NULL;
	int r = -1;

	if (loop && net && facts && report &&
	    !ifwatch_new(loop, on_interfaces, NULL, &interfaces) && !netfacts_read(net)) {
		facts->interfaces = ifwatch_table(interfaces);
		facts->net = net;
		facts_of_config(facts, config);
		doctor_judge(facts, report);
		r = print_report(report, file);
	}
	(void)ifwatch_free(interfaces);
	loop_free(loop);
	free(report);
	free(facts);
	free(net);
	return r;
}
