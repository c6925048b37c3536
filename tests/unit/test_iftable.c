#include "unit/test.h"

/* In front of linux/if.h, which stands back for net/if.h only if it comes second. */
#include "net/iftable.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include "net/address.h"

/* --- messages as the kernel sends them ------------------------------------------------------ */

static struct nl_msg *link_message(int type, int index, const char *name, unsigned flags,
				   uint8_t operstate, const char *kind)
{
	struct ifinfomsg link = { .ifi_index = index, .ifi_flags = flags };
	struct nl_msg *message = nlmsg_alloc_simple(type, 0);

	nlmsg_append(message, &link, sizeof(link), NLMSG_ALIGNTO);
	nla_put_string(message, IFLA_IFNAME, name);
	nla_put_u8(message, IFLA_OPERSTATE, operstate);
	if (kind) {
		struct nlattr *info = nla_nest_start(message, IFLA_LINKINFO);

		nla_put_string(message, IFLA_INFO_KIND, kind);
		nla_nest_end(message, info);
	}
	return message;
}

static void add_link(struct iftable *table, int index, const char *name, unsigned flags,
		     uint8_t operstate, const char *kind)
{
	struct nl_msg *message = link_message(RTM_NEWLINK, index, name, flags, operstate, kind);

	iftable_add(table, nlmsg_hdr(message));
	nlmsg_free(message);
}

static bool strike_link(struct iftable *table, int type, int index, unsigned flags,
			uint8_t operstate)
{
	struct nl_msg *message = link_message(type, index, "x", flags, operstate, NULL);
	bool struck = iftable_strike(table, nlmsg_hdr(message));

	nlmsg_free(message);
	return struck;
}

static void put_host(struct nl_msg *message, int attr, const char *text, int *ret_family)
{
	uint8_t bytes[16];
	bool is_v6 = strchr(text, ':');

	*ret_family = is_v6 ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(*ret_family, text, bytes), 1);
	nla_put(message, attr, is_v6 ? 16 : 4, bytes);
}

static struct nl_msg *address_message(int type, int index, const char *text, uint8_t prefix,
				      uint32_t flags)
{
	struct ifaddrmsg address = { .ifa_index = (unsigned)index, .ifa_prefixlen = prefix };
	struct nl_msg *message = nlmsg_alloc_simple(type, 0);
	struct ifaddrmsg *at;
	int family;

	nlmsg_append(message, &address, sizeof(address), NLMSG_ALIGNTO);
	put_host(message, IFA_LOCAL, text, &family);
	nla_put_u32(message, IFA_FLAGS, flags);
	at = nlmsg_data(nlmsg_hdr(message));
	at->ifa_family = (uint8_t)family;
	return message;
}

static void add_address(struct iftable *table, int index, const char *text, uint8_t prefix,
			uint32_t flags)
{
	struct nl_msg *message = address_message(RTM_NEWADDR, index, text, prefix, flags);

	iftable_add(table, nlmsg_hdr(message));
	nlmsg_free(message);
}

static void add_route(struct iftable *table, int index, const char *to, uint8_t prefix)
{
	struct rtmsg route = { .rtm_table = RT_TABLE_MAIN,
			       .rtm_type = RTN_UNICAST,
			       .rtm_dst_len = prefix };
	struct nl_msg *message = nlmsg_alloc_simple(RTM_NEWROUTE, 0);
	struct rtmsg *at;
	int family;

	nlmsg_append(message, &route, sizeof(route), NLMSG_ALIGNTO);
	put_host(message, RTA_DST, to, &family);
	nla_put_u32(message, RTA_OIF, (uint32_t)index);
	at = nlmsg_data(nlmsg_hdr(message));
	at->rtm_family = (uint8_t)family;
	iftable_add(table, nlmsg_hdr(message));
	nlmsg_free(message);
}

#define RUNNING (IFF_UP | IFF_LOWER_UP)

static struct bond_address address(const char *text)
{
	struct bond_address result;

	assert_int_equal(address_parse(text, &result), 0);
	return result;
}

static bool usable(const struct iftable *table, const char *name, const char *remote, char *why)
{
	struct bond_address to = remote ? address(remote) : (struct bond_address){ 0 };

	return iftable_is_usable(iftable_find(table, name), &to, why, 160);
}

/* --- tests ---------------------------------------------------------------------------------- */

static void two_identical_modems_are_both_usable(void **state)
{
	struct iftable table = { 0 };
	char why[160];

	(void)state;
	add_link(&table, 2, "usb0", RUNNING, IF_OPER_UNKNOWN, NULL);
	add_link(&table, 3, "usb1", RUNNING, IF_OPER_UP, NULL);
	for (int index = 2; index <= 3; index++) {
		add_address(&table, index, "192.168.8.100", 24, 0);
		add_route(&table, index, "0.0.0.0", 0);
	}
	assert_true(usable(&table, "usb0", NULL, why));
	assert_true(usable(&table, "usb1", "203.0.113.1:7000", why));
	assert_string_equal(why, "");
}

static void every_reason_against_an_uplink_is_told(void **state)
{
	struct iftable table = { 0 };
	char why[160];

	(void)state;
	add_link(&table, 2, "off", 0, IF_OPER_DOWN, NULL);
	add_link(&table, 3, "pulled", IFF_UP, IF_OPER_DOWN, NULL);
	add_link(&table, 4, "bare", RUNNING, IF_OPER_UP, NULL);
	add_link(&table, 5, "routeless", RUNNING, IF_OPER_UP, NULL);
	add_link(&table, 6, "dormant", RUNNING, IF_OPER_DORMANT, NULL);
	add_address(&table, 3, "10.0.0.2", 24, 0);
	add_route(&table, 3, "0.0.0.0", 0); /* stays when the cable is pulled */
	add_address(&table, 5, "10.0.1.2", 24, 0);
	assert_false(usable(&table, "off", NULL, why));
	assert_string_equal(why, "off is switched off");
	assert_false(usable(&table, "pulled", "203.0.113.1:7000", why));
	assert_string_equal(why, "pulled has no carrier (cable, association)");
	assert_false(usable(&table, "bare", "203.0.113.1:7000", why));
	assert_string_equal(why, "bare has no IPv4 address");
	assert_false(usable(&table, "routeless", "203.0.113.1:7000", why));
	assert_string_equal(why, "routeless has address 10.0.1.2 but no default route");
	assert_false(usable(&table, "dormant", NULL, why));
	assert_string_equal(why, "dormant is not ready");
}

static void a_receiver_in_reach_needs_no_default_route(void **state)
{
	struct iftable table = { 0 };
	char why[160];

	(void)state;
	add_link(&table, 2, "eth0", RUNNING, IF_OPER_UP, NULL);
	add_address(&table, 2, "10.0.1.2", 24, 0);
	add_route(&table, 2, "10.0.1.0", 24);
	assert_true(usable(&table, "eth0", "10.0.1.77:7000", why));
	assert_false(usable(&table, "eth0", "10.0.2.77:7000", why));
	assert_false(usable(&table, "eth0", "[2001:db8::1]:7000", why));
}

static void addresses_that_do_not_last_are_not_used(void **state)
{
	struct iftable table = { 0 };
	struct bond_address first;
	char text[ADDRESS_TEXT_MAX];

	(void)state;
	add_link(&table, 2, "eth0", RUNNING, IF_OPER_UP, NULL);
	add_address(&table, 2, "2001:db8::1", 64, IFA_F_TENTATIVE);
	add_address(&table, 2, "2001:db8::2", 64, IFA_F_DEPRECATED);
	first = iftable_address(iftable_find(&table, "eth0"), AF_INET6);
	assert_string_equal(address_text(&first, text), "[2001:db8::2]:0");
	add_address(&table, 2, "2001:db8::3", 64, 0);
	first = iftable_address(iftable_find(&table, "eth0"), AF_INET6);
	assert_string_equal(address_text(&first, text), "[2001:db8::3]:0");
	add_address(&table, 2, "2001:db8::4", 64, 0); /* a second one does not take its place */
	first = iftable_address(iftable_find(&table, "eth0"), AF_INET6);
	assert_string_equal(address_text(&first, text), "[2001:db8::3]:0");
	first = address("2001:db8::2"); /* still good for whoever uses it */
	assert_true(iftable_has_address(iftable_find(&table, "eth0"), &first));
	first = address("2001:db8::1");
	assert_false(iftable_has_address(iftable_find(&table, "eth0"), &first));
	for (int i = 0; i < IFTABLE_ADDRESSES_MAX; i++)
		add_address(&table, 2, "2001:db8::9", 64, i % 2 ? 0 : IFA_F_DEPRECATED);
	assert_int_equal(table.interface[0].addresses, IFTABLE_ADDRESSES_MAX);
	assert_int_equal(table.interface[0].preferred, 2 + IFTABLE_ADDRESSES_MAX / 2);
	add_address(&table, 2, "2001:db8::a", 64, 0); /* a deprecated one gives way */
	assert_int_equal(table.interface[0].preferred, 3 + IFTABLE_ADDRESSES_MAX / 2);
}

static void tunnels_and_ports_are_no_candidates(void **state)
{
	struct iftable table = { 0 };

	(void)state;
	add_link(&table, 1, "lo", RUNNING | IFF_LOOPBACK, IF_OPER_UNKNOWN, NULL);
	add_link(&table, 2, "eth0", RUNNING, IF_OPER_UP, NULL);
	add_link(&table, 3, "wg0", RUNNING, IF_OPER_UNKNOWN, "wireguard");
	add_link(&table, 4, "tun0", RUNNING, IF_OPER_UNKNOWN, "tun");
	add_link(&table, 5, "br0", RUNNING, IF_OPER_UP, "bridge");
	add_link(&table, 6, "port", RUNNING, IF_OPER_UP, NULL);
	table.interface[5].enslaved = true;
	add_link(&table, 7, "mon0", RUNNING, IF_OPER_UNKNOWN, NULL);
	table.interface[6].hardware = 803; /* ARPHRD_IEEE80211_RADIOTAP */
	assert_non_null(iftable_not_candidate(iftable_find(&table, "lo")));
	assert_null(iftable_not_candidate(iftable_find(&table, "eth0")));
	assert_non_null(iftable_not_candidate(iftable_find(&table, "wg0")));
	assert_non_null(iftable_not_candidate(iftable_find(&table, "tun0")));
	assert_null(iftable_not_candidate(iftable_find(&table, "br0")));
	assert_non_null(iftable_not_candidate(iftable_find(&table, "port")));
	assert_non_null(iftable_not_candidate(iftable_find(&table, "mon0")));
}

static void the_owner_of_an_address_is_found(void **state)
{
	struct iftable table = { 0 };
	struct bond_address local = address("10.0.1.2"), other = address("10.0.1.3");

	(void)state;
	add_link(&table, 2, "eth0", RUNNING, IF_OPER_UP, NULL);
	add_address(&table, 2, "10.0.1.2", 24, 0);
	assert_string_equal(iftable_owner(&table, &local)->name, "eth0");
	assert_null(iftable_owner(&table, &other));
}

static void a_change_is_noticed_and_only_a_change(void **state)
{
	struct iftable a = { 0 }, b = { 0 };

	(void)state;
	add_link(&a, 2, "eth0", RUNNING, IF_OPER_UP, NULL);
	add_link(&b, 2, "eth0", RUNNING, IF_OPER_UP, NULL);
	assert_true(iftable_equal(&a, &b));
	add_route(&b, 2, "0.0.0.0", 0);
	assert_false(iftable_equal(&a, &b));
}

static void a_loss_is_believed_at_once(void **state)
{
	struct iftable table = { 0 };
	struct nl_msg *message;
	char why[160];

	(void)state;
	for (int index = 2; index <= 4; index++) {
		char name[8];

		(void)sprintf(name, "eth%d", index);
		add_link(&table, index, name, RUNNING, IF_OPER_UP, NULL);
		add_address(&table, index, "10.0.0.2", 24, 0);
		add_address(&table, index, "10.0.0.3", 24, 0);
		add_route(&table, index, "0.0.0.0", 0);
	}
	assert_false(strike_link(&table, RTM_NEWLINK, 2, RUNNING, IF_OPER_UP));
	assert_true(usable(&table, "eth2", NULL, why));
	assert_true(strike_link(&table, RTM_NEWLINK, 2, IFF_UP, IF_OPER_DOWN));
	assert_false(usable(&table, "eth2", NULL, why));
	assert_false(strike_link(&table, RTM_NEWLINK, 2, RUNNING, IF_OPER_UP));
	assert_false(usable(&table, "eth2", NULL, why)); /* that takes a dump */

	message = address_message(RTM_DELADDR, 3, "10.0.0.3", 24, 0);
	assert_true(iftable_strike(&table, nlmsg_hdr(message)));
	assert_false(iftable_strike(&table, nlmsg_hdr(message)));
	nlmsg_free(message);
	assert_true(usable(&table, "eth3", NULL, why)); /* it has another one */
	message = address_message(RTM_DELADDR, 3, "10.0.0.2", 24, 0);
	assert_true(iftable_strike(&table, nlmsg_hdr(message)));
	nlmsg_free(message);
	assert_false(usable(&table, "eth3", NULL, why));

	assert_true(strike_link(&table, RTM_DELLINK, 3, 0, 0));
	assert_null(iftable_find(&table, "eth3"));
	assert_non_null(iftable_find(&table, "eth4"));
	assert_false(strike_link(&table, RTM_DELLINK, 77, 0, 0));
}

static void the_useful_ones_are_kept_when_there_are_too_many(void **state)
{
	struct iftable table = { 0 };

	(void)state;
	for (int i = 0; i < IFTABLE_MAX; i++)
		add_link(&table, i + 1, i % 2 ? "tunnel" : "pulled", i % 2 ? RUNNING : IFF_UP,
			 IF_OPER_DOWN, i % 2 ? "tun" : NULL);
	for (int i = 0; i < IFTABLE_MAX + 5; i++)
		add_link(&table, 1000 + i, "modem", RUNNING, IF_OPER_UNKNOWN, NULL);
	assert_int_equal(table.count, IFTABLE_MAX);
	for (int i = 0; i < IFTABLE_MAX; i++)
		assert_non_null(iftable_find_index(&table, 1000 + i));
}

static void more_than_fits_is_left_out_but_never_the_default_route(void **state)
{
	struct iftable table = { 0 };

	(void)state;
	for (int i = 0; i < IFTABLE_MAX + 5; i++)
		add_link(&table, i + 1, "eth0", RUNNING, IF_OPER_UP, NULL);
	assert_int_equal(table.count, IFTABLE_MAX);
	for (int i = 0; i < IFTABLE_ROUTES_MAX + 5; i++)
		add_route(&table, 1, "10.0.0.0", 8);
	add_route(&table, 1, "0.0.0.0", 0);
	for (int i = 0; i < IFTABLE_ADDRESSES_MAX + 5; i++)
		add_address(&table, 1, "10.0.0.1", 8, 0);
	assert_true(iftable_has_default(&table.interface[0], AF_INET));
	assert_int_equal(table.interface[0].addresses, IFTABLE_ADDRESSES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_identical_modems_are_both_usable),
		cmocka_unit_test(every_reason_against_an_uplink_is_told),
		cmocka_unit_test(a_receiver_in_reach_needs_no_default_route),
		cmocka_unit_test(addresses_that_do_not_last_are_not_used),
		cmocka_unit_test(tunnels_and_ports_are_no_candidates),
		cmocka_unit_test(the_owner_of_an_address_is_found),
		cmocka_unit_test(a_change_is_noticed_and_only_a_change),
		cmocka_unit_test(a_loss_is_believed_at_once),
		cmocka_unit_test(the_useful_ones_are_kept_when_there_are_too_many),
		cmocka_unit_test(more_than_fits_is_left_out_but_never_the_default_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
