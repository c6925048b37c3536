#include "net/wifi.h"

#include <linux/nl80211.h>
#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>

/*
 * Two questions per interface: its network (GET_INTERFACE) and its stations (a dump; in a network
 * with an access point that is the only one). Some drivers ask their firmware and take their time,
 * so answers are read when they come and the loop never waits for them.
 */
#define FAMILY_RETRY (30 * USEC_PER_SEC) /* a stick that is plugged in later brings its module */
#define RATE_UNIT    100000		 /* bit/s of NL80211_RATE_INFO_BITRATE */
#define READS_MAX    16

struct wifi {
	struct loop *loop;
	struct nl_sock *socket;
	struct loop_io io;
	int family; /* of nl80211; 0: there is none */
	usec_t family_next;
	struct wifi_table table;
};

/* --- answers -------------------------------------------------------------------------------- */

static struct wifi_info *place_of(struct wifi_table *table, int index)
{
	struct wifi_info *empty = NULL;

	for (unsigned i = 0; i < WIFI_MAX; i++) {
		if (table->info[i].index == index)
			return &table->info[i];
		if (!table->info[i].index && !empty)
			empty = &table->info[i];
	}
	if (empty)
		*empty = (struct wifi_info){ .index = index };
	return empty;
}

const struct wifi_info *wifi_find(const struct wifi_table *table, int index)
{
	for (unsigned i = 0; i < WIFI_MAX && index > 0; i++)
		if (table->info[i].index == index)
			return &table->info[i];
	return NULL;
}

static void take_interface(struct wifi_info *info, struct nlattr *const *attr)
{
	struct nlattr *ssid = attr[NL80211_ATTR_SSID];
	size_t len = ssid ? (size_t)nla_len(ssid) : 0;

	if (len >= sizeof(info->ssid))
		len = sizeof(info->ssid) - 1;
	memset(info->ssid, 0, sizeof(info->ssid));
	if (len)
		memcpy(info->ssid, nla_data(ssid), len);
	if (!len) {
		info->signal_dbm = 0;
		info->tx_bps = 0;
	}
}

static uint64_t bitrate_of(struct nlattr *nested)
{
	struct nlattr *attr[NL80211_RATE_INFO_MAX + 1], *wide, *narrow;

	if (!nested || nla_parse_nested(attr, NL80211_RATE_INFO_MAX, nested, NULL) < 0)
		return 0;
	wide = attr[NL80211_RATE_INFO_BITRATE32];
	narrow = attr[NL80211_RATE_INFO_BITRATE];
	if (wide && nla_len(wide) >= 4)
		return (uint64_t)nla_get_u32(wide) * RATE_UNIT;
	return narrow && nla_len(narrow) >= 2 ? (uint64_t)nla_get_u16(narrow) * RATE_UNIT : 0;
}

static void take_station(struct wifi_info *info, struct nlattr *nested)
{
	struct nlattr *attr[NL80211_STA_INFO_MAX + 1], *signal;

	if (!nested || nla_parse_nested(attr, NL80211_STA_INFO_MAX, nested, NULL) < 0)
		return;
	signal = attr[NL80211_STA_INFO_SIGNAL_AVG] ? attr[NL80211_STA_INFO_SIGNAL_AVG]
						   : attr[NL80211_STA_INFO_SIGNAL];
	info->signal_dbm = signal && nla_len(signal) >= 1 ? (int8_t)nla_get_u8(signal) : 0;
	info->tx_bps = bitrate_of(attr[NL80211_STA_INFO_TX_BITRATE]);
}

void wifi_take(struct wifi_table *table, const struct nlmsghdr *message)
{
	struct nlattr *attr[NL80211_ATTR_MAX + 1];
	const struct genlmsghdr *header;
	struct wifi_info *info;

	if (nlmsg_parse((struct nlmsghdr *)message, GENL_HDRLEN, attr, NL80211_ATTR_MAX, NULL) <
		    0 ||
	    !attr[NL80211_ATTR_IFINDEX] || nla_len(attr[NL80211_ATTR_IFINDEX]) < 4)
		return;
	header = nlmsg_data(message);
	info = place_of(table, (int)nla_get_u32(attr[NL80211_ATTR_IFINDEX]));
	if (!info)
		return;
	if (header->cmd == NL80211_CMD_NEW_INTERFACE)
		take_interface(info, attr);
	else if (header->cmd == NL80211_CMD_NEW_STATION)
		take_station(info, attr[NL80211_ATTR_STA_INFO]);
}

/* --- questions ------------------------------------------------------------------------------ */

static int take_message(struct nl_msg *message, void *data)
{
	struct wifi *wifi = data;

	wifi_take(&wifi->table, nlmsg_hdr(message));
	return NL_OK;
}

/* An interface that is no Wi-Fi, or is gone: forgotten elsewhere. */
static int take_error(struct sockaddr_nl *address, struct nlmsgerr *error, void *data)
{
	(void)address;
	(void)error;
	(void)data;
	return NL_SKIP;
}

static void on_readable(struct loop_io *io, unsigned events)
{
	struct wifi *wifi = io->owner;

	(void)events;
	for (unsigned i = 0; i < READS_MAX; i++)
		if (nl_recvmsgs_default(wifi->socket) < 0)
			break;
}

/* False: there is no nl80211, or not yet. */
static bool family_known(struct wifi *wifi)
{
	struct nl_sock *socket;
	int family;

	if (wifi->family || loop_now(wifi->loop) < wifi->family_next)
		return wifi->family;
	wifi->family_next = loop_now(wifi->loop) + FAMILY_RETRY;
	/* On a socket of its own, which may wait: the kernel itself answers. */
	socket = nl_socket_alloc();
	if (socket && !genl_connect(socket)) {
		family = genl_ctrl_resolve(socket, NL80211_GENL_NAME);
		wifi->family = family > 0 ? family : 0;
	}
	nl_socket_free(socket);
	return wifi->family;
}

static void ask(struct wifi *wifi, uint8_t command, int flags, int index)
{
	struct nl_msg *message = nlmsg_alloc();

	if (message &&
	    genlmsg_put(message, NL_AUTO_PORT, NL_AUTO_SEQ, wifi->family, 0, flags, command, 0) &&
	    !nla_put_u32(message, NL80211_ATTR_IFINDEX, (uint32_t)index))
		(void)nl_send_auto(wifi->socket, message);
	nlmsg_free(message);
}

struct wifi *wifi_new(struct loop *loop)
{
	struct wifi *wifi = calloc(1, sizeof(*wifi));

	if (!wifi)
		return NULL;
	wifi->loop = loop;
	wifi->socket = nl_socket_alloc();
	if (!wifi->socket)
		return wifi_free(wifi);
	/* Answers of several questions come in one stream; which is which, they tell themselves. */
	nl_socket_disable_seq_check(wifi->socket);
	nl_socket_disable_auto_ack(wifi->socket);
	(void)nl_socket_modify_cb(wifi->socket, NL_CB_VALID, NL_CB_CUSTOM, take_message, wifi);
	(void)nl_socket_modify_err_cb(wifi->socket, NL_CB_CUSTOM, take_error, wifi);
	if (genl_connect(wifi->socket) || nl_socket_set_nonblocking(wifi->socket)) {
		/* A kernel without generic netlink: nothing will be known. */
		nl_socket_free(wifi->socket);
		wifi->socket = NULL;
		return wifi;
	}
	loop_io_init(&wifi->io, loop, nl_socket_get_fd(wifi->socket), on_readable, wifi);
	loop_io_set(&wifi->io, LOOP_READ);
	return wifi;
}

struct wifi *wifi_free(struct wifi *wifi)
{
	if (!wifi)
		return NULL;
	loop_io_deinit(&wifi->io);
	if (wifi->socket)
		nl_socket_free(wifi->socket);
	free(wifi);
	return NULL;
}

void wifi_ask(struct wifi *wifi, int index)
{
	if (!wifi->socket || index <= 0 || !family_known(wifi))
		return;
	ask(wifi, NL80211_CMD_GET_INTERFACE, 0, index);
	ask(wifi, NL80211_CMD_GET_STATION, NLM_F_DUMP, index);
}

const struct wifi_info *wifi_info(const struct wifi *wifi, int index)
{
	return wifi_find(&wifi->table, index);
}
