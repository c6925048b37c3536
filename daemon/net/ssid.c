#include "net/ssid.h"

#include <linux/nl80211.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdlib.h>

/*
 * One question, one answer: without NLM_F_ACK, for an acknowledgement left in the queue would end
 * the reading of the next answer before it has come.
 */
struct ssid {
	struct nl_sock *socket;
	int family; /* negative: there is no nl80211 (yet: it comes with the first driver) */
	char *text;
	size_t size;
	bool found;
};

static int take_answer(struct nl_msg *message, void *data)
{
	struct nlattr *attr[NL80211_ATTR_MAX + 1];
	struct ssid *ssid = data;
	const char *bytes;
	size_t len;

	if (genlmsg_parse(nlmsg_hdr(message), 0, attr, NL80211_ATTR_MAX, NULL) < 0 ||
	    !attr[NL80211_ATTR_SSID])
		return NL_SKIP;
	bytes = nla_data(attr[NL80211_ATTR_SSID]);
	len = (size_t)nla_len(attr[NL80211_ATTR_SSID]);
	if (len >= ssid->size)
		len = ssid->size - 1;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];

		ssid->text[i] = c < 0x20 || c == 0x7f ? '?' : bytes[i];
	}
	ssid->text[len] = '\0';
	ssid->found = len > 0;
	return NL_OK;
}

struct ssid *ssid_new(void)
{
	struct ssid *ssid = calloc(1, sizeof(*ssid));

	if (!ssid)
		return NULL;
	ssid->socket = nl_socket_alloc();
	ssid->family = -1;
	if (!ssid->socket)
		return ssid_free(ssid);
	nl_socket_disable_auto_ack(ssid->socket);
	(void)nl_socket_modify_cb(ssid->socket, NL_CB_VALID, NL_CB_CUSTOM, take_answer, ssid);
	if (genl_connect(ssid->socket) < 0)
		return ssid_free(ssid);
	return ssid;
}

struct ssid *ssid_free(struct ssid *ssid)
{
	if (!ssid)
		return NULL;
	if (ssid->socket)
		nl_socket_free(ssid->socket);
	free(ssid);
	return NULL;
}

bool ssid_get(struct ssid *ssid, int index, char *text, size_t size)
{
	struct nl_msg *message;
	int r;

	if (ssid->family < 0)
		ssid->family = genl_ctrl_resolve(ssid->socket, "nl80211");
	message = ssid->family < 0 ? NULL : nlmsg_alloc();
	if (!message)
		return false;
	ssid->text = text;
	ssid->size = size;
	ssid->found = false;
	r = genlmsg_put(message, NL_AUTO_PORT, NL_AUTO_SEQ, ssid->family, 0, 0,
			NL80211_CMD_GET_INTERFACE, 0) &&
			    !nla_put_u32(message, NL80211_ATTR_IFINDEX, (uint32_t)index)
		    ? nl_send_auto(ssid->socket, message)
		    : -1;
	nlmsg_free(message);
	if (r >= 0)
		(void)nl_recvmsgs_default(ssid->socket);
	return ssid->found;
}
