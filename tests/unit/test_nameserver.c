#include "net/nameserver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/test.h"

static void asks_as_rfc_1035_wants_it(void **state)
{
	static const uint8_t expected[] = { 0x12, 0x34, 1, 0,	0,   1,	  0, 0, 0, 0, 0, 0,
					    1,	  'a',	3, 't', 'l', 'd', 0, 0, 1, 0, 1 };
	uint8_t out[NAMESERVER_QUESTION_MAX];

	(void)state;
	assert_int_equal(nameserver_question("a.tld", 0x1234, out), sizeof(expected));
	assert_memory_equal(out, expected, sizeof(expected));
	assert_int_equal(nameserver_question("a.tld.", 0x1234, out), sizeof(expected));
}

static void refuses_what_is_no_name(void **state)
{
	uint8_t out[NAMESERVER_QUESTION_MAX];
	char long_label[70], long_name[300];

	(void)state;
	memset(long_label, 'x', sizeof(long_label) - 1);
	long_label[sizeof(long_label) - 1] = '\0';
	for (size_t i = 0; i < sizeof(long_name); i++)
		long_name[i] = i % 10 == 9 ? '.' : 'y';
	long_name[sizeof(long_name) - 1] = '\0';
	assert_int_equal(nameserver_question("", 1, out), 0);
	assert_int_equal(nameserver_question(".", 1, out), 0);
	assert_int_equal(nameserver_question("a..b", 1, out), 0);
	assert_int_equal(nameserver_question(long_label, 1, out), 0);
	assert_int_equal(nameserver_question(long_name, 1, out), 0);
	long_name[253] = '\0';
	assert_true(nameserver_question(long_name, 1, out) > 0);
}

static void takes_only_an_answer_to_its_question(void **state)
{
	uint8_t answer[12] = { 0x12, 0x34, 0x81, 0x80 };

	(void)state;
	assert_true(nameserver_is_answer(answer, sizeof(answer), 0x1234));
	assert_false(nameserver_is_answer(answer, sizeof(answer), 0x1235));
	assert_false(nameserver_is_answer(answer, 11, 0x1234));
	answer[3] = 0x83; /* no such name: it works all the same */
	assert_true(nameserver_is_answer(answer, sizeof(answer), 0x1234));
	answer[3] = 0x82; /* it failed */
	assert_false(nameserver_is_answer(answer, sizeof(answer), 0x1234));
	answer[3] = 0x80;
	answer[2] = 0x01; /* our own question come back */
	assert_false(nameserver_is_answer(answer, sizeof(answer), 0x1234));
}

static void write_file(const char *root, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", root, name);
	for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		(void)mkdir(path, 0700);
		*slash = '/';
	}
	file = fopen(path, "w");
	assert_non_null(file);
	(void)fputs(text, file);
	(void)fclose(file);
}

static void finds_the_server_of_the_interface_before_that_of_the_system(void **state)
{
	char root[] = "/tmp/test_nameserver.XXXXXX", command[64], text[ADDRESS_TEXT_MAX];
	struct bond_address server;

	(void)state;
	assert_non_null(mkdtemp(root));
	assert_false(nameserver_find(root, 3, AF_INET, &server));
	write_file(root, "etc/resolv.conf",
		   "# stub\nnameserver 127.0.0.53\nnameserver 2001:db8::53\n"
		   "nameserver 192.0.2.53\n");
	assert_true(nameserver_find(root, 3, AF_INET, &server));
	assert_string_equal(address_text(&server, text), "192.0.2.53:53");
	assert_true(nameserver_find(root, 3, AF_INET6, &server));
	assert_string_equal(address_text(&server, text), "[2001:db8::53]:53");
	write_file(root, "run/systemd/netif/links/3",
		   "OPER_STATE=routable\nDNS=10.0.0.1 10.0.0.2\n");
	assert_true(nameserver_find(root, 3, AF_INET, &server));
	assert_string_equal(address_text(&server, text), "10.0.0.1:53");
	assert_true(nameserver_find(root, 4, AF_INET, &server));
	assert_string_equal(address_text(&server, text), "192.0.2.53:53");
	(void)snprintf(command, sizeof(command), "rm -r %s", root);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_as_rfc_1035_wants_it),
		cmocka_unit_test(refuses_what_is_no_name),
		cmocka_unit_test(takes_only_an_answer_to_its_question),
		cmocka_unit_test(finds_the_server_of_the_interface_before_that_of_the_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
