#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "advicefile.h"

/* The file that the script inside OBS polls. */

static char directory[64];

static const char *text_of(const char *path)
{
	static char text[64];
	FILE *file = fopen(path, "r");
	size_t n;

	if (!file)
		return "";
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	(void)fclose(file);
	return text;
}

static int setup(void **state)
{
	(void)state;
	(void)strcpy(directory, "/tmp/uplinkd-advice-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(directory);
}

static void lies_beside_the_socket_and_is_replaced_as_a_whole(void **state)
{
	struct advicefile file;
	char control[100], wanted[100];
	struct stat before, after;

	(void)state;
	(void)snprintf(control, sizeof(control), "%s/send.sock", directory);
	(void)snprintf(wanted, sizeof(wanted), "%s/send.advice", directory);
	advicefile_init(&file, control);
	assert_string_equal(file.path, wanted);
	advicefile_write(&file, 2500000);
	assert_string_equal(text_of(wanted), "bitrate 2500000\n");
	assert_int_equal(stat(wanted, &before), 0);
	assert_int_equal(before.st_mode & 0777 & ~0640, 0);
	advicefile_write(&file, 800000);
	assert_string_equal(text_of(wanted), "bitrate 800000\n");
	assert_int_equal(stat(wanted, &after), 0);
	assert_true(before.st_ino != after.st_ino);
	advicefile_deinit(&file);
	assert_int_not_equal(access(wanted, F_OK), 0);
}

static void what_an_earlier_process_left_is_gone(void **state)
{
	struct advicefile file;
	char control[100];

	(void)state;
	(void)snprintf(control, sizeof(control), "%s/other", directory);
	advicefile_init(&file, control);
	advicefile_write(&file, 1000000);
	assert_string_equal(text_of(file.path), "bitrate 1000000\n");
	advicefile_init(&file, control);
	assert_int_not_equal(access(file.path, F_OK), 0);
}

static void a_place_that_is_gone_is_no_harm(void **state)
{
	struct advicefile file;

	(void)state;
	advicefile_init(&file, "/nonexistent/uplinkd/send.sock");
	advicefile_write(&file, 1000000);
	assert_int_not_equal(file.error, 0);
	advicefile_deinit(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lies_beside_the_socket_and_is_replaced_as_a_whole),
		cmocka_unit_test(what_an_earlier_process_left_is_gone),
		cmocka_unit_test(a_place_that_is_gone_is_no_harm),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
