#include "net/netfacts.h"

#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include "unit/test.h"

static struct netfacts facts;

static int setup(void **state)
{
	(void)state;
	memset(&facts, 0, sizeof(facts));
	return 0;
}

/* --- messages as the kernel sends them ------------------------------------------------------ */

static void put_address(struct nl_msg *message, int attr, const char *text)
{
	uint8_t bytes[16];
	bool is_v6 = strchr(text, ':');

	assert_int_equal(inet_pton(is_v6 ? AF_INET6 : AF_INET, text, bytes), 1);
	nla_put(message, attr, is_v6 ? 16 : 4, bytes);
}

static struct nl_msg *begin(int type, const void *header, size_t len)
{
	struct nl_msg *message = nlmsg_alloc_simple(type, 0);

	nlmsg_append(message, (void *)header, len, NLMSG_ALIGNTO);
	return message;
}

static void end(struct nl_msg *message)
{
	netfacts_add(&facts, nlmsg_hdr(message));
	nlmsg_free(message);
}

static void add_route(int family, uint8_t length, uint32_t table, uint32_t priority, int index,
		      const char *gateway)
{
	const struct rtmsg header = { .rtm_family = (uint8_t)family,
				      .rtm_dst_len = length,
				      .rtm_type = RTN_UNICAST,
				      .rtm_table = RT_TABLE_UNSPEC };
	struct nl_msg *message = begin(RTM_NEWROUTE, &header, sizeof(header));

	nla_put_u32(message, RTA_TABLE, table);
	nla_put_u32(message, RTA_PRIORITY, priority);
	nla_put_u32(message, RTA_OIF, (uint32_t)index);
	if (gateway)
		put_address(message, RTA_GATEWAY, gateway);
	end(message);
}

static void add_neighbour(int index, const char *address, uint16_t state, uint8_t last)
{
	const struct ndmsg header = { .ndm_family = AF_INET,
				      .ndm_ifindex = index,
				      .ndm_state = state };
	const uint8_t mac[6] = { 2, 0, 0, 0, 0, last };
	struct nl_msg *message = begin(RTM_NEWNEIGH, &header, sizeof(header));

	put_address(message, NDA_DST, address);
	nla_put(message, NDA_LLADDR, sizeof(mac), mac);
	end(message);
}

static void add_netconf(int index, uint32_t rp_filter)
{
	const struct netconfmsg header = { .ncm_family = AF_INET };
	struct nl_msg *message = begin(RTM_NEWNETCONF, &header, sizeof(header));

	nla_put_u32(message, NETCONFA_IFINDEX, (uint32_t)index);
	nla_put_u32(message, NETCONFA_RP_FILTER, rp_filter);
	end(message);
}

static void add_rule(const char *source, uint8_t length, uint32_t table, uint32_t flags)
{
	const struct fib_rule_hdr header = {
		.family = AF_INET, .src_len = length, .action = FR_ACT_TO_TBL, .flags = flags
	};
	struct nl_msg *message = begin(RTM_NEWRULE, &header, sizeof(header));

	nla_put_u32(message, FRA_TABLE, table);
	if (source)
		put_address(message, FRA_SRC, source);
	end(message);
}

/* --- the tests ------------------------------------------------------------------------------ */

static void the_best_default_route_is_that_of_least_metric_in_the_main_table(void **state)
{
	(void)state;
	add_route(AF_INET, 0, RT_TABLE_MAIN, 200, 3, "192.168.8.1");
	add_route(AF_INET, 0, RT_TABLE_MAIN, 100, 2, "10.0.0.1");
	add_route(AF_INET, 0, 51820, 0, 9, NULL);
	add_route(AF_INET, 24, RT_TABLE_MAIN, 0, 7, NULL);
	add_route(AF_INET6, 0, RT_TABLE_MAIN, 50, 3, "fe80::1");
	assert_int_equal(facts.routes, 4);
	assert_int_equal(netfacts_best(&facts, AF_INET)->index, 2);
	assert_int_equal(netfacts_best(&facts, AF_INET6)->index, 3);
	assert_int_equal(netfacts_default(&facts, 3, AF_INET)->priority, 200);
	assert_null(netfacts_default(&facts, 9, AF_INET));
	assert_null(netfacts_default(&facts, 0, AF_INET));
}

static void each_way_of_a_route_with_several_counts(void **state)
{
	const struct rtmsg header = { .rtm_family = AF_INET,
				      .rtm_type = RTN_UNICAST,
				      .rtm_table = RT_TABLE_MAIN };
	uint8_t hops[2 * (sizeof(struct rtnexthop) + 8)] = { 0 }, gateway[4] = { 10, 0, 0, 1 };
	struct nl_msg *message = begin(RTM_NEWROUTE, &header, sizeof(header));

	(void)state;
	for (int i = 0; i < 2; i++) {
		uint8_t *at = hops + i * (sizeof(hops) / 2);
		struct rtnexthop hop = { .rtnh_len = sizeof(hops) / 2, .rtnh_ifindex = 2 + i };
		struct rtattr attr = { .rta_len = 8, .rta_type = RTA_GATEWAY };

		memcpy(at, &hop, sizeof(hop));
		memcpy(at + sizeof(hop), &attr, sizeof(attr));
		memcpy(at + sizeof(hop) + sizeof(attr), gateway, sizeof(gateway));
	}
	nla_put(message, RTA_MULTIPATH, sizeof(hops), hops);
	end(message);
	assert_int_equal(facts.routes, 2);
	assert_true(netfacts_default(&facts, 3, AF_INET)->has_gateway);
	/* A length that leads out of the message ends it. */
	hops[0] = 200;
	message = begin(RTM_NEWROUTE, &header, sizeof(header));
	nla_put(message, RTA_MULTIPATH, sizeof(hops), hops);
	end(message);
	assert_int_equal(facts.routes, 2);
}

static void only_gateways_that_are_known_are_routers(void **state)
{
	(void)state;
	add_route(AF_INET, 0, RT_TABLE_MAIN, 100, 2, "10.0.0.1");
	add_neighbour(2, "10.0.0.1", NUD_STALE, 7);
	add_neighbour(2, "10.0.0.9", NUD_REACHABLE, 9);
	add_neighbour(3, "10.0.0.1", NUD_REACHABLE, 9);
	assert_int_equal(facts.routers, 1);
	assert_int_equal(netfacts_mac(&facts, &facts.route[0])[5], 7);
	facts.routers = 0;
	add_neighbour(2, "10.0.0.1", NUD_FAILED, 7);
	assert_null(netfacts_mac(&facts, &facts.route[0]));
}

static void the_stricter_of_the_two_filters_holds(void **state)
{
	(void)state;
	add_netconf(NETCONFA_IFINDEX_ALL, 1);
	add_netconf(NETCONFA_IFINDEX_DEFAULT, 2);
	add_netconf(2, 0);
	add_netconf(3, 2);
	assert_int_equal(netfacts_rp_filter(&facts, 2), 1);
	assert_int_equal(netfacts_rp_filter(&facts, 3), 2);
	assert_int_equal(netfacts_rp_filter(&facts, 4), 1);
}

static void a_rule_by_source_covers_its_prefix(void **state)
{
	uint8_t inside[4] = { 10, 1, 2, 130 }, outside[4] = { 10, 1, 2, 120 };

	(void)state;
	add_rule(NULL, 0, 51820, 0);
	add_rule("10.1.2.128", 25, 100, 0);
	add_rule("10.1.2.0", 24, RT_TABLE_MAIN, 0);
	assert_int_equal(facts.rules, 2);
	assert_true(netfacts_has_source_rule(&facts, AF_INET, inside));
	assert_false(netfacts_has_source_rule(&facts, AF_INET, outside));
	assert_false(netfacts_has_source_rule(&facts, AF_INET6, inside));
	/* A length that no address has is none. */
	add_rule("10.1.2.128", 200, 100, 0);
	assert_false(netfacts_has_source_rule(&facts, AF_INET, outside));
}

static void tables_that_are_full_take_no_more(void **state)
{
	(void)state;
	for (int i = 0; i < 3 * NETFACTS_MAX; i++) {
		add_route(AF_INET, 0, RT_TABLE_MAIN, (uint32_t)i, 1 + i, "10.0.0.1");
		add_neighbour(1 + i, "10.0.0.1", NUD_REACHABLE, 1);
		add_netconf(1 + i, 1);
		add_rule("10.1.2.0", 24, 100, 0);
	}
	assert_int_equal(facts.routes, NETFACTS_MAX);
	assert_int_equal(facts.routers, NETFACTS_MAX);
	assert_int_equal(facts.filters, NETFACTS_MAX);
	assert_int_equal(facts.rules, NETFACTS_MAX);
}

static void short_messages_are_passed_over(void **state)
{
	static const int types[] = { RTM_NEWROUTE, RTM_NEWRULE, RTM_NEWNEIGH, RTM_NEWNETCONF };

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		end(begin(types[i], "", 1));
	assert_int_equal(facts.routes + facts.rules + facts.routers + facts.filters, 0);
}

static void this_machine_can_be_read(void **state)
{
	static struct netfacts here;

	(void)state;
	assert_int_equal(netfacts_read(&here), 0);
	assert_true(here.filters > 0); /* of lo at least */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			the_best_default_route_is_that_of_least_metric_in_the_main_table, setup),
		cmocka_unit_test_setup(each_way_of_a_route_with_several_counts, setup),
		cmocka_unit_test_setup(only_gateways_that_are_known_are_routers, setup),
		cmocka_unit_test_setup(the_stricter_of_the_two_filters_holds, setup),
		cmocka_unit_test_setup(a_rule_by_source_covers_its_prefix, setup),
		cmocka_unit_test_setup(tables_that_are_full_take_no_more, setup),
		cmocka_unit_test_setup(short_messages_are_passed_over, setup),
		cmocka_unit_test_setup(this_machine_can_be_read, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
