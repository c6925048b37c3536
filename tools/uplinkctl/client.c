#include "client.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "uplinkd/control.h"

/*
 * Without a path, all places of include/uplinkd/control.h are looked through and the sockets that
 * answer are counted: a socket file of a program that has died is passed over.
 */
#define FOUND_MAX 32
#define REPLY_MAX (UPLINKD_CONTROL_REPLY_MAX + 1)

struct client {
	int fd;
	size_t len;
	char buffer[REPLY_MAX];
};

struct found {
	unsigned count;
	char path[FOUND_MAX][108];
};

static int dial(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = 10 };
	int fd, error;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	(void)strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		error = -errno;
		(void)close(fd);
		return error;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return fd;
}

/* The living sockets of a directory, and of the directories in it (one per instance of the unit).
 * A directory in /tmp that is not ours may be a trap and is passed over. */
static void look(struct found *found, const char *directory, bool deeper, bool *ret_denied)
{
	struct stat st;
	struct dirent *entry;
	DIR *dir;

	if (lstat(directory, &st) < 0 || !S_ISDIR(st.st_mode))
		return;
	if (!strncmp(directory, "/tmp/", 5) && st.st_uid != geteuid())
		return;
	dir = opendir(directory);
	if (!dir) {
		*ret_denied |= errno == EACCES;
		return;
	}
	while ((entry = readdir(dir))) {
		char path[512];
		size_t len = strlen(entry->d_name);
		int fd;

		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (len < 6 || strcmp(entry->d_name + len - 5, ".sock") != 0) {
			if (deeper)
				look(found, path, false, ret_denied);
			continue;
		}
		fd = dial(path);
		*ret_denied |= fd == -EACCES;
		if (fd < 0)
			continue;
		(void)close(fd);
		if (found->count < FOUND_MAX && strlen(path) < sizeof(found->path[0]))
			(void)strcpy(found->path[found->count++], path);
	}
	(void)closedir(dir);
}

static void look_everywhere(struct found *found, bool *ret_denied)
{
	const char *runtime = getenv("RUNTIME_DIRECTORY"), *xdg = getenv("XDG_RUNTIME_DIR");
	char path[512];

	if (runtime && *runtime == '/') {
		(void)snprintf(path, sizeof(path), "%.*s", (int)strcspn(runtime, ":"), runtime);
		look(found, path, false, ret_denied);
		return;
	}
	look(found, "/run/uplinkd", true, ret_denied);
	if (xdg && *xdg == '/') {
		(void)snprintf(path, sizeof(path), "%s/uplinkd", xdg);
		look(found, path, false, ret_denied);
	}
	(void)snprintf(path, sizeof(path), "/tmp/uplinkd-%u", (unsigned)geteuid());
	look(found, path, false, ret_denied);
}

/* Keeps the sockets of one verb: send.sock, send-1234.sock. */
static void keep(struct found *found, const char *verb)
{
	size_t len = strlen(verb);
	unsigned kept = 0;

	for (unsigned i = 0; i < found->count; i++) {
		const char *name = strrchr(found->path[i], '/') + 1;

		if (strncmp(name, verb, len) != 0 || (name[len] != '.' && name[len] != '-'))
			continue;
		memmove(found->path[kept++], found->path[i], sizeof(found->path[0]));
	}
	found->count = kept;
}

static struct client *connected(int fd)
{
	struct client *client = malloc(sizeof(*client));

	if (!client) {
		(void)close(fd);
		return NULL;
	}
	client->fd = fd;
	client->len = 0;
	return client;
}

struct client *client_open(const char *socket)
{
	struct found found = { 0 };
	bool denied = false;
	int fd;

	if (socket && strchr(socket, '/')) {
		fd = dial(socket);
		if (fd >= 0)
			return connected(fd);
		(void)fprintf(stderr, "uplinkctl: %s: %s\n", socket,
			      fd == -ECONNREFUSED ? "no uplinkd is running there" : strerror(-fd));
		return NULL;
	}
	look_everywhere(&found, &denied);
	if (socket)
		keep(&found, socket);
	if (found.count == 1) {
		fd = dial(found.path[0]);
		if (fd >= 0)
			return connected(fd);
	}
	if (found.count > 1) {
		(void)fputs("uplinkctl: several are running; choose one with --socket:\n", stderr);
		for (unsigned i = 0; i < found.count; i++)
			(void)fprintf(stderr, "  --socket %s\n", found.path[i]);
	} else if (denied) {
		(void)fputs("uplinkctl: not allowed to ask the uplinkd that is running; try with "
			    "sudo, or join the group uplinkd\n",
			    stderr);
	} else {
		(void)fputs(
			"uplinkctl: no uplinkd is running here; start one with \"uplinkd send\" "
			"or \"uplinkd receive\", or name its socket with --socket\n",
			stderr);
	}
	return NULL;
}

struct client *client_close(struct client *client)
{
	if (client)
		(void)close(client->fd);
	free(client);
	return NULL;
}

int client_fd(const struct client *client)
{
	return client->fd;
}

bool client_request(struct client *client, json_t *request)
{
	char line[UPLINKD_CONTROL_REQUEST_MAX];
	size_t n = json_dumpb(request, line, sizeof(line) - 1, JSON_COMPACT);

	json_decref(request);
	if (!n || n > sizeof(line) - 1) {
		(void)fputs("uplinkctl: the request is too long, or no text\n", stderr);
		return false;
	}
	line[n++] = '\n';
	if (send(client->fd, line, n, MSG_NOSIGNAL) == (ssize_t)n)
		return true;
	(void)fprintf(stderr, "uplinkctl: cannot ask uplinkd: %s\n", strerror(errno));
	return false;
}

bool client_ask(struct client *client, const char *command, int interval_ms)
{
	json_t *request = json_pack("{s:s}", "command", command);

	if (interval_ms)
		(void)json_object_set_new(request, "interval_ms", json_integer(interval_ms));
	return client_request(client, request);
}

bool client_has_reply(const struct client *client)
{
	return memchr(client->buffer, '\n', client->len);
}

/* A reply that is an error, told; the object is released. */
static json_t *refused(json_t *reply)
{
	const char *text = json_string_value(json_object_get(reply, "error"));

	(void)fprintf(stderr, "uplinkctl: uplinkd says: %s\n", text ? text : "no");
	json_decref(reply);
	return NULL;
}

json_t *client_reply(struct client *client)
{
	json_t *reply;
	char *end;
	ssize_t n;

	while (!(end = memchr(client->buffer, '\n', client->len))) {
		n = client->len < sizeof(client->buffer)
			    ? recv(client->fd, client->buffer + client->len,
				   sizeof(client->buffer) - client->len, 0)
			    : 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			(void)fprintf(stderr, "uplinkctl: %s\n",
				      !n		? "uplinkd has ended"
				      : errno == EAGAIN ? "uplinkd does not answer"
							: strerror(errno));
			return NULL;
		}
		client->len += (size_t)n;
	}
	reply = json_loadb(client->buffer, (size_t)(end - client->buffer), 0, NULL);
	client->len -= (size_t)(end + 1 - client->buffer);
	memmove(client->buffer, end + 1, client->len);
	if (!json_is_true(json_object_get(reply, "ok")))
		return refused(reply);
	return reply;
}
