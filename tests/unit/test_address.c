#include "unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include "net/address.h"

static void numeric_addresses_are_read_and_written(void **state)
{
	static const struct {
		const char *in, *out;
		int family;
	} cases[] = {
		{ "192.0.2.1:7000", "192.0.2.1:7000", AF_INET },
		{ "192.0.2.1", "192.0.2.1:0", AF_INET },
		{ ":7000", "0.0.0.0:7000", AF_INET },
		{ "[2001:db8::1]:7000", "[2001:db8::1]:7000", AF_INET6 },
		{ "2001:db8::1", "[2001:db8::1]:0", AF_INET6 },
		{ "::", "[::]:0", AF_INET6 },
	};
	char text[ADDRESS_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bond_address address;

		assert_int_equal(address_parse(cases[i].in, &address), 0);
		assert_int_equal(address_family(&address), cases[i].family);
		assert_string_equal(address_text(&address, text), cases[i].out);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const cases[] = { "",
					     "example.org:7000",
					     "192.0.2.1:0",
					     "192.0.2.1:70000",
					     "192.0.2:7000",
					     "[2001:db8::1",
					     "192.0.2.1:70x" };
	struct bond_address address;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(address_parse(cases[i], &address), -EINVAL);
}

static void host_and_port_are_split(void **state)
{
	char host[32];
	uint16_t port;

	(void)state;
	assert_int_equal(address_split("example.org:7000", host, sizeof(host), &port), 0);
	assert_string_equal(host, "example.org");
	assert_int_equal(port, 7000);
	assert_int_equal(address_split("[::1]:80", host, sizeof(host), &port), 0);
	assert_string_equal(host, "::1");
	assert_int_equal(address_split("::1:80", host, sizeof(host), &port), -EINVAL);
	assert_int_equal(address_split("example.org", host, sizeof(host), &port), -EINVAL);
	assert_int_equal(address_split("a-name-that-is-longer-than-the-room.example:1", host,
				       sizeof(host), &port),
			 -EINVAL);
}

static void equal_addresses_are_equal_bytes(void **state)
{
	struct sockaddr_in6 one = { .sin6_family = AF_INET6, .sin6_port = htons(1) };
	struct sockaddr_in6 two = one;
	struct bond_address a, b;

	(void)state;
	two.sin6_flowinfo = 7;
	a = address_of((const struct sockaddr *)&one);
	b = address_of((const struct sockaddr *)&two);
	assert_true(address_equal(&a, &b));
	address_set_port(&b, 2);
	assert_false(address_equal(&a, &b));
	assert_int_equal(address_port(&b), 2);
}

static void loopback_is_known(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} cases[] = { { "127.0.0.1", true },
		      { "127.8.9.1:1", true },
		      { "::1", true },
		      { "128.0.0.1", false },
		      { "::2", false } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bond_address address;

		assert_int_equal(address_parse(cases[i].text, &address), 0);
		assert_int_equal(address_is_loopback(&address), cases[i].is);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numeric_addresses_are_read_and_written),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(host_and_port_are_split),
		cmocka_unit_test(equal_addresses_are_equal_bytes),
		cmocka_unit_test(loopback_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
