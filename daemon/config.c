#include "config_table.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

/*
 * What the two sources of a configuration, files and options, have in common: the list of errors,
 * the guess at what was meant, and the check of the whole. The rules of the parts are in
 * config_table.c (which settings there are) and config_value.c (what their values may be).
 */
#define ERRORS_MAX                                                                                 \
	100 /* more than a person reads; keeps a garbage file from filling the screen              \
	     */

void config_errors_add(struct config_errors *errors, const char *format, ...)
{
	char line[1024];
	size_t used = errors->text ? strlen(errors->text) : 0;
	va_list args;
	char *text;

	if (errors->count++ > ERRORS_MAX)
		return;
	if (errors->count > ERRORS_MAX) {
		(void)snprintf(line, sizeof(line), "more than %d errors; the rest is not shown",
			       ERRORS_MAX);
	} else {
		va_start(args, format);
		(void)vsnprintf(line, sizeof(line), format, args);
		va_end(args);
	}
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	text = realloc(errors->text, used + strlen(line) + 2);
	if (!text)
		return; /* the count tells that something was wrong */
	(void)sprintf(text + used, "%s\n", line);
	errors->text = text;
}

void config_errors_clear(struct config_errors *errors)
{
	free(errors->text);
	*errors = (struct config_errors){ 0 };
}

#define WORD_MAX 24

/* Damerau's distance (insert, delete, replace, swap neighbours) of two short words. */
static unsigned distance(const char *a, const char *b)
{
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];
	size_t m = strlen(a), n = strlen(b);

	if (m > WORD_MAX || n > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= m; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= n; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= m; i++) {
		for (size_t j = 1; j <= n; j++) {
			unsigned best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	}
	return d[m][n];
}

const char *config_nearest(const char *word, const char *const *candidates)
{
	unsigned best = 3; /* two slips of the finger are a typo, three another word */
	const char *found = NULL;

	for (; *candidates; candidates++) {
		unsigned d = distance(word, *candidates);

		if (d < best && d < strlen(*candidates)) {
			best = d;
			found = *candidates;
		}
	}
	return found;
}

void config_defaults(struct config *config, enum config_role role)
{
	*config = (struct config){ .role = role };
	for (enum config_section s = CONFIG_SECTION_ROLE; s < CONFIG_SECTION_UPLINK; s++)
		config_section_defaults(s, config);
}

void config_wipe(struct config *config)
{
	explicit_bzero(config, sizeof(*config));
}

/* --- the whole ------------------------------------------------------------------------------- */

/* @digest of all secrets before this one becomes that of all with it. */
static void digest_add(uint8_t digest[static 32], const char *text)
{
	uint8_t all[32 + CONFIG_TEXT_MAX], hash[EVP_MAX_MD_SIZE] = { 0 };
	size_t len = strlen(text);

	memcpy(all, digest, 32);
	memcpy(all + 32, text, len);
	(void)EVP_Digest(all, 32 + len, hash, NULL, EVP_sha256(), NULL);
	memcpy(digest, hash, 32);
	explicit_bzero(all, sizeof(all));
}

static void check_secret(const char *what, const char *file, size_t min, size_t max,
			 uint8_t digest[static 32], struct config_errors *errors)
{
	char text[CONFIG_TEXT_MAX], why[CONFIG_TEXT_MAX + CONFIG_WHY_MAX];

	if (!*file)
		return;
	if (config_secret_read(file, text, sizeof(text), why, sizeof(why)) < 0)
		config_errors_add(errors, "%s: %s", what, why);
	else if (strlen(text) < min || strlen(text) > max)
		config_errors_add(errors, "%s: %s: must hold %zu to %zu characters", what, file,
				  min, max);
	else
		digest_add(digest, text);
	explicit_bzero(text, sizeof(text));
}

/* SRT's own limits of a passphrase. */
#define PASSPHRASE_MIN 10
#define PASSPHRASE_MAX 79

static void check_sender(const struct config *config, struct config_errors *errors)
{
	uint8_t digest[32] = { 0 };

	if (!config->receivers)
		config_errors_add(errors, "no receiver; give --to HOST:PORT, or to = in [sender]");
	if (config->input.scheme == CONFIG_URL_NONE)
		config_errors_add(errors, "no input; give --input URL, or url = in [input]");
	if (*config->input_passphrase_file && config->input.scheme != CONFIG_URL_SRT)
		config_errors_add(errors, "[input] passphrase-file is for srt:// alone");
	if (*config->input_streamid && config->input.scheme != CONFIG_URL_SRT &&
	    config->input.scheme != CONFIG_URL_RTMP)
		config_errors_add(errors, "[input] streamid is for srt:// and rtmp:// alone");
	check_secret("[input] passphrase-file", config->input_passphrase_file, PASSPHRASE_MIN,
		     PASSPHRASE_MAX, digest, errors);
	if (config->encoder_control == CONFIG_CONTROL_EXEC && !*config->encoder_command)
		config_errors_add(errors, "[encoder] control = exec needs command =");
	if (config->encoder_control != CONFIG_CONTROL_EXEC && *config->encoder_command)
		config_errors_add(errors, "[encoder] command is for control = exec alone");
	if (!strcmp(config->encoder_name, "x264") && strcmp(config->encoder_codec, "h264") != 0)
		config_errors_add(errors, "[encoder] encoder = x264 makes H.264 alone; for codec = "
					  "h265 it must be x265, nvenc, qsv, vaapi or auto");
	if (!strcmp(config->encoder_name, "x265") && strcmp(config->encoder_codec, "h265") != 0)
		config_errors_add(errors, "[encoder] encoder = x265 needs codec = h265");
	if (config->advice_min_bps > config->advice_max_bps)
		config_errors_add(errors, "[advice] min must not be above max");
	else if (config->advice_start_bps < config->advice_min_bps ||
		 config->advice_start_bps > config->advice_max_bps)
		config_errors_add(errors, "[advice] start must lie between min and max");
}

static void check_output(struct config_output *output, struct config_errors *errors)
{
	bool rtmp = output->url.scheme == CONFIG_URL_RTMP || output->url.scheme == CONFIG_URL_RTMPS;
	const char *slash = strchr(output->url.path, '/');
	char what[64];

	if (output->url.scheme == CONFIG_URL_NONE)
		config_errors_add(errors, "[output %s] has no url =", output->name);
	if (rtmp && !*output->key_file && (!slash || !slash[1]))
		config_errors_add(errors,
				  "[output %s] has no stream key; give key-file = FILE, or end the "
				  "url with /KEY",
				  output->name);
	if (*output->passphrase_file && output->url.scheme != CONFIG_URL_SRT)
		config_errors_add(errors, "[output %s] passphrase-file is for srt:// alone",
				  output->name);
	if (output->latency && output->latency < CONFIG_SRT_LATENCY_MIN)
		config_errors_add(errors, "[output %s] latency must be 0s, or from 20ms on",
				  output->name);
	(void)snprintf(what, sizeof(what), "[output %s] key-file", output->name);
	memset(output->secrets, 0, sizeof(output->secrets));
	check_secret(what, output->key_file, 1, CONFIG_TEXT_MAX, output->secrets, errors);
	(void)snprintf(what, sizeof(what), "[output %s] passphrase-file", output->name);
	check_secret(what, output->passphrase_file, PASSPHRASE_MIN, PASSPHRASE_MAX, output->secrets,
		     errors);
}

static void check_receiver(struct config *config, struct config_errors *errors)
{
	unsigned pipes = 0;

	if (!*config->listen)
		config_errors_add(errors, "no address to listen on; give --listen 0.0.0.0:7000, or "
					  "listen = in [receiver]");
	if (!config->output_count && !*config->record.directory)
		config_errors_add(errors, "nowhere to go with the stream; give --output URL or "
					  "--record DIR, or [output NAME] with url =");
	for (unsigned i = 0; i < config->output_count; i++) {
		struct config_output *output = &config->outputs[i];

		check_output(output, errors);
		if (output->url.scheme == CONFIG_URL_PIPE && !*output->url.path && pipes++)
			config_errors_add(errors,
					  "[output %s]: only one output can be standard output",
					  output->name);
	}
}

static void finish_uplink(struct config_uplink *uplink, struct config_errors *errors)
{
	bool matches = *uplink->path || *uplink->driver || *uplink->type || *uplink->ssid;

	static_assert(sizeof(uplink->device) == sizeof(uplink->name), "a name fits a device");

	if (*uplink->address && (matches || strpbrk(uplink->device, "*?[")))
		config_errors_add(errors,
				  "[uplink %s] address names one uplink: it stands alone or with "
				  "the exact device",
				  uplink->name);
	/* One that tells nothing of which is named by its interface. */
	if (!*uplink->device && !*uplink->address && !matches)
		memcpy(uplink->device, uplink->name, sizeof(uplink->device));
}

int config_finish(struct config *config, struct config_errors *errors)
{
	unsigned before = errors->count;

	for (unsigned i = 0; i < config->uplink_count; i++)
		finish_uplink(&config->uplinks[i], errors);
	if (config->role == CONFIG_ROLE_SENDER)
		check_sender(config, errors);
	else
		check_receiver(config, errors);
	if (!*config->key_file)
		config_errors_add(errors,
				  "no key; make one with \"uplinkctl genkey FILE\" and give "
				  "--key-file FILE here and at the other end");
	else
		config_key_load(config, errors);
	return errors->count == before ? 0 : -EINVAL;
}
