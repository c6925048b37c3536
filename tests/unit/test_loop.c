#include "unit/test.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/loop.h"

struct seen {
	struct loop_io io[2];
	struct loop_timer timer[2];
	struct loop_child child;
	struct loop_signal signal;
	unsigned calls;
	unsigned events;
	int status;
	usec_t at;
};

static void turn_until(struct loop *loop, const unsigned *calls, unsigned wanted)
{
	usec_t end = loop_clock() + 5 * USEC_PER_SEC;

	while (*calls < wanted && loop_clock() < end)
		loop_turn(loop, true);
	assert_int_equal(*calls, wanted);
}

static void on_timer(struct loop_timer *timer)
{
	struct seen *seen = timer->owner;

	seen->calls++;
	seen->at = loop_clock();
}

static void on_timer_free_other(struct loop_timer *timer)
{
	struct seen *seen = timer->owner;

	seen->calls++;
	loop_timer_deinit(&seen->timer[0]);
	loop_timer_deinit(&seen->timer[1]);
}

static void on_io(struct loop_io *io, unsigned events)
{
	struct seen *seen = io->owner;

	seen->calls++;
	seen->events |= events;
	loop_io_deinit(&seen->io[0]);
	loop_io_deinit(&seen->io[1]);
}

static void on_child(struct loop_child *child, int status)
{
	struct seen *seen = child->owner;

	seen->calls++;
	seen->status = status;
	loop_child_deinit(child);
}

static void on_signal(struct loop_signal *signal)
{
	((struct seen *)signal->owner)->calls++;
	loop_stop(signal->loop);
}

static void fires_a_timer_once_and_never_early(void **state)
{
	struct loop *loop = *state;
	struct seen seen = { 0 };
	usec_t at = loop_clock() + 3700;

	loop_timer_init(&seen.timer[0], loop, on_timer, &seen);
	loop_timer_set(&seen.timer[0], at);
	turn_until(loop, &seen.calls, 1);
	assert_true(seen.at >= at);
	loop_timer_set(&seen.timer[0], loop_clock());
	turn_until(loop, &seen.calls, 2);
	loop_turn(loop, false);
	assert_int_equal(seen.calls, 2);
	loop_timer_deinit(&seen.timer[0]);
}

static void does_not_fire_a_timer_that_was_stopped(void **state)
{
	struct loop *loop = *state;
	struct seen seen = { 0 }, other = { 0 };

	loop_timer_init(&seen.timer[0], loop, on_timer, &seen);
	loop_timer_init(&other.timer[0], loop, on_timer, &other);
	loop_timer_set(&seen.timer[0], loop_clock() + 1000);
	loop_timer_set(&seen.timer[0], USEC_NEVER);
	loop_timer_set(&other.timer[0], loop_clock() + 5000);
	turn_until(loop, &other.calls, 1);
	assert_int_equal(seen.calls, 0);
	loop_timer_deinit(&seen.timer[0]);
	loop_timer_deinit(&other.timer[0]);
}

static void lets_a_callback_free_every_timer_that_is_due(void **state)
{
	struct loop *loop = *state;
	struct seen seen = { 0 };

	for (int i = 0; i < 2; i++) {
		loop_timer_init(&seen.timer[i], loop, on_timer_free_other, &seen);
		loop_timer_set(&seen.timer[i], loop_clock());
	}
	turn_until(loop, &seen.calls, 1);
	loop_turn(loop, false);
	assert_int_equal(seen.calls, 1);
}

static void lets_a_callback_free_every_watcher_that_is_ready(void **state)
{
	struct loop *loop = *state;
	struct seen seen = { 0 };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	for (int i = 0; i < 2; i++) {
		loop_io_init(&seen.io[i], loop, pair[i], on_io, &seen);
		loop_io_set(&seen.io[i], LOOP_WRITE);
	}
	turn_until(loop, &seen.calls, 1);
	loop_turn(loop, false);
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.events, LOOP_WRITE);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void tells_the_end_of_a_child(void **state)
{
	struct loop *loop = *state;
	struct seen seen = { 0 };
	pid_t pid = fork();

	if (!pid)
		_exit(7);
	loop_child_init(&seen.child, loop, pid, on_child, &seen);
	turn_until(loop, &seen.calls, 1);
	assert_true(WIFEXITED(seen.status));
	assert_int_equal(WEXITSTATUS(seen.status), 7);
}

static void runs_until_it_is_stopped_even_if_that_was_before(void **state)
{
	struct loop *loop = *state;
	struct seen seen = { 0 };

	loop_stop(loop);
	loop_run(loop);
	loop_signal_init(&seen.signal, loop, SIGUSR1, on_signal, &seen);
	(void)raise(SIGUSR1);
	loop_run(loop);
	assert_int_equal(seen.calls, 1);
	loop_signal_deinit(&seen.signal);
}

static int loop_setup(void **state)
{
	return !(*state = loop_new());
}

static int loop_teardown(void **state)
{
	*state = loop_free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(fires_a_timer_once_and_never_early, loop_setup,
						loop_teardown),
		cmocka_unit_test_setup_teardown(does_not_fire_a_timer_that_was_stopped, loop_setup,
						loop_teardown),
		cmocka_unit_test_setup_teardown(lets_a_callback_free_every_timer_that_is_due,
						loop_setup, loop_teardown),
		cmocka_unit_test_setup_teardown(lets_a_callback_free_every_watcher_that_is_ready,
						loop_setup, loop_teardown),
		cmocka_unit_test_setup_teardown(tells_the_end_of_a_child, loop_setup,
						loop_teardown),
		cmocka_unit_test_setup_teardown(runs_until_it_is_stopped_even_if_that_was_before,
						loop_setup, loop_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
