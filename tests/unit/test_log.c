#include "unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sys/log.h"

/* stderr is a pipe meanwhile; what was written to it. */
static int before, ends[2];

static int setup(void **state)
{
	(void)state;
	before = dup(STDERR_FILENO);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	log_open("test", LOG_LEVEL_INFO);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)dup2(before, STDERR_FILENO);
	(void)close(before);
	(void)close(ends[0]);
	(void)close(ends[1]);
	return 0;
}

/* What is in the pipe now; the last of it when it is much. */
static const char *heard(void)
{
	static char text[65536 + 1];
	ssize_t n;

	text[0] = '\0';
	while ((n = read(ends[0], text, sizeof(text) - 1)) > 0)
		text[n] = '\0';
	return text;
}

static void a_line_is_written_with_its_level(void **state)
{
	(void)state;
	log_info("one");
	log_warning("two\nlines");
	log_debug("not this");
	assert_string_equal(heard(), "test: one\ntest: warning: two lines\n");
}

static void who_does_not_read_the_log_holds_nothing_up(void **state)
{
	char text[900];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)alarm(30);
	for (unsigned i = 0; i < 200; i++)
		log_info("%s", text);
	(void)alarm(0);
	(void)heard();
	log_info("after");
	assert_non_null(strstr(heard(), "lines before this one were not taken\ntest: after\n"));
	log_info("later");
	assert_string_equal(heard(), "test: later\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_is_written_with_its_level, setup, teardown),
		cmocka_unit_test_setup_teardown(who_does_not_read_the_log_holds_nothing_up, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
