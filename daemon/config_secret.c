#include "config_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/evp.h>

/*
 * Secrets come from files, which must be closed to everybody but their owner, and the owner must be
 * us or root: a key that others could read or put there protects nothing. What lies in
 * $CREDENTIALS_DIRECTORY is exempt: systemd guards the directory itself and may let us read its
 * files by an access list, which looks like group access.
 */
static bool is_credential(const char *file)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	size_t len = directory ? strlen(directory) : 0;

	return len && !strncmp(file, directory, len) && file[len] == '/' && !strstr(file, "/../");
}

static const char *check_access(const char *file, const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "is not a file";
	if (is_credential(file))
		return NULL;
	if (st->st_uid && st->st_uid != geteuid())
		return "belongs to another user; make it your own";
	if (st->st_mode & 077)
		return "can be read by others; close it with: chmod 600";
	return NULL;
}

int config_secret_read(const char *file, char *text, size_t size, char *why, size_t why_size)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	const char *problem = NULL;
	struct stat st;
	ssize_t n = 0;

	if (fd < 0 || fstat(fd, &st) < 0) {
		problem = strerror(errno);
	} else {
		problem = check_access(file, &st);
		n = problem ? 0 : read(fd, text, size);
		if (n < 0)
			problem = strerror(errno);
		else if ((size_t)n == size)
			problem = "is too long";
	}
	if (fd >= 0)
		(void)close(fd);
	if (!problem) {
		text[n] = '\0';
		text[strcspn(text, "\r\n")] = '\0';
		if (!*text)
			problem = "is empty";
	}
	if (!problem)
		return 0;
	(void)snprintf(why, why_size, "%s: %s", file, problem);
	return -EINVAL;
}

/* Base64 (RFC 4648) of exactly 32 bytes: 43 digits and one '='. */
static bool key_decode(const char *text, uint8_t key[static 32])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0;
	unsigned held = 0;
	size_t out = 0;

	if (strlen(text) != 44 || text[43] != '=')
		return false;
	for (unsigned i = 0; i < 43; i++) {
		const char *digit = strchr(digits, text[i]);

		if (!digit)
			return false;
		bits = bits << 6 | (uint32_t)(digit - digits);
		held += 6;
		if (held >= 8) {
			held -= 8;
			key[out++] = (uint8_t)(bits >> held);
		}
	}
	return out == 32 && !(bits & 3);
}

/* The first half of a hash under a name of its own: tells keys apart, and nothing about them. */
static void key_fingerprint(const uint8_t key[static 32], char text[static 20])
{
	static const char label[] = "uplinkd key";
	uint8_t input[sizeof(label) - 1 + 32], hash[EVP_MAX_MD_SIZE] = { 0 };

	memcpy(input, label, sizeof(label) - 1);
	memcpy(input + sizeof(label) - 1, key, 32);
	(void)EVP_Digest(input, sizeof(input), hash, NULL, EVP_sha256(), NULL);
	(void)snprintf(text, 20, "%02x%02x-%02x%02x-%02x%02x-%02x%02x", hash[0], hash[1], hash[2],
		       hash[3], hash[4], hash[5], hash[6], hash[7]);
	explicit_bzero(input, sizeof(input));
}

void config_key_load(struct config *config, struct config_errors *errors)
{
	char text[128], why[CONFIG_TEXT_MAX + CONFIG_WHY_MAX];

	if (config_secret_read(config->key_file, text, sizeof(text), why, sizeof(why)) < 0)
		config_errors_add(errors, "key-file: %s%s", why,
				  access(config->key_file, F_OK) < 0
					  ? "; make a key with: uplinkctl genkey FILE"
					  : "");
	else if (!key_decode(text, config->key))
		config_errors_add(errors,
				  "key-file: %s: does not hold a key of uplinkctl genkey (44 "
				  "characters of base64)",
				  config->key_file);
	else
		key_fingerprint(config->key, config->fingerprint);
	explicit_bzero(text, sizeof(text));
}
