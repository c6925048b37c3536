#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"
#include "bond/bond.h"
#include "platform.h"

/*
 * The configuration of one role: text (file, drop-ins or command line) to struct, all or nothing.
 * Every error is reported at once, as file:line: message. config.c holds one table (section, key,
 * type, range, default, help) from which the parser, --help, `--check` and the manual page speak.
 *
 *   [sender] or [receiver]   which role this file is for, and its settings
 *   [input] [encoder] [record] [advice]          one each
 *   [uplink NAME] [output NAME]                  any number
 */
#define CONFIG_UPLINKS_MAX	BOND_PATHS_MAX
#define CONFIG_OUTPUTS_MAX	16
#define CONFIG_RECEIVERS_MAX	4
#define CONFIG_KEYS_MAX		16
#define CONFIG_TEXT_MAX		512
#define CONFIG_LADDER_MAX	128
#define CONFIG_LADDER_RUNGS_MAX 6		   /* what uplinkd-av takes */
#define CONFIG_SRT_LATENCY_MIN	(20 * USEC_PER_MS) /* what uplinkd-srt takes */
#define CONFIG_SRT_LATENCY_MAX	(60 * USEC_PER_SEC)

enum config_role {
	CONFIG_ROLE_SENDER,
	CONFIG_ROLE_RECEIVER,
};

enum config_url_scheme {
	CONFIG_URL_NONE,
	CONFIG_URL_UDP,	 /* udp://HOST:PORT, multicast too; ?iface=NAME ?ttl=N */
	CONFIG_URL_SRT,	 /* input srt://:PORT, output srt://HOST:PORT; ?streamid= ?latency=MS */
	CONFIG_URL_RTMP, /* input rtmp://:PORT/APP, output rtmp://HOST[:PORT]/APP/KEY */
	CONFIG_URL_RTMPS,
	CONFIG_URL_PIPE, /* pipe: (stdin or stdout) or pipe:/PATH/TO/FIFO */
};

struct config_url {
	enum config_url_scheme scheme;
	char text[CONFIG_TEXT_MAX]; /* as given; may hold a stream key: never logged */
	char safe[CONFIG_TEXT_MAX]; /* for logs and status: keys and passphrases are "***" */
	char host[256];		    /* "" = any address; without brackets for IPv6 */
	uint16_t port;
	char path[CONFIG_TEXT_MAX]; /* without the leading slash; query not included; PIPE: the path
				     */
	char query[CONFIG_TEXT_MAX];
};

enum config_control {
	CONFIG_CONTROL_NONE,
	CONFIG_CONTROL_BUILTIN,
	CONFIG_CONTROL_EXEC,
	CONFIG_CONTROL_OBS,
};

enum config_cost {
	CONFIG_COST_AUTO, /* by the type of the uplink */
	CONFIG_COST_FREE,
	CONFIG_COST_PAID,
	CONFIG_COST_EXPENSIVE,
};

enum config_dscp {
	CONFIG_DSCP_AUTO, /* by the type of the uplink */
	CONFIG_DSCP_NONE,
	CONFIG_DSCP_CS4,
	CONFIG_DSCP_AF41,
	CONFIG_DSCP_EF,
};

enum config_feed {
	CONFIG_FEED_SRT,
	CONFIG_FEED_TS,
	CONFIG_FEED_AUTO, /* ts when the other end takes it, else srt, and nobody need be told */
};

struct config_uplink {
	char name[BOND_NAME_MAX];
	char device[32]; /* of the interface; this and the next four: patterns, "" = any */
	char path[80];
	char driver[32];
	char type[16];
	char ssid[33];
	char address[64]; /* local address; "" = the interface's own */
	char to[300];	  /* HOST:PORT of the receiver over this uplink; "" = the common one */
	char gateway[64]; /* for manage_routes; "" = not told */
	enum config_cost cost;
	uint64_t rate_max_bps; /* 0 = no limit */
	enum config_dscp dscp;
	uint64_t cap_day_bytes, cap_month_bytes; /* 0 = none */
	bool use;				 /* use = no: excluded */
};

struct config_output {
	char name[BOND_NAME_MAX];
	struct config_url url;
	char key_file[CONFIG_TEXT_MAX];	       /* stream key of RTMP; "" = in the url */
	char passphrase_file[CONFIG_TEXT_MAX]; /* SRT */
	char ca_file[CONFIG_TEXT_MAX];	       /* RTMPS: "" = the system's certificates */
	uint8_t secrets[32]; /* a hash of what both files held at the check: tells new ones */
	usec_t latency;	     /* SRT output: its own latency; 0 = the default */
	enum platform platform;
	uint64_t rate_max_bps; /* of the picture; 0 = what the platform takes */
};

struct config_record {
	char directory[CONFIG_TEXT_MAX]; /* "" = no recording */
	unsigned segment_seconds;	 /* default 60 */
	uint64_t free_min_bytes; /* stop writing below this much free space; default 1 GiB */
};

struct config {
	enum config_role role;
	char key_file[CONFIG_TEXT_MAX];
	uint8_t key[32];      /* read from key_file */
	char fingerprint[20]; /* of the key, for people: "3f2a-91c0-77de-0b15" */
	usec_t latency;
	enum bond_policy policy;
	enum config_feed feed;
	uint64_t rate_max_bps;	/* largest stream; sizes buffers */
	char control_path[108]; /* control socket; "" = default for the role */
	char log_level[16];

	/* sender */
	struct config_url input;
	char input_passphrase_file[CONFIG_TEXT_MAX];
	char input_streamid[CONFIG_TEXT_MAX]; /* SRT: required stream id; RTMP: required stream key
					       */
	char to[CONFIG_RECEIVERS_MAX][300];   /* HOST:PORT of the receiver, first choice first */
	unsigned receivers;
	struct config_uplink uplinks[CONFIG_UPLINKS_MAX];
	unsigned uplink_count;
	bool uplinks_only; /* --uplink was given: no others are looked for */
	bool manage_routes;
	enum config_control encoder_control;
	char encoder_command[CONFIG_TEXT_MAX];	/* control = exec */
	char encoder_preset[32];		/* builtin; default superfast */
	char encoder_name[16];			/* builtin; x264, nvenc, ... auto */
	char encoder_codec[8];			/* builtin; h264 or h265 */
	char encoder_ladder[CONFIG_LADDER_MAX]; /* builtin; "no", "yes" or HEIGHT:BPS,... */
	char encoder_sound[8];			/* builtin; aac or keep */
	bool encoder_pass;			/* builtin; what fits the advice passes as it is */
	uint64_t advice_min_bps, advice_max_bps, advice_start_bps;

	/* receiver */
	char listen[300]; /* ADDRESS:PORT */
	struct config_output outputs[CONFIG_OUTPUTS_MAX];
	unsigned output_count;

	struct config_record record;
};

/* An error message per line: "file:line: text\n". Grows; free with config_errors_clear(). */
struct config_errors {
	char *text;
	unsigned count;
};

void config_errors_clear(struct config_errors *errors);

/* Built-in defaults of a role. */
void config_defaults(struct config *config, enum config_role role);
/* Which role a file is for: it has a section [sender] or [receiver]. 0, or -EINVAL with @errors
 * filled. */
int config_file_role(const char *file, enum config_role *ret_role, struct config_errors *errors);
/* Reads a file and its drop-ins (FILE.d/[*].conf, sorted by name), on top of what @config holds.
 * 0, or -EINVAL with @errors filled and @config unchanged. */
int config_read(struct config *config, const char *file, struct config_errors *errors);
/* The same for text at hand; @name stands in its messages. */
int config_parse(struct config *config, const char *name, const char *text, size_t len,
		 struct config_errors *errors);
/* Options of the command line of `uplinkd send` or `receive` (argv without the program and the
 * verb), among them --config FILE. Options win over the files, wherever --config stands; --to,
 * --uplink and --output replace what the files list. The same outcome. */
int config_arguments(struct config *config, int argc, const char *const *argv,
		     struct config_errors *errors);
/* Checks what belongs together (a receiver address, a key, readable files, the ranges) and loads
 * the key. 0, or -EINVAL with @errors filled. */
int config_finish(struct config *config, struct config_errors *errors);
/* The next setting that differs and that a running role does not take up, such as "[record]
 * segment"; false: there is no further one. *@at is 0 for the first. */
bool config_restart_next(const struct config *old, const struct config *fresh, size_t *at,
			 char *name, size_t size);
/* The options of a role, for --help. */
void config_help(FILE *file, enum config_role role);
/* Sets what section [uplink NAME] calls @key ("cost", "rate-max"), from text as it stands there. 0,
 * or -EINVAL with the reason in @why. */
int config_uplink_set(struct config_uplink *uplink, const char *key, const char *text, char *why,
		      size_t size);
/* Overwrites the secrets and releases nothing: the struct holds no memory of its own. */
void config_wipe(struct config *config);

/* 0 or -EINVAL; *ret_why is a constant text. */
int config_url_parse(const char *text, struct config_url *ret_url, const char **ret_why);
/* The value of a key of the query, percent-decoded, into @value; false: absent or too long. */
bool config_url_query(const struct config_url *url, const char *key, char *value, size_t size);

/* Reads a file that holds one line of a secret (stream key, passphrase) into @text, without the
 * end of the line. It must belong to us or to root and be closed to everybody else. 0, or -EINVAL
 * with a text that says what to do in @why. */
int config_secret_read(const char *file, char *text, size_t size, char *why, size_t why_size);
