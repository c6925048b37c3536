#include "net/nameserver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/udp.h"

#define PATIENCE  (1500 * USEC_PER_MS)
#define TRIES	  3
#define PERIOD	  (60 * USEC_PER_SEC)
#define PORT	  53
#define LABEL_MAX 63
/* RFC 1035, 4.1.1 */
#define HEADER_BYTES   12
#define FLAG_RESPONSE  0x80
#define FLAG_RECURSION 0x01
#define RCODE_MASK     0x0f
#define RCODE_NO_NAME  3

size_t nameserver_question(const char *host, uint16_t id,
			   uint8_t out[static NAMESERVER_QUESTION_MAX])
{
	const uint8_t header[HEADER_BYTES] = {
		(uint8_t)(id >> 8), (uint8_t)id, FLAG_RECURSION, 0, 0, 1
	};
	static const uint8_t tail[5] = { 0, 0, 1, 0, 1 }; /* the root, A, IN */
	size_t used = sizeof(header), len = strlen(host);

	if (len && host[len - 1] == '.')
		len--;
	if (!len || len > 253)
		return 0;
	memcpy(out, header, sizeof(header));
	for (const char *at = host, *end = host + len; at < end;) {
		size_t label = strcspn(at, ".");

		if (label > (size_t)(end - at))
			label = (size_t)(end - at);
		if (!label || label > LABEL_MAX)
			return 0;
		out[used++] = (uint8_t)label;
		memcpy(out + used, at, label);
		used += label;
		at += label + 1;
	}
	memcpy(out + used, tail, sizeof(tail));
	return used + sizeof(tail);
}

bool nameserver_is_answer(const uint8_t *data, size_t len, uint16_t id)
{
	uint8_t code;

	if (len < HEADER_BYTES || data[0] != id >> 8 || data[1] != (id & 0xff) ||
	    !(data[2] & FLAG_RESPONSE))
		return false;
	code = data[3] & RCODE_MASK;
	return code == 0 || code == RCODE_NO_NAME;
}

/* The first address of this family among the words of a line. */
static bool first_address(const char *words, int family, struct bond_address *ret_server)
{
	char copy[512], *rest = copy;

	(void)snprintf(copy, sizeof(copy), "%s", words);
	for (char *word; (word = strsep(&rest, " \t\r\n"));) {
		struct bond_address address;
		struct in6_addr bytes;

		/* "1.1.1.1:853#name" and the like are other kinds of name servers. */
		if (inet_pton(family, word, &bytes) != 1 || address_parse(word, &address) < 0 ||
		    address_is_loopback(&address))
			continue;
		address_set_port(&address, PORT);
		*ret_server = address;
		return true;
	}
	return false;
}

static bool find_in(const char *path, const char *key, int family, struct bond_address *ret_server)
{
	FILE *file = fopen(path, "re");
	char line[512];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = !strncmp(line, key, strlen(key)) &&
			first_address(line + strlen(key), family, ret_server);
	if (file)
		(void)fclose(file);
	return found;
}

bool nameserver_find(const char *root, int index, int family, struct bond_address *ret_server)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/run/systemd/netif/links/%d", root, index);
	if (find_in(path, "DNS=", family, ret_server))
		return true;
	(void)snprintf(path, sizeof(path), "%s/run/systemd/resolve/netif/%d", root, index);
	if (find_in(path, "SERVERS=", family, ret_server))
		return true;
	(void)snprintf(path, sizeof(path), "%s/etc/resolv.conf", root);
	return find_in(path, "nameserver", family, ret_server);
}

/* --- asking --------------------------------------------------------------------------------- */

static void question_end(struct nameserver *server)
{
	loop_timer_set(&server->timer, USEC_NEVER);
	loop_io_deinit(&server->io);
	if (server->fd >= 0)
		(void)close(server->fd);
	server->fd = -1;
}

static void question_send(struct nameserver *server)
{
	uint8_t question[NAMESERVER_QUESTION_MAX];
	size_t len = nameserver_question(server->host, server->id, question);
	struct sockaddr_storage to;
	socklen_t size = address_sockaddr(&server->server, &to);

	server->tries++;
	/* What cannot be sent is as good as unanswered. */
	(void)sendto(server->fd, question, len, 0, (const struct sockaddr *)&to, size);
	loop_timer_set(&server->timer, loop_now(server->loop) + PATIENCE);
}

static void on_timer(struct loop_timer *timer)
{
	struct nameserver *server = timer->owner;

	if (server->tries < TRIES) {
		question_send(server);
		return;
	}
	server->state = NAMESERVER_SILENT;
	question_end(server);
}

static void on_readable(struct loop_io *io, unsigned events)
{
	struct nameserver *server = io->owner;
	struct sockaddr_storage from = { 0 };
	socklen_t size = sizeof(from);
	uint8_t data[512];
	ssize_t n = recvfrom(server->fd, data, sizeof(data), 0, (struct sockaddr *)&from, &size);
	struct bond_address address;

	(void)events;
	if (n < 0)
		return;
	address = address_of((const struct sockaddr *)&from);
	if (!address_equal(&address, &server->server) ||
	    !nameserver_is_answer(data, (size_t)n, server->id))
		return;
	server->state = NAMESERVER_ANSWERED;
	question_end(server);
}

static void question_begin(struct nameserver *server, const struct uplink *uplink)
{
	struct udp_config config = { .local = uplink->bound,
				     .device = uplink->on_device,
				     .device_index = uplink->on_index };

	if (getrandom(&server->id, sizeof(server->id), GRND_NONBLOCK) !=
		    (ssize_t)sizeof(server->id) ||
	    (server->fd = udp_open(&config)) < 0) {
		server->fd = -1;
		return;
	}
	loop_io_init(&server->io, server->loop, server->fd, on_readable, server);
	loop_io_set(&server->io, LOOP_READ);
	server->tries = 0;
	question_send(server);
}

void nameserver_init(struct nameserver *server, struct loop *loop)
{
	*server = (struct nameserver){ .loop = loop, .fd = -1 };
	loop_timer_init(&server->timer, loop, on_timer, server);
}

void nameserver_deinit(struct nameserver *server)
{
	question_end(server);
	loop_timer_deinit(&server->timer);
}

static void begin_anew(struct nameserver *server)
{
	question_end(server);
	server->state = NAMESERVER_NOT_ASKED;
	server->next = 0;
}

void nameserver_tick(struct nameserver *server, const struct uplink *uplink, const char *host)
{
	usec_t now = loop_now(server->loop);

	if (!uplink || uplink->fd < 0 || !uplink->on_device[0] || !host[0] ||
	    strlen(host) >= sizeof(server->host)) {
		begin_anew(server);
		return;
	}
	if (!address_equal(&server->local, &uplink->bound) || strcmp(server->host, host) != 0) {
		begin_anew(server);
		server->local = uplink->bound;
		(void)strcpy(server->host, host);
	}
	if (server->fd >= 0 || now < server->next)
		return;
	server->next = now + PERIOD;
	if (nameserver_find("", uplink->on_index, address_family(&uplink->bound), &server->server))
		question_begin(server, uplink);
	else
		server->state = NAMESERVER_NOT_ASKED;
}
