#include "net/resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/address.h"
#include "sys/state.h"
#include "unit/test.h"

static char directory[] = "/tmp/test_resolve.XXXXXX";

static int setup(void **state)
{
	(void)state;
	return mkdtemp(directory) && !setenv("STATE_DIRECTORY", directory, 1) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

static struct bond_address at(const char *text)
{
	struct bond_address address = { 0 };

	assert_int_equal(address_parse(text, &address), 0);
	return address;
}

static void keep(const char *name, const char *text)
{
	char path[STATE_PATH_MAX];

	assert_true(state_path(name, path));
	assert_int_equal(state_write(path, text, strlen(text)), 0);
}

/* A name that no name service knows, with an answer of an earlier run. */
static struct resolve *with_stored(struct loop *loop, const char *text)
{
	keep("addresses-receiver.invalid", text);
	return resolve_new(loop, "receiver.invalid:7000", NULL, NULL);
}

static void the_answer_of_an_earlier_run_is_used_at_once(void **state)
{
	struct loop *loop = loop_new();
	struct resolve *resolve = with_stored(loop, "192.0.2.1:1\n[2001:db8::1]:1\nnonsense\n");
	const struct bond_address *list;
	struct bond_address v4 = at("192.0.2.1:7000"), v6 = at("[2001:db8::1]:7000");

	(void)state;
	assert_int_equal(resolve_addresses(resolve, &list), 2);
	assert_true(address_equal(&list[0], &v4));
	assert_true(address_equal(&list[1], &v6));
	assert_string_equal(resolve_problem(resolve), "");
	resolve_free(resolve);
	loop_free(loop);
}

static void a_name_service_that_fails_takes_no_address_away(void **state)
{
	struct loop *loop = loop_new();
	struct resolve *resolve = with_stored(loop, "192.0.2.1:1\n");
	const struct bond_address *list;

	(void)state;
	while (!*resolve_problem(resolve))
		loop_turn(loop, true);
	assert_non_null(strstr(resolve_problem(resolve), "going on with its last known addresses"));
	assert_int_equal(resolve_addresses(resolve, &list), 1);
	resolve_free(resolve);
	loop_free(loop);
}

static void on_change(void *owner)
{
	*(bool *)owner = true;
}

static void a_good_answer_is_kept_on_disk(void **state)
{
	struct loop *loop = loop_new();
	bool changed = false;
	struct resolve *resolve = resolve_new(loop, "localhost:7000", on_change, &changed);
	char path[STATE_PATH_MAX], text[256];

	(void)state;
	while (!changed)
		loop_turn(loop, true);
	assert_true(state_path("addresses-localhost", path));
	assert_true(state_read(path, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, ":7000\n"));
	resolve_free(resolve);
	loop_free(loop);
}

static void an_address_is_found_among_those_of_the_name(void **state)
{
	struct loop *loop = loop_new();
	struct resolve *resolve = with_stored(loop, "192.0.2.1:1\n192.0.2.2:1\n");
	struct bond_address one = at("192.0.2.2:7000"), other = at("192.0.2.2:7001");

	(void)state;
	assert_true(resolve_has(resolve, &one));
	assert_false(resolve_has(resolve, &other));
	resolve_free(resolve);
	loop_free(loop);
}

static void a_file_name_cannot_leave_the_directory(void **state)
{
	char path[STATE_PATH_MAX], expected[STATE_PATH_MAX];

	(void)state;
	assert_true(state_path("addresses-../../etc/x y", path));
	(void)snprintf(expected, sizeof(expected), "%s/addresses-.._.._etc_x_y", directory);
	assert_string_equal(path, expected);
}

static void a_file_that_cannot_be_replaced_stays(void **state)
{
	char path[STATE_PATH_MAX], text[16];

	(void)state;
	keep("whole", "old");
	assert_true(state_path("whole", path));
	assert_int_equal(state_read(path, text, sizeof(text)), 3);
	assert_true(state_write("/nowhere/at/all", "new", 3) < 0);
	assert_int_equal(state_write(path, "newer", 5), 0);
	assert_int_equal(state_read(path, text, sizeof(text)), 5);
	assert_string_equal(text, "newer");
	assert_int_equal(state_read("/nowhere/at/all", text, sizeof(text)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_of_an_earlier_run_is_used_at_once),
		cmocka_unit_test(a_name_service_that_fails_takes_no_address_away),
		cmocka_unit_test(a_good_answer_is_kept_on_disk),
		cmocka_unit_test(an_address_is_found_among_those_of_the_name),
		cmocka_unit_test(a_file_name_cannot_leave_the_directory),
		cmocka_unit_test(a_file_that_cannot_be_replaced_stays),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
