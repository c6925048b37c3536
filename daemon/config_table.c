#include "config_table.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * The table of all settings. Parser, command line, --help, defaults and the manual page (a test
 * holds it against this table) speak from here, so that a new setting is one row and one field.
 */
#define BOTH	 (1u << CONFIG_ROLE_SENDER | 1u << CONFIG_ROLE_RECEIVER)
#define SENDER	 (1u << CONFIG_ROLE_SENDER)
#define RECEIVER (1u << CONFIG_ROLE_RECEIVER)

#define FIELD(f) .offset = offsetof(struct config, f), .size = sizeof(((struct config *)0)->f)
#define UPLINK_FIELD(f)                                                                            \
	.offset = offsetof(struct config_uplink, f), .size = sizeof(((struct config_uplink *)0)->f)
#define OUTPUT_FIELD(f)                                                                            \
	.offset = offsetof(struct config_output, f), .size = sizeof(((struct config_output *)0)->f)

static const char *const policies[] = { "aggregate", "broadcast", "backup", NULL };
static const char *const costs[] = { "auto", "free", "paid", "expensive", NULL };
static const char *const dscps[] = { "auto", "none", "CS4", "AF41", "EF", NULL };
static const char *const types[] = { "lan", "wifi", "cellular", "tether", NULL };
static const char *const feeds[] = { "srt", "ts", "auto", NULL };
static const char *const controls[] = { "none", "builtin", "exec", "obs", NULL };
static const char *const levels[] = { "err", "warning", "info", "debug", NULL };
/* Those of x264 that uplinkd-av takes: slower ones do not keep up with a live picture. */
static const char *const presets[] = { "ultrafast", "superfast", "veryfast", NULL };
static const char *const encoders[] = { "x264", "x265", "nvenc", "qsv", "vaapi", "auto", NULL };
static const char *const sounds[] = { "aac", "keep", NULL };
static const char *const codecs[] = { "h264", "h265", NULL };

/* clang-format off */
const struct config_key config_keys[] = {
	{ CONFIG_SECTION_ROLE, SENDER, "to", "to", CONFIG_TYPE_RECEIVERS, FIELD(to),
	  .value = "HOST:PORT", .live = true,
	  .help = "the receiver; again for the next choice when the first does not answer" },
	{ CONFIG_SECTION_ROLE, RECEIVER, "listen", "listen", CONFIG_TYPE_LISTEN, FIELD(listen),
	  .value = "ADDRESS:PORT", .help = "UDP address for the senders, such as 0.0.0.0:7000" },
	{ CONFIG_SECTION_ROLE, BOTH, "key-file", "key-file", CONFIG_TYPE_FILE, FIELD(key_file),
	  .value = "FILE", .live = true, /* the key itself is compared */
	  .help = "the key both ends share (made by uplinkctl genkey)" },
	{ CONFIG_SECTION_ROLE, BOTH, "latency", "latency", CONFIG_TYPE_DURATION, FIELD(latency),
	  .min = BOND_LATENCY_MIN, .max = BOND_LATENCY_MAX, .fallback = "1s", .value = "TIME",
	  .help = "from input to output; the greater of both ends holds" },
	{ CONFIG_SECTION_ROLE, SENDER, "policy", "policy", CONFIG_TYPE_CHOICE, FIELD(policy),
	  .choices = policies, .fallback = "aggregate", .value = "POLICY", .live = true,
	  .help = "aggregate: use the sum of all uplinks; broadcast: everything on every uplink; "
		  "backup: the cheapest uplink first" },
	{ CONFIG_SECTION_ROLE, BOTH, "feed", "feed", CONFIG_TYPE_CHOICE, FIELD(feed),
	  .choices = feeds, .fallback = "auto", .value = "FEED",
	  .help = "what the bond carries: srt: an SRT connection; ts: MPEG-TS, if the other end "
		  "takes it; auto: ts where it can be" },
	{ CONFIG_SECTION_ROLE, BOTH, "rate-max", "rate-max", CONFIG_TYPE_RATE, FIELD(rate_max_bps),
	  .min = 1000000, .max = UINT64_C(1000000000), .fallback = "100M", .value = "RATE",
	  .help = "the largest stream expected; sizes the buffers" },
	{ CONFIG_SECTION_ROLE, SENDER, "manage-routes", "manage-routes", CONFIG_TYPE_BOOL,
	  FIELD(manage_routes), .fallback = "no", .value = "yes|no",
	  .help = "set default routes for uplinks that have a gateway but none; needs CAP_NET_ADMIN" },
	{ CONFIG_SECTION_ROLE, BOTH, "control", "control", CONFIG_TYPE_TEXT, FIELD(control_path),
	  .value = "SOCKET", .help = "control socket for uplinkctl; default: in the runtime directory" },
	{ CONFIG_SECTION_ROLE, BOTH, "log-level", "log-level", CONFIG_TYPE_WORD, FIELD(log_level),
	  .choices = levels, .fallback = "info", .value = "LEVEL", .live = true,
	  .help = "err, warning, info or debug" },

	{ CONFIG_SECTION_INPUT, SENDER, "url", "input", CONFIG_TYPE_URL_INPUT, FIELD(input),
	  .value = "URL",
	  .help = "srt://:PORT, rtmp://:PORT/APP, udp://ADDRESS:PORT, pipe: or pipe:/FIFO" },
	{ CONFIG_SECTION_INPUT, SENDER, "passphrase-file", "input-passphrase-file",
	  CONFIG_TYPE_FILE, FIELD(input_passphrase_file), .value = "FILE",
	  .help = "SRT: the passphrase that the encoder must know" },
	{ CONFIG_SECTION_INPUT, SENDER, "streamid", "input-streamid", CONFIG_TYPE_TEXT,
	  FIELD(input_streamid), .value = "TEXT",
	  .help = "SRT: the stream id the encoder must give; RTMP: its stream key" },

	{ CONFIG_SECTION_ENCODER, SENDER, "control", "encoder", CONFIG_TYPE_CHOICE,
	  FIELD(encoder_control), .choices = controls, .fallback = "none", .value = "CONTROL",
	  .help = "who follows the advised bitrate; none: nobody; builtin: re-encode here; "
		  "exec: a command; obs: the script in OBS" },
	{ CONFIG_SECTION_ENCODER, SENDER, "command", "encoder-command", CONFIG_TYPE_TEXT,
	  FIELD(encoder_command), .value = "COMMAND",
	  .help = "exec: gets lines \"bitrate N\" on its standard input" },
	{ CONFIG_SECTION_ENCODER, SENDER, "preset", "encoder-preset", CONFIG_TYPE_WORD,
	  FIELD(encoder_preset), .choices = presets, .fallback = "superfast", .value = "PRESET",
	  .help = "builtin: preset of x264: ultrafast, superfast or veryfast" },

	{ CONFIG_SECTION_ENCODER, SENDER, "encoder", "encoder-name", CONFIG_TYPE_WORD,
	  FIELD(encoder_name), .choices = encoders, .fallback = "x264", .value = "ENCODER",
	  .help = "builtin: x264, x265, nvenc, qsv, vaapi; auto: hardware where there is some" },
	{ CONFIG_SECTION_ENCODER, SENDER, "codec", "encoder-codec", CONFIG_TYPE_WORD,
	  FIELD(encoder_codec), .choices = codecs, .fallback = "h264", .value = "CODEC",
	  .help = "builtin: h264, or h265, which few platforms take" },
	{ CONFIG_SECTION_ENCODER, SENDER, "ladder", "encoder-ladder", CONFIG_TYPE_LADDER,
	  FIELD(encoder_ladder), .fallback = "no", .value = "LADDER",
	  .help = "builtin: smaller pictures at low rates: no, yes or "
		  "HEIGHT:RATE,...; yes is 1080:3.5M,720:1.5M,480" },
	{ CONFIG_SECTION_ENCODER, SENDER, "sound", "encoder-sound", CONFIG_TYPE_WORD,
	  FIELD(encoder_sound), .choices = sounds, .fallback = "aac", .value = "SOUND",
	  .help = "builtin: aac: all sound becomes AAC; keep: MPEG audio and AC-3 stay" },
	{ CONFIG_SECTION_ENCODER, SENDER, "pass-through", "encoder-pass-through", CONFIG_TYPE_BOOL,
	  FIELD(encoder_pass), .fallback = "yes", .value = "yes|no",
	  .help = "builtin: what fits the advised bitrate is sent as it came in" },

	{ CONFIG_SECTION_ADVICE, SENDER, "min", "advice-min", CONFIG_TYPE_RATE,
	  FIELD(advice_min_bps), .min = 100000, .max = UINT64_C(1000000000), .fallback = "1M",
	  .value = "RATE", .help = "lowest bitrate to advise" },
	{ CONFIG_SECTION_ADVICE, SENDER, "max", "advice-max", CONFIG_TYPE_RATE,
	  FIELD(advice_max_bps), .min = 100000, .max = UINT64_C(1000000000), .fallback = "10M",
	  .value = "RATE", .help = "highest bitrate to advise" },
	{ CONFIG_SECTION_ADVICE, SENDER, "start", "advice-start", CONFIG_TYPE_RATE,
	  FIELD(advice_start_bps), .min = 100000, .max = UINT64_C(1000000000), .fallback = "2.5M",
	  .value = "RATE", .help = "bitrate to advise before anything is known" },

	{ CONFIG_SECTION_RECORD, BOTH, "directory", "record", CONFIG_TYPE_TEXT,
	  FIELD(record.directory), .value = "DIR",
	  .help = "record the stream there as segments with an index" },
	{ CONFIG_SECTION_RECORD, BOTH, "segment", "record-segment", CONFIG_TYPE_SECONDS,
	  FIELD(record.segment_seconds), .min = 1, .max = 3600, .fallback = "60s",
	  .value = "TIME", .help = "length of a segment" },
	{ CONFIG_SECTION_RECORD, BOTH, "free-min", "record-free-min", CONFIG_TYPE_SIZE,
	  FIELD(record.free_min_bytes), .min = 0, .max = UINT64_C(1) << 50, .fallback = "1G",
	  .value = "SIZE", .help = "stop recording below this much free space" },

	{ CONFIG_SECTION_UPLINK, SENDER, "device", NULL, CONFIG_TYPE_DEVICE, UPLINK_FIELD(device),
	  .value = "INTERFACE",
	  .help = "the interface, or a pattern; default: NAME, when nothing else tells which" },
	{ CONFIG_SECTION_UPLINK, SENDER, "path", NULL, CONFIG_TYPE_TEXT, UPLINK_FIELD(path),
	  .value = "PATTERN", .help = "where it is plugged in, as uplinkctl shows it" },
	{ CONFIG_SECTION_UPLINK, SENDER, "driver", NULL, CONFIG_TYPE_TEXT, UPLINK_FIELD(driver),
	  .value = "PATTERN", .help = "its driver" },
	{ CONFIG_SECTION_UPLINK, SENDER, "type", NULL, CONFIG_TYPE_WORD, UPLINK_FIELD(type),
	  .choices = types, .value = "TYPE", .help = "lan, wifi, cellular or tether" },
	{ CONFIG_SECTION_UPLINK, SENDER, "ssid", NULL, CONFIG_TYPE_TEXT, UPLINK_FIELD(ssid),
	  .value = "PATTERN", .help = "the name of its Wi-Fi network" },
	{ CONFIG_SECTION_UPLINK, SENDER, "address", NULL, CONFIG_TYPE_ADDRESS,
	  UPLINK_FIELD(address), .value = "ADDRESS",
	  .help = "the local address; default: the interface's own" },
	{ CONFIG_SECTION_UPLINK, SENDER, "to", NULL, CONFIG_TYPE_ENDPOINT, UPLINK_FIELD(to),
	  .value = "HOST:PORT", .help = "the receiver as reached over this uplink; default: to" },
	{ CONFIG_SECTION_UPLINK, SENDER, "gateway", NULL, CONFIG_TYPE_ADDRESS,
	  UPLINK_FIELD(gateway), .value = "ADDRESS",
	  .help = "its router, for manage-routes; default: as DHCP told systemd-networkd" },
	{ CONFIG_SECTION_UPLINK, SENDER, "cost", NULL, CONFIG_TYPE_CHOICE, UPLINK_FIELD(cost),
	  .choices = costs, .fallback = "auto", .value = "COST",
	  .help = "free, paid or expensive; paid ones carry few copies, backup uses them last; "
		  "auto: cellular and tether are paid" },
	{ CONFIG_SECTION_UPLINK, SENDER, "dscp", NULL, CONFIG_TYPE_CHOICE, UPLINK_FIELD(dscp),
	  .choices = dscps, .fallback = "auto", .value = "DSCP",
	  .help = "mark of its datagrams: none, CS4, AF41 or EF; auto: AF41 on lan and wifi" },
	{ CONFIG_SECTION_UPLINK, SENDER, "rate-max", NULL, CONFIG_TYPE_RATE,
	  UPLINK_FIELD(rate_max_bps), .min = 0, .max = UINT64_C(10000000000), .fallback = "0",
	  .value = "RATE", .help = "never send more than this; 0: no limit" },
	{ CONFIG_SECTION_UPLINK, SENDER, "cap-day", NULL, CONFIG_TYPE_SIZE,
	  UPLINK_FIELD(cap_day_bytes), .min = 0, .max = UINT64_C(1) << 50, .fallback = "0",
	  .value = "SIZE", .help = "most bytes in a day, both ways; then it is drained; 0: no cap" },
	{ CONFIG_SECTION_UPLINK, SENDER, "cap-month", NULL, CONFIG_TYPE_SIZE,
	  UPLINK_FIELD(cap_month_bytes), .min = 0, .max = UINT64_C(1) << 50, .fallback = "0",
	  .value = "SIZE", .help = "the same for a calendar month" },
	{ CONFIG_SECTION_UPLINK, SENDER, "use", NULL, CONFIG_TYPE_BOOL, UPLINK_FIELD(use),
	  .fallback = "yes", .value = "yes|no", .help = "no: leave this interface alone" },

	{ CONFIG_SECTION_OUTPUT, RECEIVER, "url", NULL, CONFIG_TYPE_URL_OUTPUT, OUTPUT_FIELD(url),
	  .value = "URL",
	  .help = "udp://HOST:PORT, srt://HOST:PORT, rtmp(s)://HOST/APP[/KEY], pipe: or pipe:/FIFO" },
	{ CONFIG_SECTION_OUTPUT, RECEIVER, "key-file", NULL, CONFIG_TYPE_FILE,
	  OUTPUT_FIELD(key_file), .value = "FILE", .help = "RTMP: the stream key" },
	{ CONFIG_SECTION_OUTPUT, RECEIVER, "passphrase-file", NULL, CONFIG_TYPE_FILE,
	  OUTPUT_FIELD(passphrase_file), .value = "FILE", .help = "SRT: the passphrase" },
	{ CONFIG_SECTION_OUTPUT, RECEIVER, "ca-file", NULL, CONFIG_TYPE_FILE,
	  OUTPUT_FIELD(ca_file), .value = "FILE",
	  .help = "RTMPS: certificates to trust; default: the system's" },
	{ CONFIG_SECTION_OUTPUT, RECEIVER, "latency", NULL, CONFIG_TYPE_DURATION,
	  OUTPUT_FIELD(latency), .min = 0, .max = BOND_LATENCY_MAX, .fallback = "0s",
	  .value = "TIME", .help = "SRT: its own latency; 0s: the default of SRT" },
	{ CONFIG_SECTION_OUTPUT, RECEIVER, "platform", NULL, CONFIG_TYPE_CHOICE,
	  OUTPUT_FIELD(platform), .choices = platform_names, .fallback = "custom",
	  .value = "PLATFORM", .help = "sets what it takes" },
	{ CONFIG_SECTION_OUTPUT, RECEIVER, "rate-max", NULL, CONFIG_TYPE_RATE,
	  OUTPUT_FIELD(rate_max_bps), .min = 0, .max = UINT64_C(1000000000), .fallback = "0",
	  .value = "RATE", .help = "highest bitrate of the picture; 0: what the platform takes" },
};
/* clang-format on */
const size_t config_key_count = sizeof(config_keys) / sizeof(config_keys[0]);

const char *config_section_name(enum config_section section, enum config_role role)
{
	static const char *const names[CONFIG_SECTION_COUNT] = {
		[CONFIG_SECTION_INPUT] = "input",   [CONFIG_SECTION_ENCODER] = "encoder",
		[CONFIG_SECTION_ADVICE] = "advice", [CONFIG_SECTION_RECORD] = "record",
		[CONFIG_SECTION_UPLINK] = "uplink", [CONFIG_SECTION_OUTPUT] = "output",
	};

	if (section == CONFIG_SECTION_ROLE)
		return role == CONFIG_ROLE_SENDER ? "sender" : "receiver";
	return names[section];
}

const struct config_key *config_key_find(enum config_section section, const char *name)
{
	for (size_t i = 0; i < config_key_count; i++)
		if (config_keys[i].section == section && !strcmp(config_keys[i].name, name))
			return &config_keys[i];
	return NULL;
}

void config_section_defaults(enum config_section section, void *base)
{
	char why[CONFIG_WHY_MAX];

	for (size_t i = 0; i < config_key_count; i++) {
		int error;

		if (config_keys[i].section != section)
			continue;
		error = config_value_set(&config_keys[i], base, "", why);
		assert(!error);
		(void)error;
	}
}

bool config_name_valid(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789._-");

	return len > 0 && len < BOND_NAME_MAX && !name[len];
}

struct config_uplink *config_uplink_get(struct config *config, const char *name)
{
	struct config_uplink *uplink;

	for (unsigned i = 0; i < config->uplink_count; i++)
		if (!strcmp(config->uplinks[i].name, name))
			return &config->uplinks[i];
	if (config->uplink_count == CONFIG_UPLINKS_MAX)
		return NULL;
	uplink = &config->uplinks[config->uplink_count++];
	*uplink = (struct config_uplink){ 0 };
	config_section_defaults(CONFIG_SECTION_UPLINK, uplink);
	(void)strncat(uplink->name, name, sizeof(uplink->name) - 1);
	return uplink;
}

int config_uplink_set(struct config_uplink *uplink, const char *key, const char *text, char *why,
		      size_t size)
{
	const struct config_key *found = config_key_find(CONFIG_SECTION_UPLINK, key);
	char reason[CONFIG_WHY_MAX] = "there is no such setting";

	if (found && config_value_set(found, uplink, text, reason) == 0)
		return 0;
	(void)snprintf(why, size, "%s: %s", key, reason);
	return -EINVAL;
}

struct config_output *config_output_get(struct config *config, const char *name)
{
	struct config_output *output;

	for (unsigned i = 0; i < config->output_count; i++)
		if (!strcmp(config->outputs[i].name, name))
			return &config->outputs[i];
	if (config->output_count == CONFIG_OUTPUTS_MAX)
		return NULL;
	output = &config->outputs[config->output_count++];
	*output = (struct config_output){ 0 };
	config_section_defaults(CONFIG_SECTION_OUTPUT, output);
	(void)strncat(output->name, name, sizeof(output->name) - 1);
	return output;
}
