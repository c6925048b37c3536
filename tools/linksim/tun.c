#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "carrier.h"

/*
 * A link between two network namespaces: a TUN device in each, and every IP packet that one side
 * sends comes out at the other, through the link model. Side a is the sender's (up is from a to b).
 * The devices vanish with the program, as a pulled-out modem does; the namespaces are the user's.
 *
 * A packet for a device can only be opened inside its namespace, so this program goes there and
 * comes back; it is single-threaded, and nothing else happens meanwhile.
 */

#define MTU_DEFAULT 1500
#define ROUNDS_MAX  256 /* packets read from one device before others have their turn */

struct tun {
	struct carrier carrier;
	int fd[2];
	char dev[2][IFNAMSIZ];
	uint8_t buffer[LINK_PACKET_MAX];
};

static struct tun *tun_of(struct carrier *carrier)
{
	return (struct tun *)carrier; /* its first member */
}

static void tun_ready(struct carrier *carrier, unsigned which, usec_t now)
{
	struct tun *tun = tun_of(carrier);
	struct link *link = which ? carrier->down : carrier->up;

	for (unsigned i = 0; i < ROUNDS_MAX; i++) {
		ssize_t n = read(tun->fd[which], tun->buffer, sizeof(tun->buffer));

		if (n <= 0)
			return;
		(void)link_send(link, tun->buffer, (size_t)n, 0, now);
	}
}

static void flush_one(struct tun *tun, struct link *link, int fd, usec_t now)
{
	const struct link_packet *packet;

	while ((packet = link_receive(link, now)))
		if (write(fd, packet->data, packet->len) < 0)
			tun->carrier.overflows++;
}

static void tun_flush(struct carrier *carrier, usec_t now)
{
	struct tun *tun = tun_of(carrier);

	flush_one(tun, carrier->up, tun->fd[1], now);
	flush_one(tun, carrier->down, tun->fd[0], now);
}

static void tun_tick(struct carrier *carrier, usec_t now)
{
	(void)carrier;
	(void)now;
}

static int tun_rebind(struct carrier *carrier, usec_t now)
{
	(void)carrier;
	(void)now;
	return -ENOTSUP;
}

static void tun_describe(const struct carrier *carrier, FILE *to)
{
	const struct tun *tun = (const struct tun *)carrier;

	fprintf(to, "\"dev-a\":\"%s\",\"dev-b\":\"%s\"", tun->dev[0], tun->dev[1]);
}

static struct carrier *tun_free(struct carrier *carrier)
{
	struct tun *tun = tun_of(carrier);

	for (unsigned side = 0; side < 2; side++)
		if (tun->fd[side] >= 0)
			(void)close(tun->fd[side]);
	free(tun);
	return NULL;
}

static const struct carrier_ops tun_ops = {
	.ready = tun_ready,
	.flush = tun_flush,
	.tick = tun_tick,
	.rebind = tun_rebind,
	.describe = tun_describe,
	.free = tun_free,
};

static int set_address(int control, const char *dev, const char *address)
{
	struct ifreq request = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&request.ifr_addr;
	char text[SCENARIO_WORD_MAX];
	char *slash, *end;
	unsigned long bits;

	memcpy(text, address, sizeof(text));
	slash = strchr(text, '/');
	if (!slash)
		return -EINVAL;
	*slash = '\0';
	bits = strtoul(slash + 1, &end, 10);
	in->sin_family = AF_INET;
	if (*end || !bits || bits > 32 || inet_pton(AF_INET, text, &in->sin_addr) != 1)
		return -EINVAL;
	memcpy(request.ifr_name, dev, IFNAMSIZ);
	if (ioctl(control, SIOCSIFADDR, &request))
		return -errno;
	in->sin_addr.s_addr = htonl(UINT32_MAX << (32 - bits));
	return ioctl(control, SIOCSIFNETMASK, &request) ? -errno : 0;
}

/* Inside the namespace: the device, its address, its MTU; up. The descriptor or -errno. */
static int open_device(char dev[static IFNAMSIZ], const char *address, unsigned mtu)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int control = -1;
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	int r = 0;

	if (fd < 0)
		return -errno;
	memcpy(request.ifr_name, dev, IFNAMSIZ);
	if (ioctl(fd, TUNSETIFF, &request)) {
		r = -errno;
		goto out;
	}
	memcpy(dev, request.ifr_name, IFNAMSIZ);
	control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (control < 0) {
		r = -errno;
		goto out;
	}
	request.ifr_mtu = (int)mtu;
	if (ioctl(control, SIOCSIFMTU, &request))
		r = -errno;
	if (!r && *address)
		r = set_address(control, dev, address);
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	if (!r && ioctl(control, SIOCSIFFLAGS, &request))
		r = -errno;
out:
	if (control >= 0)
		(void)close(control);
	if (r)
		(void)close(fd);
	return r ? r : fd;
}

static int open_namespace(const char *name)
{
	char path[SCENARIO_NAME_MAX + 32];

	(void)snprintf(path, sizeof(path), "%s%s", strchr(name, '/') ? "" : "/run/netns/", name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int open_side(struct tun *tun, const struct scenario_link *link, unsigned side, unsigned mtu)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int there = *link->ns[side] ? open_namespace(link->ns[side]) : -1;
	const char *what = "enter namespace", *which = link->ns[side];
	int r = 0;

	if (home < 0 || (*link->ns[side] && there < 0) ||
	    (there >= 0 && setns(there, CLONE_NEWNET))) {
		r = -errno;
	} else {
		what = "open TUN device";
		which = link->dev[side];
		memcpy(tun->dev[side], link->dev[side], IFNAMSIZ - 1);
		r = open_device(tun->dev[side], link->addr[side], mtu);
		tun->fd[side] = r;
		r = r < 0 ? r : 0;
		/* To stay there would put the rest of this program into the wrong network. */
		if (there >= 0 && setns(home, CLONE_NEWNET))
			abort();
	}
	if (r)
		fprintf(stderr, "linksim: %s: cannot %s %s on side %c: %s%s\n", link->name, what,
			which, "ab"[side], strerror(-r), r == -EPERM ? " (needs root)" : "");
	if (home >= 0)
		(void)close(home);
	if (there >= 0)
		(void)close(there);
	return r;
}

struct carrier *tun_new(const struct scenario_link *link, struct link *up, struct link *down,
			int epoll, unsigned carrier_index)
{
	unsigned mtu = link_config(up)->mtu ? link_config(up)->mtu : MTU_DEFAULT;
	struct tun *tun = calloc(1, sizeof(*tun));

	if (!tun) {
		fprintf(stderr, "linksim: out of memory\n");
		return NULL;
	}
	tun->carrier = (struct carrier){ .ops = &tun_ops,
					 .name = link->name,
					 .up = up,
					 .down = down,
					 .epoll = epoll,
					 .index = carrier_index };
	tun->fd[0] = tun->fd[1] = -1;
	for (unsigned side = 0; side < 2; side++)
		if (open_side(tun, link, side, mtu) ||
		    carrier_watch(&tun->carrier, tun->fd[side], side))
			return tun_free(&tun->carrier);
	return &tun->carrier;
}
