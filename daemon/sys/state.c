#include "sys/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_DIRECTORY "/var/lib/uplinkd"

static bool home_directory(char *directory, size_t size)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char base[STATE_PATH_MAX / 2];
	int n;

	if (state && state[0] == '/')
		n = snprintf(base, sizeof(base), "%s", state);
	else if (home && home[0] == '/')
		n = snprintf(base, sizeof(base), "%s/.local/state", home);
	else
		return false;
	if (n < 0 || (size_t)n >= sizeof(base))
		return false;
	/* Each step of the way that is missing; what fails shows in the last one. */
	for (char *slash = base + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		(void)mkdir(base, 0700);
		*slash = '/';
	}
	(void)mkdir(base, 0700);
	(void)snprintf(directory, size, "%s/uplinkd", base);
	return !mkdir(directory, 0700) || errno == EEXIST;
}

bool state_path(const char *name, char path[STATE_PATH_MAX])
{
	const char *given = getenv("STATE_DIRECTORY");
	char directory[STATE_PATH_MAX / 2 + 16];
	size_t start;
	int n;

	if (given && given[0] == '/')
		(void)snprintf(directory, sizeof(directory), "%.*s", (int)strcspn(given, ":"),
			       given);
	else if (!access(SYSTEM_DIRECTORY, W_OK))
		(void)snprintf(directory, sizeof(directory), "%s", SYSTEM_DIRECTORY);
	else if (!home_directory(directory, sizeof(directory)))
		return false;
	start = strlen(directory) + 1;
	n = snprintf(path, STATE_PATH_MAX, "%s/%s", directory, name);
	if (n < 0 || n >= STATE_PATH_MAX - 8) /* room for the name of the new one beside it */
		return false;
	for (char *c = path + start; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-", *c))
			*c = '_';
	return true;
}

size_t state_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t used = 0;
	ssize_t n;

	while (fd >= 0 && used < size - 1) {
		n = read(fd, text + used, size - 1 - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	if (fd >= 0)
		(void)close(fd);
	text[used] = '\0';
	return used;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int state_write(const char *path, const char *text, size_t len)
{
	char fresh[STATE_PATH_MAX + 8];
	int fd, error;

	(void)snprintf(fresh, sizeof(fresh), "%s.XXXXXX", path);
	fd = mkostemp(fresh, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	error = write_all(fd, text, len);
	(void)close(fd);
	if (!error && rename(fresh, path) < 0)
		error = -errno;
	if (error)
		(void)unlink(fresh);
	return error;
}
