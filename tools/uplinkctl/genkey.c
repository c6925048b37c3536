#include "genkey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <openssl/evp.h>

/*
 * A key is 32 random bytes, written as one line of base64 (RFC 4648). Its fingerprint, which
 * uplinkd logs at start, is the first 8 bytes of SHA-256("uplinkd key" || key): both ends must
 * show the same.
 */
#define KEY_BYTES 32

static void fingerprint(const uint8_t key[static KEY_BYTES], char text[static 20])
{
	static const char label[] = "uplinkd key";
	uint8_t input[sizeof(label) - 1 + KEY_BYTES], hash[EVP_MAX_MD_SIZE] = { 0 };

	memcpy(input, label, sizeof(label) - 1);
	memcpy(input + sizeof(label) - 1, key, KEY_BYTES);
	(void)EVP_Digest(input, sizeof(input), hash, NULL, EVP_sha256(), NULL);
	(void)snprintf(text, 20, "%02x%02x-%02x%02x-%02x%02x-%02x%02x", hash[0], hash[1], hash[2],
		       hash[3], hash[4], hash[5], hash[6], hash[7]);
	explicit_bzero(input, sizeof(input));
}

static bool write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return fsync(fd) == 0 || errno == EINVAL;
}

int genkey(const char *file)
{
	uint8_t key[KEY_BYTES];
	char line[4 * (KEY_BYTES + 2) / 3 + 2], print[20];
	int fd, n;
	bool done;

	if (getrandom(key, sizeof(key), 0) != sizeof(key)) {
		(void)fprintf(stderr, "uplinkctl: no random bytes: %s\n", strerror(errno));
		return 1;
	}
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		(void)fprintf(stderr, "uplinkctl: %s: %s\n", file,
			      errno == EEXIST ? "is there already; a key is not overwritten"
					      : strerror(errno));
		return 1;
	}
	n = EVP_EncodeBlock((unsigned char *)line, key, KEY_BYTES);
	line[n++] = '\n';
	done = write_all(fd, line, (size_t)n);
	done = close(fd) == 0 && done;
	fingerprint(key, print);
	explicit_bzero(key, sizeof(key));
	explicit_bzero(line, sizeof(line));
	if (!done) {
		(void)fprintf(stderr, "uplinkctl: %s: %s\n", file, strerror(errno));
		(void)unlink(file);
		return 1;
	}
	(void)printf("%s: key %s\n"
		     "Give the same file to both ends (mode 600), over a safe way such as scp.\n",
		     file, print);
	return 0;
}
