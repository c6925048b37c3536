#include "net/wifi.h"

#include <linux/nl80211.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <string.h>

#include "unit/test.h"

static struct wifi_table table;

static int setup(void **state)
{
	(void)state;
	memset(&table, 0, sizeof(table));
	return 0;
}

/* --- messages as nl80211 sends them --------------------------------------------------------- */

static struct nl_msg *begin(uint8_t command, int index)
{
	struct nl_msg *message = nlmsg_alloc();

	assert_non_null(genlmsg_put(message, 0, 0, 28, 0, 0, command, 1));
	if (index)
		nla_put_u32(message, NL80211_ATTR_IFINDEX, (uint32_t)index);
	return message;
}

static void end(struct nl_msg *message)
{
	wifi_take(&table, nlmsg_hdr(message));
	nlmsg_free(message);
}

static void take_interface(int index, const char *ssid)
{
	struct nl_msg *message = begin(NL80211_CMD_NEW_INTERFACE, index);

	if (ssid)
		nla_put(message, NL80211_ATTR_SSID, (int)strlen(ssid), ssid);
	end(message);
}

static void take_station(int index, int8_t signal, int8_t average, uint16_t rate, uint32_t rate32)
{
	struct nl_msg *message = begin(NL80211_CMD_NEW_STATION, index);
	struct nlattr *station = nla_nest_start(message, NL80211_ATTR_STA_INFO), *bitrate;

	nla_put_u8(message, NL80211_STA_INFO_SIGNAL, (uint8_t)signal);
	if (average)
		nla_put_u8(message, NL80211_STA_INFO_SIGNAL_AVG, (uint8_t)average);
	bitrate = nla_nest_start(message, NL80211_STA_INFO_TX_BITRATE);
	if (rate)
		nla_put_u16(message, NL80211_RATE_INFO_BITRATE, rate);
	if (rate32)
		nla_put_u32(message, NL80211_RATE_INFO_BITRATE32, rate32);
	nla_nest_end(message, bitrate);
	nla_nest_end(message, station);
	end(message);
}

/* --- the tests ------------------------------------------------------------------------------ */

static void network_signal_and_rate_are_those_of_the_interface(void **state)
{
	(void)state;
	take_interface(3, "venue");
	take_station(3, -60, -63, 1444, 1444);
	take_interface(4, "studio");
	take_station(4, -80, 0, 540, 0);
	assert_string_equal(wifi_find(&table, 3)->ssid, "venue");
	assert_int_equal(wifi_find(&table, 3)->signal_dbm, -63);
	assert_int_equal(wifi_find(&table, 3)->tx_bps, 144400000);
	assert_string_equal(wifi_find(&table, 4)->ssid, "studio");
	assert_int_equal(wifi_find(&table, 4)->signal_dbm, -80);
	assert_int_equal(wifi_find(&table, 4)->tx_bps, 54000000);
	assert_null(wifi_find(&table, 5));
	assert_null(wifi_find(&table, 0));
}

static void rates_beyond_16_bits_are_told(void **state)
{
	(void)state;
	take_interface(3, "venue");
	take_station(3, -50, 0, 0, 96078);
	assert_true(wifi_find(&table, 3)->tx_bps == UINT64_C(9607800000));
}

static void an_interface_that_leaves_its_network_is_forgotten(void **state)
{
	(void)state;
	take_interface(3, "venue");
	take_station(3, -60, -63, 1444, 0);
	take_interface(3, NULL);
	assert_string_equal(wifi_find(&table, 3)->ssid, "");
	assert_int_equal(wifi_find(&table, 3)->signal_dbm, 0);
	assert_int_equal(wifi_find(&table, 3)->tx_bps, 0);
}

static void names_of_networks_are_cut_and_messages_without_an_interface_passed_over(void **state)
{
	struct nl_msg *message;
	char name[80];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	take_interface(3, name);
	assert_int_equal(strlen(wifi_find(&table, 3)->ssid), 32);
	take_interface(0, "nobody");
	/* Attributes that are too short to hold what they are for. */
	message = begin(NL80211_CMD_NEW_STATION, 3);
	nla_put(message, NL80211_ATTR_STA_INFO, 1, "x");
	end(message);
	message = nlmsg_alloc();
	assert_non_null(genlmsg_put(message, 0, 0, 28, 0, 0, NL80211_CMD_NEW_INTERFACE, 1));
	nla_put_u8(message, NL80211_ATTR_IFINDEX, 9);
	end(message);
	message = nlmsg_alloc_simple(28, 0);
	end(message);
	assert_int_equal(table.info[1].index, 0);
	assert_int_equal(wifi_find(&table, 3)->signal_dbm, 0);
}

static void more_interfaces_than_there_is_room_for_are_left_out(void **state)
{
	(void)state;
	for (int i = 1; i <= 3 * WIFI_MAX; i++)
		take_interface(i, "venue");
	assert_non_null(wifi_find(&table, WIFI_MAX));
	assert_null(wifi_find(&table, WIFI_MAX + 1));
}

static void a_machine_without_wifi_is_no_error(void **state)
{
	struct loop *loop = loop_new();
	struct wifi *wifi = wifi_new(loop);

	(void)state;
	assert_non_null(wifi);
	wifi_ask(wifi, 1); /* lo is no Wi-Fi anywhere */
	loop_turn(loop, false);
	assert_null(wifi_info(wifi, 1));
	wifi_free(wifi);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(network_signal_and_rate_are_those_of_the_interface, setup),
		cmocka_unit_test_setup(rates_beyond_16_bits_are_told, setup),
		cmocka_unit_test_setup(an_interface_that_leaves_its_network_is_forgotten, setup),
		cmocka_unit_test_setup(
			names_of_networks_are_cut_and_messages_without_an_interface_passed_over,
			setup),
		cmocka_unit_test_setup(more_interfaces_than_there_is_room_for_are_left_out, setup),
		cmocka_unit_test_setup(a_machine_without_wifi_is_no_error, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
