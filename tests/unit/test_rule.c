#include "unit/test.h"

#include <string.h>

#include "net/rule.h"

static struct inventory_item item(const char *device, enum classify_type type, const char *path,
				  const char *driver, const char *ssid)
{
	struct inventory_item result = { .index = 3, .classify.type = type };

	(void)strcpy(result.device, device);
	(void)strcpy(result.classify.path, path);
	(void)strcpy(result.classify.driver, driver);
	(void)strcpy(result.ssid, ssid);
	return result;
}

static void a_rule_fits_when_all_that_it_tells_fits(void **state)
{
	static const struct {
		struct rule rule;
		bool matches;
	} cases[] = {
		{ { .device = "wlan0" }, true },
		{ { .device = "wlan*" }, true },
		{ { .device = "eth?" }, false },
		{ { .path = "pci-0000:03:00.0" }, true },
		{ { .path = "*-usb-*" }, false },
		{ { .driver = "iwl*" }, true },
		{ { .type = "wifi" }, true },
		{ { .type = "lan" }, false },
		{ { .ssid = "Studio *" }, true },
		{ { .ssid = "Guest" }, false },
		{ { .type = "wifi", .ssid = "Studio 1" }, true },
		{ { .type = "wifi", .ssid = "Studio 2" }, false },
		{ { .address = "192.0.2.1" }, false },
		{ { .name = "rest" }, true },
	};
	struct inventory_item wifi =
		item("wlan0", CLASSIFY_TYPE_WIFI, "pci-0000:03:00.0", "iwlwifi", "Studio 1");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (rule_matches(&cases[i].rule, &wifi) != cases[i].matches)
			fail_msg("case %zu", i);
}

static void the_first_rule_that_fits_holds(void **state)
{
	static const struct rule rules[] = {
		{ .name = "modem", .type = "cellular" },
		{ .name = "wwan0", .device = "wwan0" },
		{ .name = "rest", .device = "*" },
	};
	struct inventory_item modem = item("wwan0", CLASSIFY_TYPE_CELLULAR, "", "qmi_wwan", "");
	struct inventory_item lan = item("eth0", CLASSIFY_TYPE_LAN, "", "e1000e", "");

	(void)state;
	assert_ptr_equal(rule_find(rules, 3, &modem), &rules[0]);
	assert_ptr_equal(rule_find(rules, 3, &lan), &rules[2]);
	assert_null(rule_find(rules, 2, &lan));
	assert_null(rule_find(NULL, 0, &lan));
}

static void an_exact_device_or_address_names_one_uplink(void **state)
{
	(void)state;
	assert_true(rule_is_fixed(&(struct rule){ .device = "eth0" }));
	assert_true(rule_is_fixed(&(struct rule){ .address = "192.0.2.1" }));
	assert_false(rule_is_fixed(&(struct rule){ .device = "eth*" }));
	assert_false(rule_is_fixed(&(struct rule){ .device = "eth0", .type = "lan" }));
	assert_false(rule_is_fixed(&(struct rule){ .path = "pci-0000:03:00.0" }));
}

static void cost_and_mark_go_by_the_type_unless_told(void **state)
{
	struct inventory_item modem = item("wwan0", CLASSIFY_TYPE_CELLULAR, "", "", "");
	struct inventory_item phone = item("usb0", CLASSIFY_TYPE_TETHER, "", "", "");
	struct inventory_item lan = item("eth0", CLASSIFY_TYPE_LAN, "", "", "");
	struct inventory_item wifi = item("wlan0", CLASSIFY_TYPE_WIFI, "", "", "");
	struct rule rule = { .cost = BOND_COST_EXPENSIVE, .dscp = RULE_DSCP_EF };

	(void)state;
	assert_int_equal(rule_cost(NULL, &modem), BOND_COST_PAID);
	assert_int_equal(rule_cost(NULL, &phone), BOND_COST_PAID);
	assert_int_equal(rule_cost(NULL, &lan), BOND_COST_FREE);
	assert_int_equal(rule_cost(NULL, &wifi), BOND_COST_FREE);
	assert_int_equal(rule_cost(NULL, NULL), BOND_COST_FREE);
	wifi.hotspot = true;
	assert_int_equal(rule_cost(NULL, &wifi), BOND_COST_PAID);
	assert_int_equal(rule_cost(&rule, &lan), BOND_COST_EXPENSIVE);
	rule.cost_by_type = true;
	assert_int_equal(rule_cost(&rule, &lan), BOND_COST_FREE);

	assert_int_equal(rule_dscp(NULL, &lan), 34);
	assert_int_equal(rule_dscp(NULL, &modem), 0);
	assert_int_equal(rule_dscp(&rule, &modem), 46);
	rule.dscp = RULE_DSCP_NONE;
	assert_int_equal(rule_dscp(&rule, &lan), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_fits_when_all_that_it_tells_fits),
		cmocka_unit_test(the_first_rule_that_fits_holds),
		cmocka_unit_test(an_exact_device_or_address_names_one_uplink),
		cmocka_unit_test(cost_and_mark_go_by_the_type_unless_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
