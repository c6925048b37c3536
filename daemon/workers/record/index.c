#include "workers/record/index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

json_t *index_line(const struct segment_entry *entry)
{
	json_t *line = json_pack("{s:s, s:f, s:f, s:I, s:s}", "file", entry->file, "start",
				 (double)entry->unix_usec / 1e6, "duration",
				 (double)entry->duration_usec / 1e6, "bytes",
				 (json_int_t)entry->bytes, "sha256", entry->sha256);

	if (line && entry->recovered)
		(void)json_object_set_new(line, "recovered", json_true());
	return line;
}

static int index_open(int directory, const char *prefix, int flags)
{
	char name[SEGMENT_NAME_MAX];
	int fd;

	(void)snprintf(name, sizeof(name), "%s.index", prefix);
	fd = openat(directory, name, flags | O_CLOEXEC, 0640);
	return fd < 0 ? -errno : fd;
}

int index_append(int directory, const char *prefix, const struct segment_entry *entry)
{
	json_t *line = index_line(entry);
	/* One byte in front for the newline that a crash may have left out, one behind. */
	char text[SEGMENT_NAME_MAX + 512], last = '\n';
	size_t length = json_dumpb(line, text + 1, sizeof(text) - 2,
				   JSON_COMPACT | JSON_REAL_PRECISION(16));
	off_t end;
	size_t skip;
	ssize_t n;
	int fd, r = 0;

	json_decref(line);
	if (!length || length > sizeof(text) - 2)
		return -ENOMEM;
	text[0] = '\n';
	text[length + 1] = '\n';
	fd = index_open(directory, prefix, O_RDWR | O_CREAT | O_APPEND);
	if (fd < 0)
		return fd;
	end = lseek(fd, 0, SEEK_END);
	if (end > 0 && pread(fd, &last, 1, end - 1) != 1)
		last = '\n';
	skip = last == '\n';
	n = write(fd, text + skip, length + 2 - skip);
	if (n != (ssize_t)(length + 2 - skip)) {
		r = n < 0 ? -errno : -ENOSPC;
		(void)!ftruncate(fd, end);
	}
	if (!r && fdatasync(fd))
		r = -errno;
	if (!r && !end)
		(void)fsync(directory);
	(void)close(fd);
	return r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int index_read(int directory, const char *prefix, struct index_names *ret_names)
{
	struct index_names names = { 0 };
	size_t room = 0, size = 0;
	char *text = NULL;
	FILE *file;
	int fd = index_open(directory, prefix, O_RDONLY);

	*ret_names = names;
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	file = fdopen(fd, "r");
	if (!file) {
		(void)close(fd);
		return -ENOMEM;
	}
	while (getline(&text, &size, file) >= 0) {
		json_t *line = json_loads(text, 0, NULL);
		const char *name = json_string_value(json_object_get(line, "file"));
		char **more = names.name;

		if (name && names.count == room) {
			room = room ? 2 * room : 256;
			more = reallocarray(names.name, room, sizeof(*more));
		}
		if (name && more) {
			names.name = more;
			names.name[names.count] = strdup(name);
			names.count += names.name[names.count] != NULL;
		}
		json_decref(line);
		if (!more)
			break;
	}
	free(text);
	(void)fclose(file);
	if (names.count)
		qsort(names.name, names.count, sizeof(*names.name), by_name);
	*ret_names = names;
	return 0;
}

bool index_has(const struct index_names *names, const char *file)
{
	return names->count &&
	       bsearch(&file, names->name, names->count, sizeof(*names->name), by_name);
}

void index_names_clear(struct index_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->name[i]);
	free(names->name);
	*names = (struct index_names){ 0 };
}
