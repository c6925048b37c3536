#include "ctl/stats.h"

#include <string.h>

/*
 * The snapshot as JSON. Each struct has a table of its fields; a new field is one row here and one
 * line in include/uplinkd/control.h (a test compares the two).
 */
enum kind {
	KIND_TEXT,   /* char[] */
	KIND_STRING, /* const char * */
	KIND_U64,
	KIND_UNSIGNED,
	KIND_INT,
	KIND_BOOL,
	KIND_AGE, /* usec_t, told as the time since then */
	KIND_PATH_STATE,
	KIND_REASON,
	KIND_COST,
	KIND_POLICY,
	KIND_JOB_KIND,
	KIND_FEED,
};

struct field {
	const char *key;
	enum kind kind;
	size_t offset;
};

#define TOP(key, kind, member)                                                                     \
	{                                                                                          \
		key, kind, offsetof(struct stats, member)                                          \
	}
#define UPLINK(key, kind, member)                                                                  \
	{                                                                                          \
		key, kind, offsetof(struct stats_uplink, member)                                   \
	}
#define INTERFACE(key, kind, member)                                                               \
	{                                                                                          \
		key, kind, offsetof(struct stats_interface, member)                                \
	}
#define JOB(key, kind, member)                                                                     \
	{                                                                                          \
		key, kind, offsetof(struct stats_job, member)                                      \
	}
#define LOG(key, kind, member)                                                                     \
	{                                                                                          \
		key, kind, offsetof(struct stats_log, member)                                      \
	}
#define FINDING(key, kind, member)                                                                 \
	{                                                                                          \
		key, kind, offsetof(struct stats_finding, member)                                  \
	}
#define END                                                                                        \
	{                                                                                          \
		NULL, KIND_TEXT, 0                                                                 \
	}

static const struct field top_fields[] = {
	TOP("role", KIND_STRING, role),	       TOP("version", KIND_STRING, version),
	TOP("unix_usec", KIND_U64, unix_usec), TOP("uptime_usec", KIND_U64, uptime_usec),
	TOP("stream", KIND_TEXT, stream),      END,
};

static const struct field bond_fields[] = {
	TOP("session_up", KIND_BOOL, bond.session_up),
	TOP("session_age_usec", KIND_AGE, bond.session_since),
	TOP("sessions", KIND_U64, bond.sessions),
	TOP("policy", KIND_POLICY, bond.policy),
	TOP("feed", KIND_FEED, bond.feed),
	TOP("latency_usec", KIND_U64, bond.latency),
	TOP("rtt_min_usec", KIND_U64, bond.rtt_min),
	TOP("media_submitted", KIND_U64, bond.media_submitted),
	TOP("media_refused", KIND_U64, bond.media_refused),
	TOP("media_delivered", KIND_U64, bond.media_delivered),
	TOP("media_lost", KIND_U64, bond.media_lost),
	TOP("media_late", KIND_U64, bond.media_late),
	TOP("media_duplicate", KIND_U64, bond.media_duplicate),
	TOP("media_recovered", KIND_U64, bond.media_recovered),
	TOP("parity_packets", KIND_U64, bond.parity_packets),
	TOP("control_sent", KIND_U64, bond.control_sent),
	TOP("control_delivered", KIND_U64, bond.control_delivered),
	TOP("media_queued", KIND_U64, bond.media_queued),
	TOP("media_queue_age_usec", KIND_U64, bond.media_queue_age),
	TOP("media_owed", KIND_U64, bond.media_owed),
	TOP("media_held", KIND_U64, bond.media_held),
	TOP("advice_bps", KIND_U64, bond.advice_bps),
	TOP("advice_reason", KIND_REASON, bond.advice_reason),
	TOP("hello_refused", KIND_U64, bond.hello_refused),
	TOP("input_forged", KIND_U64, bond.input_forged),
	TOP("input_replayed", KIND_U64, bond.input_replayed),
	TOP("input_malformed", KIND_U64, bond.input_malformed),
	TOP("input_unanchored", KIND_U64, bond.input_unanchored),
	TOP("input_unknown", KIND_U64, bond.input_unknown),
	END,
};

static const struct field uplink_fields[] = {
	UPLINK("name", KIND_TEXT, path.name),
	UPLINK("device", KIND_TEXT, device),
	UPLINK("type", KIND_TEXT, type),
	UPLINK("bus_path", KIND_TEXT, bus_path),
	UPLINK("driver", KIND_TEXT, driver),
	UPLINK("model", KIND_TEXT, model),
	UPLINK("ssid", KIND_TEXT, ssid),
	UPLINK("local", KIND_TEXT, local),
	UPLINK("remote", KIND_TEXT, remote),
	UPLINK("problem", KIND_TEXT, problem),
	UPLINK("state", KIND_PATH_STATE, path.state),
	UPLINK("reason", KIND_REASON, path.reason),
	UPLINK("state_age_usec", KIND_AGE, path.since),
	UPLINK("cost", KIND_COST, path.cost),
	UPLINK("muted", KIND_BOOL, path.muted),
	UPLINK("service", KIND_TEXT, service),
	UPLINK("notice", KIND_TEXT, notice),
	UPLINK("rate_max_bps", KIND_U64, path.rate_max_bps),
	UPLINK("day_bytes", KIND_U64, day_bytes),
	UPLINK("month_bytes", KIND_U64, month_bytes),
	UPLINK("cap_day_bytes", KIND_U64, cap_day_bytes),
	UPLINK("cap_month_bytes", KIND_U64, cap_month_bytes),
	UPLINK("share_permille", KIND_UNSIGNED, share_permille),
	UPLINK("operator", KIND_TEXT, operator_name),
	UPLINK("technology", KIND_TEXT, technology),
	UPLINK("signal_dbm", KIND_INT, signal_dbm),
	UPLINK("signal_percent", KIND_UNSIGNED, signal_percent),
	UPLINK("bitrate_bps", KIND_U64, bitrate_bps),
	UPLINK("tx_datagrams", KIND_U64, path.tx_datagrams),
	UPLINK("tx_bytes", KIND_U64, path.tx_bytes),
	UPLINK("rx_datagrams", KIND_U64, path.rx_datagrams),
	UPLINK("rx_bytes", KIND_U64, path.rx_bytes),
	UPLINK("tx_bps", KIND_U64, path.tx_bps),
	UPLINK("rx_bps", KIND_U64, path.rx_bps),
	UPLINK("capacity_bps", KIND_U64, path.capacity_bps),
	UPLINK("seen_bps", KIND_U64, path.seen_bps),
	UPLINK("media_packets", KIND_U64, path.media_packets),
	UPLINK("copy_packets", KIND_U64, path.copy_packets),
	UPLINK("lost_packets", KIND_U64, path.lost_packets),
	UPLINK("spurious_packets", KIND_U64, path.spurious_packets),
	UPLINK("rtt_usec", KIND_U64, path.rtt),
	UPLINK("rtt_min_usec", KIND_U64, path.rtt_min),
	UPLINK("rtt_var_usec", KIND_U64, path.rtt_var),
	UPLINK("queue_usec", KIND_U64, path.queue),
	UPLINK("loss_ppm", KIND_UNSIGNED, path.loss_ppm),
	UPLINK("window_bytes", KIND_U64, path.window_bytes),
	UPLINK("inflight_bytes", KIND_U64, path.inflight_bytes),
	END,
};

static const struct field interface_fields[] = {
	INTERFACE("device", KIND_TEXT, device),
	INTERFACE("type", KIND_TEXT, type),
	INTERFACE("bus_path", KIND_TEXT, bus_path),
	INTERFACE("driver", KIND_TEXT, driver),
	INTERFACE("model", KIND_TEXT, model),
	INTERFACE("ssid", KIND_TEXT, ssid),
	INTERFACE("uplink", KIND_TEXT, uplink),
	INTERFACE("reason", KIND_TEXT, reason),
	END,
};

static const struct field job_fields[] = {
	JOB("kind", KIND_JOB_KIND, kind),
	JOB("name", KIND_TEXT, name),
	JOB("where", KIND_TEXT, where),
	JOB("state", KIND_TEXT, state),
	JOB("reason", KIND_TEXT, reason),
	JOB("alarm", KIND_TEXT, alarm),
	JOB("bytes", KIND_U64, bytes),
	JOB("rate_bps", KIND_U64, rate_bps),
	JOB("dropped_bytes", KIND_U64, dropped_bytes),
	JOB("ts_errors", KIND_U64, ts_errors),
	JOB("restarts", KIND_UNSIGNED, restarts),
	JOB("pid", KIND_INT, pid),
	END,
};

static const struct field log_fields[] = {
	LOG("number", KIND_U64, number),
	LOG("unix_usec", KIND_U64, unix_usec),
	LOG("level", KIND_INT, level),
	LOG("text", KIND_TEXT, text),
	END,
};

static const struct field finding_fields[] = {
	FINDING("code", KIND_STRING, code),   FINDING("severity", KIND_STRING, severity),
	FINDING("uplink", KIND_TEXT, uplink), FINDING("text", KIND_TEXT, text),
	FINDING("advice", KIND_TEXT, advice), END,
};

json_t *stats_text_json(const char *text)
{
	json_t *value = json_string(text);
	char copy[1024];
	size_t i;

	if (value)
		return value;
	for (i = 0; i < sizeof(copy) - 1 && text[i]; i++)
		copy[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
	copy[i] = '\0';
	return json_string(copy);
}

static json_t *integer_json(uint64_t value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

const char *stats_cost_text(enum bond_cost cost)
{
	switch (cost) {
	case BOND_COST_FREE:
		return "free";
	case BOND_COST_PAID:
		return "paid";
	case BOND_COST_EXPENSIVE:
		return "expensive";
	}
	return "unknown";
}

const char *stats_policy_text(enum bond_policy policy)
{
	switch (policy) {
	case BOND_POLICY_AGGREGATE:
		return "aggregate";
	case BOND_POLICY_BROADCAST:
		return "broadcast";
	case BOND_POLICY_BACKUP:
		return "backup";
	}
	return "unknown";
}

static const char *feed_text(enum bond_feed feed)
{
	switch (feed) {
	case BOND_FEED_SRT:
		return "srt";
	case BOND_FEED_TS:
		return "ts";
	}
	return "unknown";
}

static const char *job_kind_text(enum stats_job_kind kind)
{
	switch (kind) {
	case STATS_JOB_INPUT:
		return "input";
	case STATS_JOB_RECORD:
		return "record";
	case STATS_JOB_ENCODER:
		return "encoder";
	case STATS_JOB_GATE:
		return "gate";
	case STATS_JOB_TRANSPORT:
		return "transport";
	case STATS_JOB_OUTPUT:
		return "output";
	}
	return "unknown";
}

static json_t *field_json(const struct field *field, const void *base, usec_t now)
{
	const void *p = (const char *)base + field->offset;

	switch (field->kind) {
	case KIND_TEXT:
		return stats_text_json(p);
	case KIND_STRING:
		return stats_text_json(*(const char *const *)p ?: "");
	case KIND_U64:
		return integer_json(*(const uint64_t *)p);
	case KIND_UNSIGNED:
		return json_integer(*(const unsigned *)p);
	case KIND_INT:
		return json_integer(*(const int *)p);
	case KIND_BOOL:
		return json_boolean(*(const bool *)p);
	case KIND_AGE:
		return integer_json(usec_since(*(const usec_t *)p, now));
	case KIND_PATH_STATE:
		return stats_text_json(bond_path_state_text(*(const enum bond_path_state *)p));
	case KIND_REASON:
		return stats_text_json(bond_reason_text(*(const enum bond_reason *)p));
	case KIND_COST:
		return stats_text_json(stats_cost_text(*(const enum bond_cost *)p));
	case KIND_POLICY:
		return stats_text_json(stats_policy_text(*(const enum bond_policy *)p));
	case KIND_FEED:
		return stats_text_json(feed_text(*(const enum bond_feed *)p));
	case KIND_JOB_KIND:
		return stats_text_json(job_kind_text(*(const enum stats_job_kind *)p));
	}
	return NULL;
}

/* jansson's "_new" setters take the reference and fail on NULL: one check at the end is enough. */
static json_t *object_json(const struct field *fields, const void *base, usec_t now)
{
	json_t *object = json_object();
	bool failed = !object;

	for (; !failed && fields->key; fields++)
		failed =
			json_object_set_new(object, fields->key, field_json(fields, base, now)) < 0;
	if (failed) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static json_t *array_json(const struct field *fields, const void *base, size_t size, unsigned count,
			  usec_t now)
{
	json_t *array = json_array();
	bool failed = !array;

	for (unsigned i = 0; !failed && i < count; i++)
		failed =
			json_array_append_new(
				array, object_json(fields, (const char *)base + i * size, now)) < 0;
	if (failed) {
		json_decref(array);
		return NULL;
	}
	return array;
}

#define ARRAY(fields, stats, member, count)                                                        \
	array_json(fields, (stats)->member, sizeof((stats)->member[0]), (stats)->count,            \
		   (stats)->now)

json_t *stats_findings_json(const struct stats_finding *findings, unsigned count)
{
	return array_json(finding_fields, findings, sizeof(*findings), count, 0);
}

json_t *stats_json(const struct stats *stats)
{
	json_t *object = object_json(top_fields, stats, stats->now);

	if (!object)
		return NULL;
	if (json_object_set_new(object, "bond", object_json(bond_fields, stats, stats->now)) < 0 ||
	    json_object_set_new(object, "uplinks", ARRAY(uplink_fields, stats, uplink, uplinks)) <
		    0 ||
	    json_object_set_new(object, "interfaces",
				ARRAY(interface_fields, stats, interface, interfaces)) < 0 ||
	    json_object_set_new(object, "findings",
				stats_findings_json(stats->finding, stats->findings)) < 0 ||
	    json_object_set_new(object, "jobs", ARRAY(job_fields, stats, job, jobs)) < 0 ||
	    json_object_set_new(object, "log", ARRAY(log_fields, stats, log, logs)) < 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}
