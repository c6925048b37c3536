#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/stats.h"

static struct stats stats;

static int setup(void **state)
{
	(void)state;
	memset(&stats, 0, sizeof(stats));
	stats.role = "sender";
	stats.version = "1.2.3";
	stats.now = 10 * USEC_PER_SEC;
	(void)strcpy(stats.stream, "live");
	stats.bond.session_up = true;
	stats.bond.session_since = 4 * USEC_PER_SEC;
	stats.bond.media_lost = 7;
	stats.bond.media_recovered = 8;
	stats.bond.parity_packets = 9;
	stats.uplinks = 2;
	(void)strcpy(stats.uplink[0].path.name, "lan");
	stats.uplink[0].path.state = BOND_PATH_UP;
	stats.uplink[0].path.rtt = 12345;
	stats.uplink[1].path.cost = BOND_COST_EXPENSIVE;
	stats.uplink[1].path.loss_ppm = 20000;
	stats.jobs = 1;
	stats.job[0].kind = STATS_JOB_OUTPUT;
	(void)strcpy(stats.job[0].where, "pipe:/bad\xff\xfename");
	stats.logs = 1;
	stats.log[0].number = UINT64_MAX;
	(void)strcpy(stats.log[0].text, "lan: up");
	return 0;
}

static json_t *get(json_t *json, const char *array, size_t index, const char *key)
{
	json_t *value = json_object_get(json_array_get(json_object_get(json, array), index), key);

	assert_non_null(value);
	return value;
}

static void values_come_out_under_their_names(void **state)
{
	json_t *json = stats_json(&stats), *bond = json_object_get(json, "bond");

	(void)state;
	assert_string_equal(json_string_value(json_object_get(json, "role")), "sender");
	assert_string_equal(json_string_value(json_object_get(json, "stream")), "live");
	assert_true(json_is_true(json_object_get(bond, "session_up")));
	assert_int_equal(json_integer_value(json_object_get(bond, "session_age_usec")), 6000000);
	assert_int_equal(json_integer_value(json_object_get(bond, "media_lost")), 7);
	assert_int_equal(json_integer_value(json_object_get(bond, "media_recovered")), 8);
	assert_int_equal(json_integer_value(json_object_get(bond, "parity_packets")), 9);
	assert_int_equal(json_array_size(json_object_get(json, "uplinks")), 2);
	assert_string_equal(json_string_value(get(json, "uplinks", 0, "name")), "lan");
	assert_string_equal(json_string_value(get(json, "uplinks", 0, "state")), "up");
	assert_int_equal(json_integer_value(get(json, "uplinks", 0, "rtt_usec")), 12345);
	assert_string_equal(json_string_value(get(json, "uplinks", 1, "cost")), "expensive");
	assert_int_equal(json_integer_value(get(json, "uplinks", 1, "loss_ppm")), 20000);
	assert_string_equal(json_string_value(get(json, "jobs", 0, "kind")), "output");
	assert_string_equal(json_string_value(get(json, "log", 0, "text")), "lan: up");
	json_decref(json);
}

static void bytes_that_are_no_text_do_not_spoil_the_snapshot(void **state)
{
	json_t *json = stats_json(&stats);

	(void)state;
	assert_string_equal(json_string_value(get(json, "jobs", 0, "where")), "pipe:/bad??name");
	assert_int_equal(json_integer_value(get(json, "log", 0, "number")), INT64_MAX);
	json_decref(json);
}

static void check_keys(json_t *object, const char *header)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		char quoted[64];

		(void)snprintf(quoted, sizeof(quoted), "\"%s\"", key);
		if (!strstr(header, quoted))
			fail_msg("include/uplinkd/control.h does not tell of %s", quoted);
		if (json_is_object(value))
			check_keys(value, header);
		if (json_is_array(value))
			check_keys(json_array_get(value, 0), header);
	}
}

static void every_key_is_documented(void **state)
{
	static char header[65536];
	FILE *file = fopen("include/uplinkd/control.h", "r");
	json_t *json = stats_json(&stats);

	(void)state;
	assert_non_null(file);
	assert_true(fread(header, 1, sizeof(header) - 1, file) > 0);
	(void)fclose(file);
	check_keys(json, header);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(values_come_out_under_their_names, setup),
		cmocka_unit_test_setup(bytes_that_are_no_text_do_not_spoil_the_snapshot, setup),
		cmocka_unit_test_setup(every_key_is_documented, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
