#include "ctl/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/socket.h"
#include "sys/log.h"

/*
 * A client is a small buffer for its request and one for what it has not read yet. Both have a
 * bound: a longer request or a reply that no longer fits ends the client, and so does a watcher
 * that has read nothing of the last snapshot when WATCH_PATIENCE has passed. All work for a client
 * is done in its own turn of the loop and is one snapshot at most, so that a busy or broken client
 * costs the stream nothing.
 *
 * Clients are freed by control alone, in client_drop(); a request handler tells by its return value
 * that the client shall go.
 */
#define COMMANDS_MAX	  16
#define WATCH_MS_DEFAULT  1000
#define WATCH_MS_MIN	  100
#define WATCH_MS_MAX	  60000
#define WATCH_PATIENCE	  (10 * USEC_PER_SEC)
#define IDLE		  (UPLINKD_CONTROL_IDLE_SECONDS * USEC_PER_SEC)
#define REQUESTS_PER_TURN 8 /* of one client, before others have theirs */

struct client {
	struct control *control;
	struct loop_io io;
	char in[UPLINKD_CONTROL_REQUEST_MAX];
	size_t in_len;
	bool pending; /* there may be another whole request in it */
	char *out;    /* what the socket has not taken yet */
	size_t out_len, out_sent;
	usec_t interval; /* of its watch; 0: none */
	usec_t next;	 /* snapshot of the watch */
	usec_t expires;	 /* unless it asks or reads something */
	uint64_t log_seen;
	json_t *watch_id;
};

struct control {
	struct loop *loop;
	struct control_config config;
	char path[CONTROL_PATH_MAX];
	struct stat file; /* of the socket, to remove our own alone */
	struct loop_io listener;
	int spare; /* a descriptor to turn a client away with when there are no others */
	struct loop_timer timer;
	struct client *clients[UPLINKD_CONTROL_CLIENTS_MAX];
	struct stats *stats; /* the snapshot: large, and made one at a time */
	struct command {
		const char *name;
		control_call call;
		void *owner;
	} commands[COMMANDS_MAX];
	unsigned command_count;
};

static void client_drop(struct client *client)
{
	struct control *control = client->control;

	for (unsigned i = 0; i < UPLINKD_CONTROL_CLIENTS_MAX; i++)
		if (control->clients[i] == client)
			control->clients[i] = NULL;
	loop_io_deinit(&client->io);
	(void)close(client->io.fd);
	json_decref(client->watch_id);
	free(client->out);
	free(client);
}

/* It has asked or read something. */
static void client_touch(struct client *client)
{
	client->expires = usec_add(loop_now(client->control->loop),
				   client->interval ? client->interval + WATCH_PATIENCE : IDLE);
}

static void timer_arm(struct control *control)
{
	usec_t at = USEC_NEVER;

	for (unsigned i = 0; i < UPLINKD_CONTROL_CLIENTS_MAX; i++) {
		const struct client *client = control->clients[i];

		if (!client)
			continue;
		at = usec_min(at, client->pending ? 0 : client->expires);
		if (client->interval)
			at = usec_min(at, client->next);
	}
	loop_timer_set(&control->timer, at);
}

/* Sends what is waiting; negative: the client is gone. */
static int client_flush(struct client *client)
{
	while (client->out_sent < client->out_len) {
		ssize_t n = send(client->io.fd, client->out + client->out_sent,
				 client->out_len - client->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n < 0) {
			loop_io_set(&client->io, LOOP_READ | LOOP_WRITE);
			return 0;
		}
		client->out_sent += (size_t)n;
		client_touch(client);
	}
	free(client->out);
	client->out = NULL;
	client->out_len = client->out_sent = 0;
	loop_io_set(&client->io, LOOP_READ);
	return 0;
}

/* Queues a line; @object is consumed. Negative: the client shall go. */
static int client_send(struct client *client, json_t *object, const json_t *id)
{
	char *line = NULL, *out;
	size_t len;

	if (object && id)
		(void)json_object_set(object, "id", (json_t *)id);
	if (object)
		line = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (!line)
		return -ENOMEM;
	len = strlen(line);
	/* What was sent goes first: who is always a little behind never sees the end. */
	if (client->out_sent) {
		client->out_len -= client->out_sent;
		memmove(client->out, client->out + client->out_sent, client->out_len);
		client->out_sent = 0;
	}
	if (client->out_len + len + 1 > UPLINKD_CONTROL_REPLY_MAX) {
		free(line);
		return -ENOBUFS;
	}
	out = realloc(client->out, client->out_len + len + 1);
	if (!out) {
		free(line);
		return -ENOMEM;
	}
	client->out = out;
	memcpy(out + client->out_len, line, len);
	out[client->out_len + len] = '\n';
	client->out_len += len + 1;
	free(line);
	return client_flush(client);
}

static int client_send_error(struct client *client, const char *text, const json_t *id)
{
	return client_send(client, json_pack("{s:b, s:o}", "ok", 0, "error", stats_text_json(text)),
			   id);
}

static json_t *snapshot(struct control *control)
{
	memset(control->stats, 0, sizeof(*control->stats));
	control->config.on_stats(control->config.owner, control->stats);
	return stats_json(control->stats);
}

/* Keeps the log entries after @seen; the number of the last one in *seen. */
static void log_after(json_t *log, uint64_t *seen)
{
	uint64_t last = *seen;

	for (size_t i = 0; i < json_array_size(log);) {
		uint64_t number = (uint64_t)json_integer_value(
			json_object_get(json_array_get(log, i), "number"));

		if (number <= *seen) {
			(void)json_array_remove(log, i);
			continue;
		}
		if (number > last)
			last = number;
		i++;
	}
	*seen = last;
}

static int send_watch(struct client *client)
{
	json_t *status = snapshot(client->control);

	log_after(json_object_get(status, "log"), &client->log_seen);
	return client_send(client, json_pack("{s:b, s:o}", "ok", 1, "status", status),
			   client->watch_id);
}

static int on_status(struct client *client, json_t *request, const json_t *id)
{
	(void)request;
	return client_send(
		client, json_pack("{s:b, s:o}", "ok", 1, "status", snapshot(client->control)), id);
}

static int on_watch(struct client *client, json_t *request, const json_t *id)
{
	const json_t *interval = json_object_get(request, "interval_ms");
	json_int_t ms = interval ? json_integer_value(interval) : WATCH_MS_DEFAULT;

	if (ms < WATCH_MS_MIN || ms > WATCH_MS_MAX)
		return client_send_error(client, "interval_ms must be from 100 to 60000", id);
	client->interval = (usec_t)ms * USEC_PER_MS;
	client->next = usec_add(loop_now(client->control->loop), client->interval);
	client->log_seen = 0;
	json_decref(client->watch_id);
	client->watch_id = json_incref((json_t *)id);
	return send_watch(client);
}

static int on_log(struct client *client, json_t *request, const json_t *id)
{
	json_int_t since = json_integer_value(json_object_get(request, "since"));
	uint64_t seen = since > 0 ? (uint64_t)since : 0;
	json_t *status = snapshot(client->control), *log = json_object_get(status, "log");
	int error;

	log_after(log, &seen);
	error = client_send(client, json_pack("{s:b, s:O}", "ok", 1, "log", log), id);
	json_decref(status);
	return error;
}

static int on_reload(struct client *client, json_t *request, const json_t *id)
{
	struct control *control = client->control;
	char why[1024] = "cannot reload";

	(void)request;
	if (control->config.on_reload(control->config.owner, why, sizeof(why)) < 0)
		return client_send_error(client, why, id);
	return client_send(client, json_pack("{s:b}", "ok", 1), id);
}

static int on_stop(struct client *client, json_t *request, const json_t *id)
{
	struct control *control = client->control;
	int error = client_send(client, json_pack("{s:b}", "ok", 1), id);

	(void)request;
	control->config.on_stop(control->config.owner);
	return error;
}

static const struct {
	const char *name;
	int (*call)(struct client *client, json_t *request, const json_t *id);
} builtin[] = {
	{ "status", on_status }, { "watch", on_watch }, { "log", on_log },
	{ "reload", on_reload }, { "stop", on_stop },
};

static int call_added(struct client *client, const struct command *command, json_t *request,
		      const json_t *id)
{
	const char *why = "failed";
	json_t *reply = command->call(command->owner, request, &why);

	if (!reply)
		return client_send_error(client, why, id);
	(void)json_object_set_new(reply, "ok", json_true());
	return client_send(client, reply, id);
}

static int handle(struct client *client, json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "command"));
	const json_t *id = json_object_get(request, "id");
	struct control *control = client->control;

	if (!name)
		return client_send_error(client, "the request has no \"command\"", id);
	for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++)
		if (!strcmp(name, builtin[i].name))
			return builtin[i].call(client, request, id);
	for (unsigned i = 0; i < control->command_count; i++)
		if (!strcmp(name, control->commands[i].name))
			return call_added(client, &control->commands[i], request, id);
	return client_send_error(client, "unknown command", id);
}

/* Takes one whole line out of the buffer; 0: none there; negative: the client shall go. */
static int take_line(struct client *client)
{
	char *end = memchr(client->in, '\n', client->in_len);
	json_error_t syntax;
	json_t *request;
	size_t len;
	int error;

	if (!end)
		return client->in_len == sizeof(client->in) ? -EMSGSIZE : 0;
	len = (size_t)(end - client->in);
	request = json_loadb(client->in, len, JSON_REJECT_DUPLICATES, &syntax);
	client->in_len -= len + 1;
	memmove(client->in, end + 1, client->in_len);
	if (!json_is_object(request))
		error = client_send_error(client, "a request is a JSON object on one line", NULL);
	else
		error = handle(client, request);
	json_decref(request);
	return error < 0 ? error : 1;
}

/* Answers what has come in whole; the rest has to wait for the next turn. */
static int client_serve(struct client *client)
{
	int more = 1;

	for (unsigned i = 0; more > 0 && i < REQUESTS_PER_TURN; i++)
		more = take_line(client);
	client->pending = more > 0;
	return more < 0 ? more : 0;
}

static int client_read(struct client *client)
{
	ssize_t n = recv(client->io.fd, client->in + client->in_len,
			 sizeof(client->in) - client->in_len, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (!n)
		return -EPIPE;
	client->in_len += (size_t)n;
	client_touch(client);
	return client_serve(client);
}

static void on_client(struct loop_io *io, unsigned events)
{
	struct client *client = io->owner;
	struct control *control = client->control;
	int error = 0;

	if (events & LOOP_WRITE)
		error = client_flush(client);
	if (!error && events & LOOP_READ && !client->pending)
		error = client_read(client);
	if (error < 0)
		client_drop(client);
	timer_arm(control);
}

static void on_timer(struct loop_timer *timer)
{
	struct control *control = timer->owner;
	usec_t now = loop_now(control->loop);

	for (unsigned i = 0; i < UPLINKD_CONTROL_CLIENTS_MAX; i++) {
		struct client *client = control->clients[i];

		if (!client)
			continue;
		if (client->expires <= now || (client->pending && client_serve(client) < 0)) {
			client_drop(client);
			continue;
		}
		if (!client->interval || client->next > now)
			continue;
		client->next = usec_add(now, client->interval);
		/* Who has not read the last snapshot does not get another. */
		if (!client->out_len && send_watch(client) < 0)
			client_drop(client);
	}
	timer_arm(control);
}

/* Without this, who waits to be accepted would wake us up for ever. */
static void turn_away(struct control *control)
{
	if (control->spare >= 0)
		(void)close(control->spare);
	control->spare = accept4(control->listener.fd, NULL, NULL, SOCK_CLOEXEC);
	if (control->spare >= 0)
		(void)close(control->spare);
	control->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_connect(struct loop_io *io, unsigned events)
{
	static const char full[] = "{\"ok\":false,\"error\":\"too many clients\"}\n";
	struct control *control = io->owner;
	struct client *client = NULL;
	unsigned slot = 0;
	int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		turn_away(control);
	if (fd < 0)
		return;
	while (slot < UPLINKD_CONTROL_CLIENTS_MAX && control->clients[slot])
		slot++;
	if (slot < UPLINKD_CONTROL_CLIENTS_MAX)
		client = calloc(1, sizeof(*client));
	if (!client) {
		(void)send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		(void)close(fd);
		return;
	}
	client->control = control;
	client_touch(client);
	loop_io_init(&client->io, control->loop, fd, on_client, client);
	loop_io_set(&client->io, LOOP_READ);
	control->clients[slot] = client;
	timer_arm(control);
}

int control_new(struct loop *loop, const struct control_config *config,
		struct control **ret_control)
{
	struct control *control = calloc(1, sizeof(*control));
	char why[256];
	int fd;

	if (control)
		control->stats = malloc(sizeof(*control->stats));
	if (!control || !control->stats) {
		free(control);
		return -ENOMEM;
	}
	control->loop = loop;
	control->config = *config;
	fd = control_socket_bind(config->path, config->verb, control->path, why, sizeof(why));
	if (fd < 0) {
		log_err("cannot make the control socket: %s", why);
		free(control->stats);
		free(control);
		return fd;
	}
	(void)lstat(control->path, &control->file);
	control->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	loop_io_init(&control->listener, loop, fd, on_connect, control);
	loop_io_set(&control->listener, LOOP_READ);
	loop_timer_init(&control->timer, loop, on_timer, control);
	*ret_control = control;
	return 0;
}

struct control *control_free(struct control *control)
{
	struct stat now;

	if (!control)
		return NULL;
	for (unsigned i = 0; i < UPLINKD_CONTROL_CLIENTS_MAX; i++)
		if (control->clients[i])
			client_drop(control->clients[i]);
	loop_timer_deinit(&control->timer);
	loop_io_deinit(&control->listener);
	(void)close(control->listener.fd);
	if (control->spare >= 0)
		(void)close(control->spare);
	if (lstat(control->path, &now) == 0 && now.st_ino == control->file.st_ino &&
	    now.st_dev == control->file.st_dev)
		(void)unlink(control->path);
	free(control->stats);
	free(control);
	return NULL;
}

const char *control_path(const struct control *control)
{
	return control->path;
}

int control_command_add(struct control *control, const char *name, control_call call, void *owner)
{
	if (control->command_count == COMMANDS_MAX)
		return -ENOSPC;
	control->commands[control->command_count++] =
		(struct command){ .name = name, .call = call, .owner = owner };
	return 0;
}
