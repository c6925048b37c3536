#include "unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/log.h"
#include "sys/supervisor.h"
#include "sys/worker.h"

/*
 * The real supervision of a real process: this program is its own worker when called as
 * `test_worker --fake ROLE`.
 */
#define PROGRAM "test_worker"
#define SECRET	"correct horse battery staple"

struct watch {
	struct loop *loop;
	unsigned starts, stops, lines, commands;
	int input, output;
	pid_t pid;
	char command[64];
	char output_text[64];
};

static void on_start(struct worker *worker, int input, int output, void *owner)
{
	struct watch *watch = owner;
	struct worker_info info;

	worker_info(worker, &info);
	watch->starts++;
	watch->input = input;
	watch->output = output;
	watch->pid = info.pid;
}

static void on_stop(struct worker *worker, void *owner)
{
	struct watch *watch = owner;
	ssize_t n;

	(void)worker;
	watch->stops++;
	if (watch->output >= 0) {
		n = read(watch->output, watch->output_text, sizeof(watch->output_text) - 1);
		watch->output_text[n > 0 ? n : 0] = '\0';
	}
}

static void on_line(struct worker *worker, const char *event, json_t *line, void *owner)
{
	struct watch *watch = owner;
	const char *text = json_string_value(json_object_get(line, "text"));

	(void)worker;
	watch->lines++;
	if (!strcmp(event, "echo") && text) {
		(void)snprintf(watch->command, sizeof(watch->command), "%s", text);
		watch->commands++;
	}
}

static struct worker *start(struct watch *watch, const char *role, bool pipes)
{
	struct worker_config config = {
		.name = "fake",
		.program = PROGRAM,
		.args = { "--fake", role },
		.secrets = { { "--key-file", SECRET } },
		.wants_input = pipes,
		.gives_output = pipes,
		.on_start = on_start,
		.on_stop = on_stop,
		.on_line = on_line,
		.owner = watch,
	};
	struct worker *worker = worker_new(watch->loop, &config);

	assert_non_null(worker);
	return worker;
}

#define turn_until(loop, condition)                                                                \
	do {                                                                                       \
		usec_t end_ = loop_clock() + 20 * USEC_PER_SEC;                                    \
		struct loop_timer tick_;                                                           \
		loop_timer_init(&tick_, (loop), on_tick, NULL);                                    \
		while (!(condition) && loop_clock() < end_) {                                      \
			loop_timer_set(&tick_, loop_clock() + 10000);                              \
			loop_turn((loop), true);                                                   \
		}                                                                                  \
		loop_timer_deinit(&tick_);                                                         \
		assert_true(condition);                                                            \
	} while (0)

static void on_tick(struct loop_timer *timer)
{
	(void)timer;
}

static struct worker_info info_of(const struct worker *worker)
{
	struct worker_info info;

	worker_info(worker, &info);
	return info;
}

static void starts_again_after_every_kind_of_end(void **state)
{
	struct watch *watch = *state;
	struct worker *worker = start(watch, "exit-69", false);
	struct worker_info info;

	turn_until(watch->loop, watch->starts == 3);
	info = info_of(worker);
	assert_int_equal(info.restarts, 2);
	assert_int_equal(WEXITSTATUS(info.last_exit), 69);
	worker_free(worker);

	worker = start(watch, "report", false);
	watch->starts = watch->stops = 0;
	turn_until(watch->loop, watch->lines >= 6);
	(void)kill(watch->pid, SIGKILL);
	turn_until(watch->loop, watch->starts == 2);
	info = info_of(worker);
	assert_int_equal(watch->stops, 1);
	assert_true(WIFSIGNALED(info.last_exit));
	assert_int_equal(info.bytes, 1000);
	turn_until(watch->loop, info_of(worker).bytes == 2000);
	worker_free(worker);
}

static void waits_longer_after_each_failure(void **state)
{
	struct watch *watch = *state;
	struct worker *worker = start(watch, "exit-1", false);
	usec_t first;

	turn_until(watch->loop, watch->starts == 1);
	first = loop_clock();
	turn_until(watch->loop, watch->starts == 3);
	/* 0.25 + 0.5 s */
	assert_true(loop_clock() - first >= 750 * USEC_PER_MS);
	worker_free(worker);
}

static void knows_what_the_worker_reports(void **state)
{
	struct watch *watch = *state;
	struct worker *worker = start(watch, "report", false);
	struct worker_info info;

	turn_until(watch->loop, info_of(worker).bytes == 1000);
	info = info_of(worker);
	assert_int_equal(info.state, WORKER_STATE_READY);
	assert_int_equal(info.port, 4711);
	assert_string_equal(info.reported, "connected");
	assert_string_equal(info.reason, "all is well");
	assert_string_equal(info.peer, "192.0.2.1:9");
	assert_string_equal(info.alarm, "disk full");
	assert_int_equal(json_integer_value(json_object_get(info.stats, "rtt_usec")), 7);
	(void)kill(watch->pid, SIGUSR1);
	turn_until(watch->loop, !*info_of(worker).alarm);
	worker_free(worker);
}

static void survives_garbage_on_the_control_socket(void **state)
{
	struct watch *watch = *state;
	struct worker *worker = start(watch, "garbage", false);

	turn_until(watch->loop, info_of(worker).state == WORKER_STATE_READY);
	/* Not JSON, no object, no event, too long: one each. */
	assert_int_equal(info_of(worker).garbage, 4);
	assert_int_equal(watch->starts, 1);
	worker_free(worker);
}

static void is_not_held_up_by_a_hung_worker(void **state)
{
	static const char block[65536];
	struct watch *watch = *state;
	struct worker *worker = start(watch, "echo", true);
	json_t *line = json_pack("{s:s, s:s}", "command", "fill", "text", "xxxxxxxxxxxxxxxxxxxxx");
	usec_t begin;

	turn_until(watch->loop, info_of(worker).state == WORKER_STATE_READY);
	(void)kill(watch->pid, SIGSTOP);
	begin = loop_clock();
	while (write(watch->input, block, sizeof(block)) > 0)
		;
	assert_int_equal(errno, EAGAIN);
	for (int i = 0; i < 20000; i++)
		worker_send(worker, line);
	loop_turn(watch->loop, false);
	assert_true(loop_clock() - begin < 3 * USEC_PER_SEC);
	json_decref(line);
	/* And a stop ends even that one. */
	worker_stop(worker);
	turn_until(watch->loop, info_of(worker).state == WORKER_STATE_STOPPED);
	assert_int_equal(WTERMSIG(info_of(worker).last_exit), SIGKILL);
	worker_free(worker);
}

static void passes_commands_and_data_and_ends_with_its_input(void **state)
{
	struct watch *watch = *state;
	struct worker *worker = start(watch, "echo", true);
	json_t *line = json_pack("{s:s, s:s}", "command", "hello", "text", "you");

	turn_until(watch->loop, info_of(worker).state == WORKER_STATE_READY);
	worker_send(worker, line);
	json_decref(line);
	turn_until(watch->loop, watch->commands == 1);
	assert_string_equal(watch->command, "you");
	assert_int_equal(write(watch->input, "data", 4), 4);
	worker_stop(worker);
	turn_until(watch->loop, watch->stops == 1);
	assert_string_equal(watch->output_text, "data");
	assert_int_equal(info_of(worker).last_exit, 0);
	assert_int_equal(info_of(worker).state, WORKER_STATE_STOPPED);
	worker_free(worker);
}

static void stops_one_without_input_by_a_signal_and_restarts_on_demand(void **state)
{
	struct watch *watch = *state;
	struct worker *worker = start(watch, "echo", false);

	turn_until(watch->loop, info_of(worker).state == WORKER_STATE_READY);
	assert_int_equal(worker_restart(worker, NULL), 0);
	turn_until(watch->loop, watch->starts == 2);
	assert_int_equal(watch->stops, 1);
	assert_int_equal(info_of(worker).last_exit, 0);
	turn_until(watch->loop, info_of(worker).state == WORKER_STATE_READY);
	worker_stop(worker);
	turn_until(watch->loop, info_of(worker).state == WORKER_STATE_STOPPED);
	assert_int_equal(info_of(worker).last_exit, 0);
	worker_free(worker);
}

static void keeps_secrets_out_of_the_command_line(void **state)
{
	struct watch *watch = *state;
	struct worker *worker = start(watch, "echo", false);
	char path[64], text[4096];
	ssize_t n;
	int fd;

	turn_until(watch->loop, info_of(worker).state == WORKER_STATE_READY);
	/* The fake says ready only if the secret could be read from the file it was given. */
	for (int i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)watch->pid,
			       i ? "environ" : "cmdline");
		fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		n = read(fd, text, sizeof(text));
		assert_true(n > 0);
		assert_null(memmem(text, (size_t)n, SECRET, strlen(SECRET)));
		(void)close(fd);
	}
	worker_free(worker);
}

static void leaves_no_orphan_when_the_supervisor_dies(void **state)
{
	char text[16] = "";
	int ends[2];
	pid_t supervisor;
	usec_t end;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	supervisor = fork();
	if (!supervisor) {
		struct watch watch = { .loop = loop_new() };
		struct worker *worker = start(&watch, "echo", false);

		while (info_of(worker).state != WORKER_STATE_READY)
			loop_turn(watch.loop, true);
		(void)snprintf(text, sizeof(text), "%d", (int)watch.pid);
		(void)!write(ends[1], text, sizeof(text));
		(void)kill(getpid(), SIGKILL);
	}
	assert_true(read(ends[0], text, sizeof(text)) > 0);
	(void)waitpid(supervisor, NULL, 0);
	end = loop_clock() + 10 * USEC_PER_SEC;
	while (!kill(atoi(text), 0) && loop_clock() < end) {
		char path[64], line[256] = "";
		FILE *file;

		/* Nobody may be there to reap it: a zombie is gone as well. */
		(void)snprintf(path, sizeof(path), "/proc/%s/stat", text);
		file = fopen(path, "re");
		if (!file || !fgets(line, sizeof(line), file) || strstr(line, ") Z")) {
			if (file)
				(void)fclose(file);
			break;
		}
		(void)fclose(file);
		(void)usleep(10000);
	}
	assert_true(loop_clock() < end);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void goes_on_when_the_program_is_missing(void **state)
{
	struct watch *watch = *state;
	struct worker_config config = { .name = "none", .program = "no-such-worker" };
	struct worker *worker = worker_new(watch->loop, &config);

	turn_until(watch->loop, info_of(worker).restarts == 1);
	assert_non_null(strstr(info_of(worker).reason, "No such file"));
	assert_int_equal(info_of(worker).state, WORKER_STATE_WAITING);
	worker_stop(worker);
	assert_int_equal(info_of(worker).state, WORKER_STATE_STOPPED);
	worker_free(worker);
}

/* --- the worker ----------------------------------------------------------------------------------
 */

static struct supervisor *fake;

static void fake_command(const char *command, json_t *line, void *owner)
{
	(void)owner;
	if (!strcmp(command, "hello"))
		supervisor_send(fake, json_pack("{s:s, s:O}", "event", "echo", "text",
						json_object_get(line, "text")));
}

/* What a process must not inherit is there in the test's own process. */
static bool fake_is_clean(const char *key_file)
{
	char text[64] = "";
	struct rlimit limit;
	struct sigaction action;
	sigset_t mask;
	FILE *file = fopen(key_file, "re");
	bool clean = file && fgets(text, sizeof(text), file) && !strcmp(text, SECRET);

	if (file)
		(void)fclose(file);
	clean &= !getrlimit(RLIMIT_CORE, &limit) && !limit.rlim_cur && !limit.rlim_max;
	clean &= !sigaction(SIGUSR2, NULL, &action) && action.sa_handler == SIG_DFL;
	clean &= !sigprocmask(SIG_BLOCK, NULL, &mask) && !sigismember(&mask, SIGUSR2);
	clean &= getpgrp() == getpid();
	clean &= !getenv("NOTIFY_SOCKET");
	for (int fd = 5; fd < 64; fd++)
		clean &= fcntl(fd, F_GETFD) < 0;
	return clean;
}

static void fake_report(void)
{
	sigset_t set;
	int number;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	supervisor_ready(fake, 4711);
	supervisor_state(fake, "connected", "192.0.2.1:9", "all is %s", "well");
	supervisor_alarm(fake, "disk", "disk full");
	supervisor_alarm(fake, "disk", "disk full");
	supervisor_alarm(fake, "other", "something else");
	supervisor_alarm_clear(fake, "other", "over");
	supervisor_send(
		fake, json_pack("{s:s, s:i, s:i}", "event", "stats", "bytes", 1000, "rtt_usec", 7));
	(void)sigwait(&set, &number);
	supervisor_alarm_clear(fake, "disk", "disk free");
}

static void fake_garbage(void)
{
	char line[6000];

	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	(void)!write(UPLINKD_WORKER_CONTROL_FD, "{garbage\n[1]\n{\"a\":1}\n", 21);
	(void)!write(UPLINKD_WORKER_CONTROL_FD, line, sizeof(line));
	(void)!write(STDERR_FILENO, line, sizeof(line));
	supervisor_ready(fake, 0);
}

static void fake_echo(void)
{
	char block[4096];
	ssize_t n;

	supervisor_ready(fake, 0);
	while ((n = read(STDIN_FILENO, block, sizeof(block))) > 0)
		(void)!write(STDOUT_FILENO, block, (size_t)n);
}

static int fake_main(const char *role, const char *key_file)
{
	struct stat st;
	bool piped = !fstat(STDIN_FILENO, &st) && S_ISFIFO(st.st_mode);
	bool clean = fake_is_clean(key_file);

	if (!strncmp(role, "exit-", 5))
		return atoi(role + 5);
	log_open("fake", LOG_LEVEL_INFO);
	fake = supervisor_new(fake_command, NULL);
	if (!fake || !clean)
		return 99;
	if (!strcmp(role, "report"))
		fake_report();
	else if (!strcmp(role, "garbage"))
		fake_garbage();
	else
		fake_echo();
	if (!piped)
		(void)supervisor_wait(fake, 60000);
	supervisor_free(fake);
	return 0;
}

static void on_usr2(int number)
{
	(void)number;
}

static int watch_setup(void **state)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	*state = watch;
	return !watch || !(watch->loop = loop_new());
}

static int watch_teardown(void **state)
{
	struct watch *watch = *state;

	loop_free(watch->loop);
	free(watch);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, watch_setup, watch_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(starts_again_after_every_kind_of_end),
		TEST(waits_longer_after_each_failure),
		TEST(knows_what_the_worker_reports),
		TEST(survives_garbage_on_the_control_socket),
		TEST(is_not_held_up_by_a_hung_worker),
		TEST(passes_commands_and_data_and_ends_with_its_input),
		TEST(stops_one_without_input_by_a_signal_and_restarts_on_demand),
		TEST(keeps_secrets_out_of_the_command_line),
		TEST(leaves_no_orphan_when_the_supervisor_dies),
		TEST(goes_on_when_the_program_is_missing),
	};
	sigset_t set;

	if (argc == 5 && !strcmp(argv[1], "--fake"))
		return fake_main(argv[2], argv[4]);
	/* Things that a worker must not inherit. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGUSR2, on_usr2);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)setenv("NOTIFY_SOCKET", "/nowhere", 1);
	(void)dup2(STDERR_FILENO, 33);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
