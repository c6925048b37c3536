#include "unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "net/feed.h"

#define PACKET FANOUT_PACKET_BYTES

static void write_packets(struct feeds *feeds, uint32_t first, unsigned count)
{
	uint8_t packet[PACKET] = { 0x47 };

	for (unsigned i = 0; i < count; i++) {
		uint32_t number = first + i;

		memcpy(packet + 4, &number, sizeof(number));
		feeds_write(feeds, packet, sizeof(packet));
	}
}

/* Reads what is there; each packet must bear the next number. Returns that number. */
static uint32_t read_packets(int fd, uint32_t next)
{
	static uint8_t rest[PACKET];
	static size_t len;
	ssize_t n;

	if (!next)
		len = 0;
	while ((n = read(fd, rest + len, sizeof(rest) - len)) > 0) {
		len += (size_t)n;
		if (len == sizeof(rest)) {
			uint32_t number;

			memcpy(&number, rest + 4, sizeof(number));
			assert_int_equal(number, next);
			next++;
			len = 0;
		}
	}
	return next;
}

static void a_full_pipe_holds_up_nobody_and_goes_on_between_packets(void **state)
{
	struct loop *loop = loop_new();
	struct feeds *feeds = feeds_new(loop, 4000 * PACKET);
	struct feed *slow = feed_new(feeds, FANOUT_RULE_OLDEST, 4000 * PACKET, USEC_NEVER);
	struct feed *fast = feed_new(feeds, FANOUT_RULE_OLDEST, 4000 * PACKET, USEC_NEVER);
	int slow_fd[2], fast_fd[2];
	uint32_t slow_next = 0, fast_next = 0;
	struct feed_info info;

	(void)state;
	assert_int_equal(pipe2(slow_fd, O_NONBLOCK | O_CLOEXEC), 0);
	assert_int_equal(pipe2(fast_fd, O_NONBLOCK | O_CLOEXEC), 0);
	feed_open(slow);
	feed_open(fast);
	feed_to_fd(slow, slow_fd[1]);
	feed_to_fd(fast, fast_fd[1]);
	/* Far more than a pipe holds; the fast one is read all the time. */
	for (uint32_t i = 0; i < 3000; i += 100) {
		write_packets(feeds, i, 100);
		loop_turn(loop, false);
		fast_next = read_packets(fast_fd[0], fast_next);
	}
	assert_int_equal(fast_next, 3000);
	feed_info(slow, &info);
	assert_true(info.backlog_bytes > 0);
	for (unsigned i = 0; i < 1000 && slow_next < 3000; i++) {
		slow_next = read_packets(slow_fd[0], slow_next);
		loop_turn(loop, false);
	}
	assert_int_equal(slow_next, 3000);
	feed_info(slow, &info);
	assert_int_equal(info.dropped_bytes, 0);
	assert_int_equal(info.backlog_bytes, 0);
	feed_free(slow);
	feed_free(fast);
	feeds_free(feeds);
	for (int i = 0; i < 2; i++) {
		(void)close(slow_fd[i]);
		(void)close(fast_fd[i]);
	}
	loop_free(loop);
}

static int broken_error;

static void on_broken(void *owner, int error)
{
	(void)owner;
	broken_error = error;
}

static void a_reader_that_goes_away_is_told(void **state)
{
	struct loop *loop = loop_new();
	struct feeds *feeds = feeds_new(loop, 100 * PACKET);
	struct feed *feed = feed_new(feeds, FANOUT_RULE_FRESH, 100 * PACKET, USEC_NEVER);
	int fd[2];

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe2(fd, O_NONBLOCK | O_CLOEXEC), 0);
	feed_on_broken(feed, on_broken, NULL);
	feed_open(feed);
	feed_to_fd(feed, fd[1]);
	(void)close(fd[0]);
	write_packets(feeds, 0, 1);
	assert_int_equal(broken_error, EPIPE);
	feed_free(feed);
	feeds_free(feeds);
	(void)close(fd[1]);
	loop_free(loop);
}

static void what_waits_goes_to_the_next_reader(void **state)
{
	struct loop *loop = loop_new();
	struct feeds *feeds = feeds_new(loop, 100 * PACKET);
	struct feed *feed = feed_new(feeds, FANOUT_RULE_OLDEST, 100 * PACKET, USEC_NEVER);
	int fd[2];

	(void)state;
	assert_int_equal(pipe2(fd, O_NONBLOCK | O_CLOEXEC), 0);
	write_packets(feeds, 100, 3); /* before it is open: not for it */
	feed_open(feed);
	write_packets(feeds, 0, 3);
	feed_to_fd(feed, fd[1]);
	assert_int_equal(read_packets(fd[0], 0), 3);
	feed_free(feed);
	feeds_free(feeds);
	(void)close(fd[0]);
	(void)close(fd[1]);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_pipe_holds_up_nobody_and_goes_on_between_packets),
		cmocka_unit_test(a_reader_that_goes_away_is_told),
		cmocka_unit_test(what_waits_goes_to_the_next_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
