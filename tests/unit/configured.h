#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_table.h"
#include "unit/test.h"

/* What the tests of the settings share: a configuration, a directory for its files, and arguments.
 */

static struct config config;
static struct config_errors errors;
static char directory[64];

static inline int setup(void **state)
{
	(void)state;
	(void)strcpy(directory, "/tmp/uplinkd-config-XXXXXX");
	assert_non_null(mkdtemp(directory));
	config_defaults(&config, CONFIG_ROLE_SENDER);
	return 0;
}

static inline int teardown(void **state)
{
	char command[128];

	(void)state;
	config_errors_clear(&errors);
	(void)snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

static inline int parse(const char *text)
{
	return config_parse(&config, "f", text, strlen(text), &errors);
}

/* A file in the directory of the test; the name in a buffer that the next but seven overwrites. */
static inline const char *file(const char *name, const char *text, mode_t mode)
{
	static char paths[8][256];
	static unsigned next;
	char *path = paths[next++ % 8];
	FILE *f;

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

#define ARGUMENTS(...)                                                                             \
	config_arguments(&config, sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *),        \
			 (const char *[]){ __VA_ARGS__ }, &errors)
