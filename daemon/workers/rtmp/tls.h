#pragma once

#include <openssl/ssl.h>

/*
 * TLS as client of a platform: the server's certificate must be valid for its name, always.
 */

/* @ca_file: certificates to trust instead of the system's; NULL: the system's. NULL on failure,
 * with a text for people in @error. */
SSL_CTX *tls_context_new(const char *ca_file, char *error, size_t error_size);
/* A client session on the connected socket @fd, for @host (a name or an address). NULL: out of
 * memory. */
SSL *tls_session_new(SSL_CTX *context, int fd, const char *host);
/* Why SSL_do_handshake(), SSL_read() or SSL_write() failed with @result: a text for people that
 * says what to do about a certificate. */
void tls_error_text(SSL *ssl, int result, char *buf, size_t size);
