#include "unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/control.h"

static struct loop *loop;
static struct control *control;
static char directory[64], path[128];
static unsigned stops, reloads, logs;
static int reload_result;

static void on_stats(void *owner, struct stats *stats)
{
	(void)owner;
	stats->role = "sender";
	stats->version = "0";
	(void)strcpy(stats->stream, "live");
	stats->uplinks = BOND_PATHS_MAX;
	stats->jobs = STATS_JOBS_MAX;
	stats->logs = logs < STATS_LOG_MAX ? logs : STATS_LOG_MAX;
	for (unsigned i = 0; i < stats->logs; i++) {
		stats->log[i].number = i + 1;
		memset(stats->log[i].text, 'x', sizeof(stats->log[i].text) - 1);
	}
}

static int on_reload(void *owner, char *why, size_t size)
{
	(void)owner;
	reloads++;
	(void)snprintf(why, size, "line 3 is wrong: \xfc");
	return reload_result;
}

static void on_stop(void *owner)
{
	(void)owner;
	stops++;
}

static const struct control_config config = { .path = path,
					      .verb = "send",
					      .on_stats = on_stats,
					      .on_reload = on_reload,
					      .on_stop = on_stop };

static int setup(void **state)
{
	(void)state;
	(void)strcpy(directory, "/tmp/uplinkd-control-XXXXXX");
	assert_non_null(mkdtemp(directory));
	(void)snprintf(path, sizeof(path), "%s/c.sock", directory);
	stops = reloads = 0;
	reload_result = 0;
	logs = 3;
	loop = loop_new();
	assert_int_equal(control_new(loop, &config, &control), 0);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	control = control_free(control);
	loop_free(loop);
	(void)snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

static int dial(const char *to)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(strlen(to) < sizeof(address.sun_path));
	(void)strcpy(address.sun_path, to);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* The next line as JSON, with the loop turning meanwhile; NULL: the other end closed. */
static json_t *hear(int fd)
{
	static char line[UPLINKD_CONTROL_REPLY_MAX + 1];
	size_t len = 0;
	json_t *json;

	for (usec_t begin = loop_clock(); usec_since(begin, loop_clock()) < 10 * USEC_PER_SEC;) {
		ssize_t n = recv(fd, line + len, 1, MSG_DONTWAIT);

		if (!n || (n < 0 && errno == ECONNRESET))
			return NULL;
		if (n < 0) {
			loop_turn(loop, false);
			continue;
		}
		if (line[len++] != '\n')
			continue;
		json = json_loadb(line, len, 0, NULL);
		assert_non_null(json);
		return json;
	}
	fail_msg("no answer");
	return NULL;
}

static bool is_ok(json_t *json)
{
	return json_is_true(json_object_get(json, "ok"));
}

static const char *error_of(json_t *json)
{
	const char *text = json_string_value(json_object_get(json, "error"));

	return text ? text : "";
}

static void status_is_answered_with_its_id(void **state)
{
	int fd = dial(path);
	json_t *reply, *status;

	(void)state;
	say(fd, "{\"command\":\"status\",\"id\":42}\n");
	reply = hear(fd);
	assert_true(is_ok(reply));
	assert_int_equal(json_integer_value(json_object_get(reply, "id")), 42);
	status = json_object_get(reply, "status");
	assert_string_equal(json_string_value(json_object_get(status, "stream")), "live");
	assert_int_equal(json_array_size(json_object_get(status, "log")), 3);
	json_decref(reply);
	(void)close(fd);
}

static void requests_in_pieces_and_in_heaps_are_answered_in_order(void **state)
{
	int fd = dial(path);
	char id[4] = "";

	(void)state;
	say(fd, "{\"command\":");
	loop_turn(loop, false);
	say(fd,
	    "\"log\",\"id\":0}\n{\"command\":\"log\",\"id\":1}\n{\"command\":\"log\",\"id\":2}\n");
	for (int i = 0; i < 3; i++) {
		json_t *reply = hear(fd);

		(void)snprintf(id, sizeof(id), "%d", i);
		assert_int_equal(json_integer_value(json_object_get(reply, "id")), i);
		json_decref(reply);
	}
	(void)close(fd);
}

static void a_heap_of_requests_does_not_hold_up_the_loop(void **state)
{
	int fd = dial(path);

	(void)state;
	for (int i = 0; i < 100; i++)
		say(fd, "{\"command\":\"log\"}\n");
	for (int i = 0; i < 100; i++) {
		json_t *reply = hear(fd);

		assert_true(is_ok(reply));
		json_decref(reply);
	}
	(void)close(fd);
}

static void nonsense_gets_one_clear_error(void **state)
{
	static const struct {
		const char *request, *error;
	} rows[] = {
		{ "hello\n", "a request is a JSON object on one line" },
		{ "[1]\n", "a request is a JSON object on one line" },
		{ "{}\n", "the request has no \"command\"" },
		{ "{\"command\":7}\n", "the request has no \"command\"" },
		{ "{\"command\":\"fly\"}\n", "unknown command" },
		{ "{\"command\":\"watch\",\"interval_ms\":1}\n",
		  "interval_ms must be from 100 to 60000" },
	};
	int fd = dial(path);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *reply;

		say(fd, rows[i].request);
		reply = hear(fd);
		assert_false(is_ok(reply));
		assert_string_equal(error_of(reply), rows[i].error);
		json_decref(reply);
	}
	(void)close(fd);
}

static void a_request_without_end_ends_the_client(void **state)
{
	char garbage[UPLINKD_CONTROL_REQUEST_MAX + 1];
	int fd = dial(path);

	(void)state;
	memset(garbage, 'x', sizeof(garbage));
	garbage[sizeof(garbage) - 1] = '\0';
	say(fd, garbage);
	assert_null(hear(fd));
	(void)close(fd);
}

static void watch_repeats_and_tells_only_new_log_lines(void **state)
{
	int fd = dial(path);
	size_t expected[] = { 3, 0, 2 };

	(void)state;
	say(fd, "{\"command\":\"watch\",\"interval_ms\":100,\"id\":\"w\"}\n");
	for (int i = 0; i < 3; i++) {
		json_t *reply = hear(fd);
		json_t *status = json_object_get(reply, "status");

		assert_true(is_ok(reply));
		assert_string_equal(json_string_value(json_object_get(reply, "id")), "w");
		assert_int_equal(json_array_size(json_object_get(status, "log")), expected[i]);
		json_decref(reply);
		if (i == 1)
			logs = 5;
	}
	(void)close(fd);
}

static void log_tells_what_is_newer(void **state)
{
	int fd = dial(path);
	json_t *reply, *log;

	(void)state;
	say(fd, "{\"command\":\"log\",\"since\":2}\n");
	reply = hear(fd);
	log = json_object_get(reply, "log");
	assert_int_equal(json_array_size(log), 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(log, 0), "number")), 3);
	json_decref(reply);
	(void)close(fd);
}

static void reload_and_stop_reach_the_program(void **state)
{
	int fd = dial(path);
	json_t *reply;

	(void)state;
	say(fd, "{\"command\":\"reload\"}\n");
	reply = hear(fd);
	assert_true(is_ok(reply));
	json_decref(reply);
	reload_result = -EINVAL;
	say(fd, "{\"command\":\"reload\"}\n");
	reply = hear(fd);
	assert_string_equal(error_of(reply), "line 3 is wrong: ?");
	json_decref(reply);
	say(fd, "{\"command\":\"stop\"}\n");
	reply = hear(fd);
	assert_true(is_ok(reply));
	json_decref(reply);
	assert_int_equal(stops, 1);
	assert_int_equal(reloads, 2);
	(void)close(fd);
}

static json_t *on_added(void *owner, json_t *request, const char **ret_why)
{
	(void)owner;
	if (json_object_get(request, "bad")) {
		*ret_why = "not today";
		return NULL;
	}
	return json_pack("{s:i}", "answer", 6);
}

static void commands_can_be_added(void **state)
{
	int fd = dial(path);
	json_t *reply;

	(void)state;
	assert_int_equal(control_command_add(control, "ask", on_added, NULL), 0);
	say(fd, "{\"command\":\"ask\"}\n{\"command\":\"ask\",\"bad\":1}\n");
	reply = hear(fd);
	assert_true(is_ok(reply));
	assert_int_equal(json_integer_value(json_object_get(reply, "answer")), 6);
	json_decref(reply);
	reply = hear(fd);
	assert_string_equal(error_of(reply), "not today");
	json_decref(reply);
	(void)close(fd);
}

static void one_client_too_many_is_told_so(void **state)
{
	int fds[UPLINKD_CONTROL_CLIENTS_MAX], extra;
	json_t *reply;

	(void)state;
	for (unsigned i = 0; i < UPLINKD_CONTROL_CLIENTS_MAX; i++) {
		fds[i] = dial(path);
		loop_turn(loop, true);
	}
	extra = dial(path);
	reply = hear(extra);
	assert_string_equal(error_of(reply), "too many clients");
	json_decref(reply);
	assert_null(hear(extra));
	(void)close(extra);
	(void)close(fds[0]);
	loop_turn(loop, true);
	fds[0] = dial(path);
	say(fds[0], "{\"command\":\"log\"}\n");
	reply = hear(fds[0]);
	assert_true(is_ok(reply));
	json_decref(reply);
	for (unsigned i = 0; i < UPLINKD_CONTROL_CLIENTS_MAX; i++)
		(void)close(fds[i]);
}

static void a_client_that_does_not_read_is_dropped_and_others_are_served(void **state)
{
	int lazy = dial(path), good = dial(path);
	bool dropped = false;
	json_t *reply;

	(void)state;
	logs = STATS_LOG_MAX;
	for (unsigned i = 0; !dropped && i < 1000; i++) {
		dropped = send(lazy, "{\"command\":\"status\"}\n", 21,
			       MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
			  errno == EPIPE;
		loop_turn(loop, false);
	}
	assert_true(dropped);
	say(good, "{\"command\":\"log\"}\n");
	reply = hear(good);
	assert_true(is_ok(reply));
	json_decref(reply);
	(void)close(lazy);
	(void)close(good);
}

/* Reads @len bytes, with the loop turning meanwhile. */
static void hear_bytes(int fd, size_t len)
{
	char bytes[4096];

	for (usec_t begin = loop_clock(); usec_since(begin, loop_clock()) < 10 * USEC_PER_SEC;) {
		ssize_t n =
			recv(fd, bytes, len < sizeof(bytes) ? len : sizeof(bytes), MSG_DONTWAIT);

		if (n > 0)
			len -= (size_t)n;
		if (!len)
			return;
		loop_turn(loop, false);
	}
	fail_msg("no answer");
}

static void a_client_that_is_always_behind_costs_no_more_memory(void **state)
{
	int fd = dial(path);
	size_t reply, before;
	json_t *json;
	char *text;

	(void)state;
	say(fd, "{\"command\":\"status\"}\n");
	json = hear(fd);
	text = json_dumps(json, JSON_COMPACT);
	reply = strlen(text) + 1;
	free(text);
	json_decref(json);
	/* More than the socket takes stays unread from now on. */
	for (size_t held = 0; held < 340 * 1024; held += reply) {
		say(fd, "{\"command\":\"status\"}\n");
		for (unsigned i = 0; i < 10; i++)
			loop_turn(loop, false);
	}
	before = mallinfo2().uordblks + mallinfo2().hblkhd;
	for (unsigned i = 0; i < 200; i++) {
		say(fd, "{\"command\":\"status\"}\n");
		hear_bytes(fd, reply);
	}
	assert_in_range(mallinfo2().uordblks + mallinfo2().hblkhd, 0, before + 512 * 1024);
	(void)close(fd);
}

static void without_descriptors_a_client_is_turned_away(void **state)
{
	struct rlimit before, few;
	int fd = dial(path), next;

	(void)state;
	next = dup(fd);
	(void)close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){ .rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_null(hear(fd));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	(void)close(fd);
	fd = dial(path);
	say(fd, "{\"command\":\"log\"}\n");
	json_decref(hear(fd));
	(void)close(fd);
}

static void the_socket_is_closed_to_others_and_removed_at_the_end(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	control = control_free(control);
	assert_int_equal(lstat(path, &st), -1);
}

static void a_path_in_use_is_refused_and_a_dead_one_taken(void **state)
{
	struct control *other = NULL;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct control_config second = config;
	char dead[128], file[128];
	int fd;

	(void)state;
	assert_int_equal(control_new(loop, &config, &other), -EADDRINUSE);
	(void)snprintf(dead, sizeof(dead), "%s/dead", directory);
	(void)strcpy(address.sun_path, dead);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(fd);
	second.path = dead;
	assert_int_equal(control_new(loop, &second, &other), 0);
	other = control_free(other);
	(void)snprintf(file, sizeof(file), "%s/file", directory);
	fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	(void)close(fd);
	second.path = file;
	assert_int_equal(control_new(loop, &second, &other), -EEXIST);
	assert_int_equal(access(file, F_OK), 0);
}

static void the_default_path_is_numbered_when_another_lives(void **state)
{
	struct control *first = NULL, *next = NULL;
	struct control_config by_default = config;
	char expected[160];

	(void)state;
	(void)setenv("RUNTIME_DIRECTORY", directory, 1);
	by_default.path = "";
	assert_int_equal(control_new(loop, &by_default, &first), 0);
	(void)snprintf(expected, sizeof(expected), "%s/send.sock", directory);
	assert_string_equal(control_path(first), expected);
	assert_int_equal(control_new(loop, &by_default, &next), 0);
	(void)snprintf(expected, sizeof(expected), "%s/send-%d.sock", directory, (int)getpid());
	assert_string_equal(control_path(next), expected);
	next = control_free(next);
	first = control_free(first);
	(void)unsetenv("RUNTIME_DIRECTORY");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(status_is_answered_with_its_id),
		TEST(requests_in_pieces_and_in_heaps_are_answered_in_order),
		TEST(a_heap_of_requests_does_not_hold_up_the_loop),
		TEST(nonsense_gets_one_clear_error),
		TEST(a_request_without_end_ends_the_client),
		TEST(watch_repeats_and_tells_only_new_log_lines),
		TEST(log_tells_what_is_newer),
		TEST(reload_and_stop_reach_the_program),
		TEST(commands_can_be_added),
		TEST(one_client_too_many_is_told_so),
		TEST(a_client_that_does_not_read_is_dropped_and_others_are_served),
		TEST(a_client_that_is_always_behind_costs_no_more_memory),
		TEST(without_descriptors_a_client_is_turned_away),
		TEST(the_socket_is_closed_to_others_and_removed_at_the_end),
		TEST(a_path_in_use_is_refused_and_a_dead_one_taken),
		TEST(the_default_path_is_numbered_when_another_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
