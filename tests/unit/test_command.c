#include "unit/test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/command.h"
#include "sys/log.h"

struct place {
	struct loop *loop;
	char directory[64];
	char file[96];
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	(void)signal(SIGPIPE, SIG_IGN);
	log_open("test", LOG_LEVEL_ERR);
	place->loop = loop_new();
	(void)snprintf(place->directory, sizeof(place->directory), "/tmp/uplinkd-command-XXXXXX");
	assert_non_null(mkdtemp(place->directory));
	(void)snprintf(place->file, sizeof(place->file), "%s/out", place->directory);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	(void)unlink(place->file);
	(void)rmdir(place->directory);
	loop_free(place->loop);
	free(place);
	return 0;
}

static void on_tick(struct loop_timer *timer)
{
	(void)timer;
}

static void turn(struct loop *loop)
{
	struct loop_timer tick;

	loop_timer_init(&tick, loop, on_tick, NULL);
	loop_timer_set(&tick, loop_clock() + 5000);
	loop_turn(loop, true);
	loop_timer_deinit(&tick);
}

static bool file_has(const char *path, const char *text)
{
	char content[4096];
	FILE *file = fopen(path, "re");
	size_t n = file ? fread(content, 1, sizeof(content) - 1, file) : 0;

	if (file)
		(void)fclose(file);
	content[n] = '\0';
	return strstr(content, text);
}

#define turn_until(loop, condition)                                                                \
	do {                                                                                       \
		usec_t end_ = loop_clock() + 20 * USEC_PER_SEC;                                    \
		while (!(condition) && loop_clock() < end_)                                        \
			turn(loop);                                                                \
		assert_true(condition);                                                            \
	} while (0)

static struct command_info info_of(const struct command *command)
{
	struct command_info info;

	command_info(command, &info);
	return info;
}

static void gets_its_lines_one_by_one(void **state)
{
	struct place *place = *state;
	struct command *command;
	char text[256];

	(void)snprintf(text, sizeof(text), "while read word n; do echo \"$n $word\" >> %s; done",
		       place->file);
	command = command_new(place->loop, "encoder", text);
	assert_non_null(command);
	command_tell(command, "bitrate %d", 2500000);
	turn_until(place->loop, file_has(place->file, "2500000 bitrate\n"));
	command_tell(command, "bitrate %d", 1200000);
	turn_until(place->loop, file_has(place->file, "2500000 bitrate\n1200000 bitrate\n"));
	assert_int_equal(info_of(command).lines, 2);
	command_free(command);
}

static void is_started_again_and_told_the_last_line_anew(void **state)
{
	struct place *place = *state;
	struct command *command;
	char text[256];

	(void)snprintf(text, sizeof(text), "read line; echo \"$line\" >> %s; exit 3", place->file);
	command = command_new(place->loop, "encoder", text);
	command_tell(command, "bitrate 1");
	turn_until(place->loop, file_has(place->file, "bitrate 1\nbitrate 1\n"));
	turn_until(place->loop, strstr(info_of(command).reason, "status 3"));
	assert_true(info_of(command).restarts >= 1);
	command_free(command);
}

static void what_a_dead_shell_leaves_behind_is_ended_as_well(void **state)
{
	struct place *place = *state;
	struct command *command;
	char text[512];

	(void)snprintf(
		text, sizeof(text),
		"[ -e %s ] && exec cat; sh -c 'trap \"echo ended >> %s\" EXIT; trap exit TERM; "
		"echo begun >> %s; for i in $(seq 300); do sleep 0.05; done' & wait",
		place->file, place->file, place->file);
	command = command_new(place->loop, "encoder", text);
	turn_until(place->loop, file_has(place->file, "begun\n"));
	(void)kill(info_of(command).pid, SIGKILL);
	turn_until(place->loop, file_has(place->file, "begun\nended\n"));
	command_free(command);
}

static void one_that_does_not_read_holds_up_nobody_and_then_gets_the_newest(void **state)
{
	struct place *place = *state;
	struct command *command;
	char text[256];
	usec_t begin;

	(void)snprintf(text, sizeof(text), "while [ ! -e %s ]; do sleep 0.02; done; exec cat >> %s",
		       place->file, place->file);
	command = command_new(place->loop, "encoder", text);
	turn_until(place->loop, info_of(command).pid);
	begin = loop_clock();
	for (int i = 0; i <= 100000; i++)
		command_tell(command, "bitrate %d", i);
	assert_true(loop_clock() - begin < 10 * USEC_PER_SEC);
	assert_true(info_of(command).replaced > 90000);
	(void)fclose(fopen(place->file, "we"));
	turn_until(place->loop, !info_of(command).replaced || info_of(command).lines > 100);
	for (usec_t end = loop_clock() + 20 * USEC_PER_SEC; loop_clock() < end;) {
		char tail[128];
		FILE *file = fopen(place->file, "re");
		size_t n;

		turn(place->loop);
		(void)fseek(file, -15, SEEK_END);
		n = fread(tail, 1, sizeof(tail) - 1, file);
		(void)fclose(file);
		tail[n] = '\0';
		if (strstr(tail, "bitrate 100000\n")) {
			command_free(command);
			return;
		}
	}
	fail_msg("the newest line never came");
}

static void its_whole_group_ends_with_us(void **state)
{
	struct place *place = *state;
	struct command *command;
	char text[256];
	int pid;

	(void)snprintf(text, sizeof(text), "echo begun > %s; sleep 1000 | sleep 1000", place->file);
	command = command_new(place->loop, "encoder", text);
	turn_until(place->loop, file_has(place->file, "begun"));
	pid = info_of(command).pid;
	command_free(command);
	/* The loop reaps; then no process of the group is left. */
	turn_until(place->loop, kill(-pid, 0) && errno == ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(gets_its_lines_one_by_one, setup, teardown),
		cmocka_unit_test_setup_teardown(is_started_again_and_told_the_last_line_anew, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_a_dead_shell_leaves_behind_is_ended_as_well,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			one_that_does_not_read_holds_up_nobody_and_then_gets_the_newest, setup,
			teardown),
		cmocka_unit_test_setup_teardown(its_whole_group_ends_with_us, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
