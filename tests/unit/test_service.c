#include "unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sys/service.h"

/* The manager's end: a datagram socket of our own, named in $NOTIFY_SOCKET. */
static int manager;
static struct loop *loop;
static char directory[64];

static int setup(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)state;
	(void)strcpy(directory, "/tmp/uplinkd-service-XXXXXX");
	assert_non_null(mkdtemp(directory));
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", directory);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(manager, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)setenv("NOTIFY_SOCKET", address.sun_path, 1);
	loop = loop_new();
	assert_non_null(loop);
	return 0;
}

static int teardown(void **state)
{
	char path[128];

	(void)state;
	loop_free(loop);
	(void)close(manager);
	(void)snprintf(path, sizeof(path), "%s/notify", directory);
	(void)unlink(path);
	(void)rmdir(directory);
	(void)unsetenv("NOTIFY_SOCKET");
	return 0;
}

/* The next message, "" when there is none. */
static const char *heard(void)
{
	static char text[512];
	ssize_t n = recv(manager, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void states_are_told_to_the_manager(void **state)
{
	struct service *service = service_new(loop);

	(void)state;
	service_ready(service, "waiting for input");
	assert_string_equal(heard(), "READY=1\nSTATUS=waiting for input");
	service_status(service, "live, %d uplinks", 3);
	assert_string_equal(heard(), "STATUS=live, 3 uplinks");
	service_status(service, "live, %d uplinks", 3);
	assert_string_equal(heard(), "");
	service_reloading(service);
	assert_non_null(strstr(heard(), "RELOADING=1\nMONOTONIC_USEC="));
	service_reloaded(service);
	assert_string_equal(heard(), "READY=1");
	service_stopping(service, 5 * USEC_PER_SEC);
	assert_non_null(strstr(heard(), "STOPPING=1\n"));
	service_free(service);
}

static void the_watchdog_is_fed_from_the_loop_at_half_the_interval(void **state)
{
	struct service *service;
	char pid[16];
	unsigned fed = 0;
	usec_t begin;

	(void)state;
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	(void)setenv("WATCHDOG_USEC", "40000", 1);
	(void)setenv("WATCHDOG_PID", pid, 1);
	service = service_new(loop);
	assert_null(getenv("WATCHDOG_USEC")); /* no worker may take it for its own */
	begin = loop_clock();
	while (fed < 3) {
		loop_turn(loop, true);
		while (*heard())
			fed++;
	}
	assert_true(loop_clock() - begin >= 3 * 20 * USEC_PER_MS);
	service_free(service);
}

static void without_a_watchdog_nothing_is_sent(void **state)
{
	struct service *service = service_new(loop);

	(void)state;
	loop_turn(loop, false);
	assert_string_equal(heard(), "");
	service_free(service);
}

static void without_a_manager_nothing_happens(void **state)
{
	struct service *service;

	(void)state;
	(void)unsetenv("NOTIFY_SOCKET");
	service = service_new(loop);
	service_ready(service, "x");
	service_status(service, "y");
	service_stopping(service, 1);
	service_free(service);
	assert_int_equal(service_free(NULL) == NULL, 1);
}

static void passed_descriptors_are_found_by_name_once(void **state)
{
	struct service *service;
	char pid[16];
	int saved[2];

	(void)state;
	/* The manager passes from 3 on; whatever this test has there is put back. */
	for (int i = 0; i < 2; i++) {
		saved[i] = fcntl(3 + i, F_DUPFD_CLOEXEC, 10);
		assert_int_equal(dup2(manager, 3 + i), 3 + i);
	}
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	(void)setenv("LISTEN_PID", pid, 1);
	(void)setenv("LISTEN_FDS", "2", 1);
	(void)setenv("LISTEN_FDNAMES", "http:receiver", 1);
	service = service_new(loop);
	assert_int_equal(service_listen_fd(service, "receiver"), 4);
	assert_int_equal(service_listen_fd(service, "receiver"), -ENOENT);
	assert_int_equal(service_listen_fd(service, "absent"), -ENOENT);
	assert_true(fcntl(4, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(4, F_GETFL) & O_NONBLOCK);
	assert_null(getenv("LISTEN_FDS"));
	service_free(service);
	for (int i = 0; i < 2; i++) {
		if (saved[i] >= 0) {
			(void)dup2(saved[i], 3 + i);
			(void)close(saved[i]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(states_are_told_to_the_manager),
		TEST(the_watchdog_is_fed_from_the_loop_at_half_the_interval),
		TEST(without_a_watchdog_nothing_is_sent),
		TEST(without_a_manager_nothing_happens),
		TEST(passed_descriptors_are_found_by_name_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
