#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz/fuzz.h"

/*
 * Replays inputs through a fuzz target without a fuzzer: usage: fuzz_NAME FILE|DIRECTORY...
 *
 * Each input is copied to a block of exactly its size, so that the address sanitizer sees a read of
 * one byte too many. A crash ends the program; otherwise it says how many inputs there were.
 */

static unsigned long inputs;

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	struct stat st;
	int r = -1;

	if (!file || fstat(fileno(file), &st) < 0)
		goto out;
	data = malloc(st.st_size ? (size_t)st.st_size : 1);
	if (!data || fread(data, 1, (size_t)st.st_size, file) != (size_t)st.st_size)
		goto out;
	(void)LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	inputs++;
	r = 0;
out:
	if (r < 0)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	free(data);
	if (file)
		(void)fclose(file);
	return r;
}

static int replay_path(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!directory)
		return replay_file(path);
	while (!r && (entry = readdir(directory))) {
		char name[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		r = replay_file(name);
	}
	(void)closedir(directory);
	return r;
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash ? slash + 1 : argv[0];

	for (int i = 1; i < argc; i++) {
		if (replay_path(argv[i]) < 0) {
			printf("not ok - %s: cannot replay %s\n", name, argv[i]);
			return 1;
		}
	}
	if (!inputs) {
		printf("not ok - %s: no input\n", name);
		return 1;
	}
	printf("ok - %s: %lu inputs\n", name, inputs);
	return 0;
}
