#include "unit/test.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net/address.h"
#include "net/udp.h"
#include "sys/loop.h"

static int loopback_socket(struct bond_address *ret_local, bool errors)
{
	struct udp_config config = { .errors = errors, .timestamps = true };
	int fd;

	assert_int_equal(address_parse("127.0.0.1", &config.local), 0);
	fd = udp_open(&config);
	assert_true(fd >= 0);
	assert_int_equal(udp_local(fd, ret_local), 0);
	return fd;
}

static void wait_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 5000), 1);
}

static void a_batch_arrives_as_it_was_sent(void **state)
{
	struct udp_sender *sender = udp_sender_new();
	struct udp_batch *batch = udp_batch_new();
	struct udp_datagram *datagrams;
	struct bond_address from, to;
	int out = loopback_socket(&from, false), in = loopback_socket(&to, false);
	unsigned got = 0;

	(void)state;
	/* More than one batch, so that a full one goes by itself. */
	for (unsigned i = 0; i < UDP_BATCH + 8; i++) {
		uint8_t data[2] = { (uint8_t)i, 7 };

		assert_int_equal(udp_send(sender, out, &to, NULL, data, sizeof(data)),
				 UDP_OUTCOME_OK);
	}
	assert_int_equal(udp_flush(sender, out, NULL), UDP_OUTCOME_OK);
	while (got < UDP_BATCH + 8) {
		int n;

		wait_readable(in);
		n = udp_receive(in, batch, &datagrams);
		assert_true(n > 0);
		for (int i = 0; i < n; i++) {
			assert_int_equal(datagrams[i].len, 2);
			assert_int_equal(datagrams[i].data[0], got++);
			assert_true(address_equal(&datagrams[i].from, &from));
			assert_true(usec_since(datagrams[i].arrived, loop_clock()) < USEC_PER_SEC);
		}
	}
	assert_int_equal(udp_receive(in, batch, &datagrams), 0);
	assert_int_equal(udp_sender_stats(sender)->datagrams, UDP_BATCH + 8);
	udp_sender_free(sender);
	udp_batch_free(batch);
	(void)close(out);
	(void)close(in);
}

static void the_time_of_arrival_is_not_that_of_reading(void **state)
{
	const struct timespec nap = { .tv_nsec = 30 * 1000 * 1000 };
	struct udp_sender *sender = udp_sender_new();
	struct udp_batch *batch = udp_batch_new();
	struct udp_datagram *datagrams;
	struct bond_address from, to;
	int out = loopback_socket(&from, false), in = loopback_socket(&to, false);
	const uint8_t data[1] = { 1 };

	bool stamped = false;

	(void)state;
	/* The kernel begins to stamp a moment after the first socket of the machine asks for it. */
	for (unsigned i = 0; i < 50 && !stamped; i++) {
		(void)udp_send(sender, out, &to, NULL, data, 1);
		(void)udp_flush(sender, out, NULL);
		wait_readable(in);
		(void)nanosleep(&nap, NULL); /* a busy process */
		assert_int_equal(udp_receive(in, batch, &datagrams), 1);
		stamped = usec_since(datagrams[0].arrived, loop_clock()) >= 29 * USEC_PER_MS;
	}
	assert_true(stamped);
	udp_sender_free(sender);
	udp_batch_free(batch);
	(void)close(out);
	(void)close(in);
}

static void a_datagram_that_is_too_long_is_marked(void **state)
{
	struct udp_batch *batch = udp_batch_new();
	struct udp_datagram *datagrams;
	static uint8_t data[UDP_PAYLOAD_MAX + 1];
	struct bond_address to;
	struct sockaddr_storage storage;
	int in = loopback_socket(&to, false);
	socklen_t len = address_sockaddr(&to, &storage);

	(void)state;
	assert_int_equal(sendto(in, data, sizeof(data), 0, (struct sockaddr *)&storage, len),
			 sizeof(data));
	wait_readable(in);
	assert_int_equal(udp_receive(in, batch, &datagrams), 1);
	assert_true(datagrams[0].cut);
	udp_batch_free(batch);
	(void)close(in);
}

static void a_closed_port_is_told_and_does_not_stop_the_rest(void **state)
{
	struct udp_sender *sender = udp_sender_new();
	struct udp_batch *batch = udp_batch_new();
	struct udp_datagram *datagrams;
	struct bond_address from, closed, open;
	int out = loopback_socket(&from, true), gone = loopback_socket(&closed, false);
	int in = loopback_socket(&open, false);
	const uint8_t data[1] = { 1 };

	(void)state;
	(void)close(gone);
	(void)udp_send(sender, out, &closed, NULL, data, 1);
	(void)udp_flush(sender, out, NULL);
	wait_readable(out); /* the ICMP answer */
	(void)udp_send(sender, out, &open, NULL, data, 1);
	assert_true(udp_flush(sender, out, NULL) <= UDP_OUTCOME_DROP);
	wait_readable(in);
	assert_int_equal(udp_receive(in, batch, &datagrams), 1);
	assert_int_equal(udp_drain_errors(out, NULL), ECONNREFUSED);
	assert_int_equal(udp_drain_errors(out, NULL), 0);
	udp_sender_free(sender);
	udp_batch_free(batch);
	(void)close(out);
	(void)close(in);
}

static void every_error_has_a_meaning(void **state)
{
	static const struct {
		int error;
		enum udp_outcome outcome;
	} cases[] = {
		{ 0, UDP_OUTCOME_OK },
		{ EAGAIN, UDP_OUTCOME_BUSY },
		{ ENOBUFS, UDP_OUTCOME_BUSY },
		{ ENETUNREACH, UDP_OUTCOME_DOWN },
		{ ENETDOWN, UDP_OUTCOME_DOWN },
		{ ENODEV, UDP_OUTCOME_STALE },
		{ EADDRNOTAVAIL, UDP_OUTCOME_STALE },
		{ EPERM, UDP_OUTCOME_DROP },
		{ ECONNREFUSED, UDP_OUTCOME_DROP },
		{ EMSGSIZE, UDP_OUTCOME_DROP },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(udp_outcome(cases[i].error), cases[i].outcome);
}

static void a_socket_can_be_pinned_without_privilege(void **state)
{
	struct udp_config config = { .device = "lo", .device_index = 1, .errors = true };
	struct udp_sender *sender = udp_sender_new();
	struct bond_address to;
	const uint8_t data[1] = { 1 };
	int in = loopback_socket(&to, false), out;

	(void)state;
	assert_int_equal(address_parse("127.0.0.1", &config.local), 0);
	out = udp_open(&config);
	assert_true(out >= 0);
	(void)udp_send(sender, out, &to, NULL, data, 1);
	assert_int_equal(udp_flush(sender, out, NULL), UDP_OUTCOME_OK);
	wait_readable(in);
	udp_sender_free(sender);
	(void)close(out);
	(void)close(in);
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static void marks_fragments_and_queue_can_be_changed_in_use(void **state)
{
	static const char *const locals[] = { "127.0.0.1", "::1" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct udp_config config = { .dscp = 34 };
		bool v6 = i == 1;
		int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP, fd, small;

		assert_int_equal(address_parse(locals[i], &config.local), 0);
		fd = udp_open(&config);
		if (fd < 0 && v6)
			return; /* a machine without IPv6 */
		assert_int_equal(option(fd, level, v6 ? IPV6_TCLASS : IP_TOS), 34 << 2);
		assert_int_equal(udp_set_dscp(fd, v6 ? AF_INET6 : AF_INET, 46), 0);
		assert_int_equal(option(fd, level, v6 ? IPV6_TCLASS : IP_TOS), 46 << 2);

		assert_int_equal(option(fd, level, v6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER),
				 v6 ? IPV6_PMTUDISC_PROBE : IP_PMTUDISC_PROBE);
		assert_int_equal(udp_allow_fragments(fd, v6 ? AF_INET6 : AF_INET, 0), 0);
		assert_int_equal(option(fd, level, v6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER),
				 v6 ? IPV6_PMTUDISC_DONT : IP_PMTUDISC_DONT);

		assert_int_equal(udp_set_send_queue(fd, 16 * 1400), 0);
		small = option(fd, SOL_SOCKET, SO_SNDBUF);
		assert_in_range(small, 16 * 2304, 20 * 2304);
		assert_int_equal(udp_set_send_queue(fd, 64 * 1400), 0);
		assert_true(option(fd, SOL_SOCKET, SO_SNDBUF) > small);
		(void)close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_arrives_as_it_was_sent),
		cmocka_unit_test(the_time_of_arrival_is_not_that_of_reading),
		cmocka_unit_test(a_datagram_that_is_too_long_is_marked),
		cmocka_unit_test(a_closed_port_is_told_and_does_not_stop_the_rest),
		cmocka_unit_test(every_error_has_a_meaning),
		cmocka_unit_test(a_socket_can_be_pinned_without_privilege),
		cmocka_unit_test(marks_fragments_and_queue_can_be_changed_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
