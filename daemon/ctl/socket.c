#include "ctl/socket.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * A socket file outlives the program that made it. Whether one is alive is asked by connecting:
 * refused means that nobody listens, and the name is free to take. Only sockets are ever removed.
 * Two programs that start at the same moment may both see a dead socket; the second then takes the
 * name of the first, which stays reachable by nobody but disturbs nothing.
 */
static int fail(int error, const char *path, char *why, size_t why_size)
{
	(void)snprintf(why, why_size, "%s: %s", path, strerror(-error));
	return error;
}

/* Made with mode 0700, or ours and closed to others already. */
static int private_directory(const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (lstat(path, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	return st.st_uid == geteuid() && !(st.st_mode & 022) ? 0 : -EPERM;
}

static int default_directory(char *ret, size_t size)
{
	const char *runtime = getenv("RUNTIME_DIRECTORY"), *xdg = getenv("XDG_RUNTIME_DIR");

	if (runtime && *runtime) {
		/* Several are separated by colons; the first is ours. */
		(void)snprintf(ret, size, "%.*s", (int)strcspn(runtime, ":"), runtime);
		return 0;
	}
	(void)snprintf(ret, size, "/run/uplinkd");
	if (access(ret, W_OK | X_OK) == 0)
		return 0;
	if (xdg && *xdg == '/') {
		(void)snprintf(ret, size, "%s/uplinkd", xdg);
		if (private_directory(ret) == 0)
			return 0;
	}
	(void)snprintf(ret, size, "/tmp/uplinkd-%u", (unsigned)geteuid());
	return private_directory(ret);
}

/* 0: nobody listens there; the file is gone or may be removed. -EADDRINUSE: somebody does. */
static int probe(const struct sockaddr_un *address)
{
	struct stat st;
	int fd, error = 0;

	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
		error = -EADDRINUSE;
	else if (errno != ECONNREFUSED)
		error = -errno;
	(void)close(fd);
	return error;
}

static int bind_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, error;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	(void)strcpy(address.sun_path, path);
	error = probe(&address);
	if (error)
		return error;
	(void)unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0117); /* mode 0660 from the first moment */
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		error = -errno;
	(void)umask(mask);
	if (!error && listen(fd, 8) < 0)
		error = -errno;
	if (!error)
		return fd;
	(void)close(fd);
	return error;
}

int control_socket_bind(const char *path, const char *verb, char ret_path[CONTROL_PATH_MAX],
			char *why, size_t why_size)
{
	char directory[CONTROL_PATH_MAX - 32] = "";
	int fd;

	if (path && *path) {
		if (strlen(path) >= CONTROL_PATH_MAX)
			return fail(-ENAMETOOLONG, path, why, why_size);
		(void)strcpy(ret_path, path);
		fd = bind_at(ret_path);
		if (fd == -EADDRINUSE)
			(void)snprintf(why, why_size, "%s: another uplinkd has it", path);
		else if (fd == -EEXIST)
			(void)snprintf(why, why_size, "%s: is there and is not a socket", path);
		else if (fd < 0)
			return fail(fd, path, why, why_size);
		return fd;
	}
	fd = default_directory(directory, sizeof(directory));
	if (fd < 0)
		return fail(fd, directory, why, why_size);
	(void)snprintf(ret_path, CONTROL_PATH_MAX, "%s/%s.sock", directory, verb);
	fd = bind_at(ret_path);
	if (fd == -EADDRINUSE) {
		(void)snprintf(ret_path, CONTROL_PATH_MAX, "%s/%s-%d.sock", directory, verb,
			       (int)getpid());
		fd = bind_at(ret_path);
	}
	return fd < 0 ? fail(fd, ret_path, why, why_size) : fd;
}
