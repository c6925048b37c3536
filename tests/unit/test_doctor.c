#include "net/doctor.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "net/address.h"
#include "unit/test.h"

/* Two uplinks that are well: lan0 with the best route, m0 a modem with a worse one. */
struct bench {
	struct iftable interfaces;
	struct netfacts net;
	struct doctor_facts facts;
	struct doctor_report report;
};

static void bytes_of(uint8_t *out, const char *text)
{
	assert_int_equal(inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, out), 1);
}

static struct bond_address at(const char *text)
{
	struct bond_address address = { 0 };

	assert_int_equal(address_parse(text, &address), 0);
	return address;
}

static void add_interface(struct bench *b, int index, const char *name, const char *kind,
			  const char *address)
{
	struct iftable_interface *i = &b->interfaces.interface[b->interfaces.count++];

	*i = (struct iftable_interface){ .index = index, .up = true, .carrier = true };
	(void)strncat(i->name, name, sizeof(i->name) - 1);
	(void)strncat(i->kind, kind, sizeof(i->kind) - 1);
	i->addresses = 1;
	i->address[0] = (struct iftable_prefix){ .family = AF_INET, .length = 24 };
	bytes_of(i->address[0].bytes, address);
}

static void add_default(struct bench *b, int index, uint32_t priority, const char *gateway,
			uint8_t mac)
{
	struct netfacts_route *route = &b->net.route[b->net.routes++];
	struct netfacts_router *router = &b->net.router[b->net.routers++];

	*route = (struct netfacts_route){ .family = AF_INET,
					  .table = RT_TABLE_MAIN,
					  .priority = priority,
					  .index = index,
					  .has_gateway = true };
	bytes_of(route->gateway, gateway);
	*router = (struct netfacts_router){ .family = AF_INET, .index = index };
	memcpy(router->address, route->gateway, sizeof(router->address));
	router->mac[5] = mac;
	for (unsigned i = 0; i < b->interfaces.count; i++) {
		struct iftable_interface *interface = &b->interfaces.interface[i];

		if (interface->index == index)
			interface->route[interface->routes++] =
				(struct iftable_prefix){ .family = AF_INET };
	}
}

static struct doctor_uplink *add_uplink(struct bench *b, const char *device, const char *type,
					const char *address)
{
	struct doctor_uplink *u = &b->facts.uplink[b->facts.uplinks++];

	*u = (struct doctor_uplink){ .open = true, .state = BOND_PATH_UP };
	(void)strncat(u->name, device, sizeof(u->name) - 1);
	(void)strncat(u->device, device, sizeof(u->device) - 1);
	(void)strncat(u->type, type, sizeof(u->type) - 1);
	u->local = at(address);
	u->remote = at("203.0.113.1:7000");
	return u;
}

static struct bench *bench(void)
{
	static struct bench b;

	memset(&b, 0, sizeof(b));
	b.facts.interfaces = &b.interfaces;
	b.facts.net = &b.net;
	b.facts.running = true;
	add_interface(&b, 2, "lan0", "", "10.0.0.5");
	add_interface(&b, 3, "m0", "", "192.168.8.100");
	add_default(&b, 2, 100, "10.0.0.1", 1);
	add_default(&b, 3, 200, "192.168.8.1", 2);
	add_uplink(&b, "lan0", "lan", "10.0.0.5");
	add_uplink(&b, "m0", "cellular", "192.168.8.100");
	return &b;
}

/* The finding of this code, not an ok; NULL: none. */
static const struct doctor_finding *find(struct bench *b, const char *code)
{
	doctor_judge(&b->facts, &b->report);
	for (unsigned i = 0; i < b->report.count; i++)
		if (!strcmp(b->report.finding[i].code, code) &&
		    b->report.finding[i].severity != DOCTOR_OK)
			return &b->report.finding[i];
	return NULL;
}

static void expect(struct bench *b, const char *code, enum doctor_severity severity,
		   const char *uplink, const char *advice)
{
	const struct doctor_finding *f = find(b, code);

	assert_non_null(f);
	assert_int_equal(f->severity, severity);
	assert_string_equal(f->uplink, uplink);
	assert_non_null(strstr(f->advice, advice));
}

static void says_ok_once_per_check_when_all_is_well(void **state)
{
	struct bench *b = bench();

	(void)state;
	doctor_judge(&b->facts, &b->report);
	assert_int_equal(b->report.count, 7);
	for (unsigned i = 0; i < b->report.count; i++)
		assert_int_equal(b->report.finding[i].severity, DOCTOR_OK);
}

static void tells_an_address_without_default_route(void **state)
{
	struct bench *b = bench();

	(void)state;
	b->interfaces.interface[1].routes = 0;
	b->facts.uplink[1].open = false;
	expect(b, "no-default-route", DOCTOR_ERROR, "m0", "never-default");
	/* A route to the receiver alone is enough. */
	b->interfaces.interface[1].routes = 1;
	b->interfaces.interface[1].route[0] =
		(struct iftable_prefix){ .family = AF_INET, .length = 8, .bytes = { 203 } };
	assert_null(find(b, "no-default-route"));
	assert_non_null(find(b, "uplink-closed"));
}

static void tells_that_there_is_no_uplink_at_all(void **state)
{
	struct bench *b = bench();

	(void)state;
	b->facts.uplinks = 0;
	expect(b, "no-uplink", DOCTOR_ERROR, "", "plug in");
}

static void tells_a_strict_filter_where_answers_would_be_dropped(void **state)
{
	static const struct {
		int all, own;
		bool found;
	} rows[] = { { 0, 0, false }, { 1, 0, true },  { 0, 1, true },
		     { 1, 1, true },  { 1, 2, false }, { 2, 1, false } };
	struct bench *b = bench();

	(void)state;
	b->net.filters = 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		b->net.rp_filter_all = rows[i].all;
		b->net.filter[0] = (struct netfacts_filter){ .index = 3, .rp_filter = rows[i].own };
		assert_int_equal(find(b, "rp-filter") != NULL, rows[i].found);
	}
	b->net.rp_filter_all = 1;
	b->net.filters = 0;
	expect(b, "rp-filter", DOCTOR_ERROR, "m0", "net.ipv4.conf.m0.rp_filter=2");
	/* A rule by its source address makes the reverse lookup find it. */
	b->net.rules = 1;
	b->net.rule[0] = (struct netfacts_rule){
		.family = AF_INET, .table = 100, .source_length = 24, .source = { 192, 168, 8 }
	};
	assert_null(find(b, "rp-filter"));
	b->net.rule[0].source[2] = 9;
	assert_non_null(find(b, "rp-filter"));
}

static void tells_two_ways_to_one_router_but_not_two_equal_modems(void **state)
{
	struct bench *b = bench();

	(void)state;
	b->net.router[1].mac[5] = 1;
	expect(b, "same-router", DOCTOR_WARNING, "m0", "another line");
	(void)strcpy(b->facts.uplink[0].type, "cellular");
	assert_null(find(b, "same-router"));
	(void)strcpy(b->facts.uplink[0].type, "wifi");
	b->net.routers = 1; /* not known yet */
	assert_null(find(b, "same-router"));
}

static void tells_a_vpn_that_takes_the_traffic(void **state)
{
	struct bench *b = bench();

	(void)state;
	add_interface(b, 9, "wg0", "wireguard", "10.9.0.2");
	assert_null(find(b, "vpn"));
	/* A full tunnel as wg-quick sets it: a table of its own and a rule "not from this mark". */
	add_default(b, 9, 0, "10.9.0.1", 9);
	b->net.route[2].table = 51820;
	assert_null(find(b, "vpn"));
	b->net.rules = 1;
	b->net.rule[0] = (struct netfacts_rule){
		.family = AF_INET, .table = 51820, .mark = 51820, .inverted = true
	};
	expect(b, "vpn", DOCTOR_NOTE, "", "nothing needs to be done");
	b->net.rule[0].inverted = false; /* only what is marked */
	assert_null(find(b, "vpn"));
	/* As OpenVPN does: halves of everything in the main table. */
	b->net.route[2].table = RT_TABLE_MAIN;
	b->net.route[2].length = 1;
	assert_non_null(find(b, "vpn"));
	/* A default route with the best metric. */
	b->net.route[2].length = 0;
	b->net.route[2].priority = 50;
	assert_non_null(find(b, "vpn"));
	b->net.route[2].priority = 500;
	assert_null(find(b, "vpn"));
	add_uplink(b, "wg0", "lan", "10.9.0.2");
	expect(b, "vpn-uplink", DOCTOR_WARNING, "wg0", "leave it out");
}

static void tells_a_path_that_swallows_long_packets(void **state)
{
	static const struct {
		uint64_t lost, acked, small;
		bool found;
	} rows[] = { { 100, 0, 10, true },
		     { 100, 1, 10, false }, /* lossy, but long ones get through */
		     { 100, 0, 0, false },  /* dead */
		     { 5, 0, 10, false },   /* chance */
		     { 0, 0, 10, false } };
	struct bench *b = bench();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		b->facts.uplink[1].long_lost = rows[i].lost;
		b->facts.uplink[1].long_acked = rows[i].acked;
		b->facts.uplink[1].short_acked = rows[i].small;
		assert_int_equal(find(b, "mtu-black-hole") != NULL, rows[i].found);
	}
	b->facts.uplink[1].path_mtu = 1500;
	assert_null(find(b, "mtu"));
	b->facts.uplink[1].path_mtu = 1280;
	expect(b, "mtu", DOCTOR_ERROR, "m0", "1428");
	assert_non_null(strstr(find(b, "mtu")->text, "1280"));
	b->facts.uplink[1].fragments = true;
	expect(b, "mtu", DOCTOR_WARNING, "m0", "1428");
}

static void tells_a_name_server_that_is_silent_over_one_uplink(void **state)
{
	struct bench *b = bench();

	(void)state;
	b->facts.uplink[0].dns = DOCTOR_ANSWERED;
	b->facts.uplink[1].dns = DOCTOR_SILENT;
	(void)strcpy(b->facts.uplink[1].dns_server, "192.168.8.1");
	expect(b, "dns", DOCTOR_WARNING, "m0", "captive portal");
	(void)strcpy(b->facts.receiver_problem, "cannot resolve x: no such name; trying again");
	expect(b, "receiver-name", DOCTOR_ERROR, "", "name servers");
}

static void tells_an_uplink_over_which_the_receiver_is_silent(void **state)
{
	struct bench *b = bench();

	(void)state;
	b->facts.uplink[1].state = BOND_PATH_PROBING;
	b->facts.uplink[1].state_age = USEC_PER_SEC;
	assert_null(find(b, "silent"));
	b->facts.uplink[1].state_age = 20 * USEC_PER_SEC;
	expect(b, "silent", DOCTOR_WARNING, "m0", "firewall");
	/* On all of them it is the receiver: the session tells that. */
	b->facts.uplink[0].state = BOND_PATH_DEAD;
	assert_null(find(b, "silent"));
}

static void the_worst_comes_first_and_nothing_overflows(void **state)
{
	struct bench *b = bench();

	(void)state;
	b->net.rp_filter_all = 1;
	b->net.router[1].mac[5] = 1;
	doctor_judge(&b->facts, &b->report);
	for (unsigned i = 1; i < b->report.count; i++)
		assert_true(b->report.finding[i - 1].severity >= b->report.finding[i].severity);
	/* Every uplink behind one router: more pairs than there is room for. */
	while (b->facts.uplinks < DOCTOR_UPLINKS_MAX) {
		char name[8] = { 'x', (char)('a' + b->facts.uplinks), '\0' };

		add_interface(b, 20 + (int)b->facts.uplinks, name, "", "10.0.0.9");
		add_default(b, 20 + (int)b->facts.uplinks, 900, "10.0.0.1", 1);
		add_uplink(b, name, "lan", "10.0.0.9");
	}
	doctor_judge(&b->facts, &b->report);
	assert_int_equal(b->report.count, DOCTOR_FINDINGS_MAX);
	assert_int_equal(b->report.finding[0].severity, DOCTOR_ERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_ok_once_per_check_when_all_is_well),
		cmocka_unit_test(tells_an_address_without_default_route),
		cmocka_unit_test(tells_that_there_is_no_uplink_at_all),
		cmocka_unit_test(tells_a_strict_filter_where_answers_would_be_dropped),
		cmocka_unit_test(tells_two_ways_to_one_router_but_not_two_equal_modems),
		cmocka_unit_test(tells_a_vpn_that_takes_the_traffic),
		cmocka_unit_test(tells_a_path_that_swallows_long_packets),
		cmocka_unit_test(tells_a_name_server_that_is_silent_over_one_uplink),
		cmocka_unit_test(tells_an_uplink_over_which_the_receiver_is_silent),
		cmocka_unit_test(the_worst_comes_first_and_nothing_overflows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
