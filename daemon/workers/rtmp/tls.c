#include "workers/rtmp/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

static void library_text(char *buf, size_t size)
{
	unsigned long code = ERR_get_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	(void)snprintf(buf, size, "%s", reason ? reason : "unknown TLS error");
	ERR_clear_error();
}

SSL_CTX *tls_context_new(const char *ca_file, char *error, size_t error_size)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	char text[128];

	if (!context)
		goto fail;
	if (!SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION))
		goto fail;
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	(void)SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
						SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
						SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
						   SSL_OP_IGNORE_UNEXPECTED_EOF);
	if (ca_file ? !SSL_CTX_load_verify_file(context, ca_file)
		    : !SSL_CTX_set_default_verify_paths(context))
		goto fail;
	return context;
fail:
	library_text(text, sizeof(text));
	(void)snprintf(error, error_size, "cannot load the certificates to trust%s%s: %s",
		       ca_file ? " from " : "", ca_file ? ca_file : "", text);
	SSL_CTX_free(context);
	return NULL;
}

SSL *tls_session_new(SSL_CTX *context, int fd, const char *host)
{
	SSL *ssl = SSL_new(context);
	unsigned char address[16];
	int ok;

	if (!ssl)
		return NULL;
	/* A certificate for an address is checked against the address; SNI takes names alone. */
	if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
		ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
	else
		ok = SSL_set1_host(ssl, host) && SSL_set_tlsext_host_name(ssl, host);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (!ok || !SSL_set_fd(ssl, fd)) {
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_connect_state(ssl);
	return ssl;
}

static const char *what_to_do(long verify)
{
	switch (verify) {
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return "give the certificate of its issuer as ca-file if you trust it, or install "
		       "ca-certificates if there is none";
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return "it is made out to another name; check the host in the URL";
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "check the clock of this machine; if it is right, the server's operator "
		       "must "
		       "renew the certificate";
	default:
		return "check the URL and the clock of this machine";
	}
}

void tls_error_text(SSL *ssl, int result, char *buf, size_t size)
{
	long verify = SSL_get_verify_result(ssl);
	int error = SSL_get_error(ssl, result), system_error = errno;

	if (verify != X509_V_OK) {
		(void)snprintf(buf, size, "the server's certificate is not trusted (%s): %s",
			       X509_verify_cert_error_string(verify), what_to_do(verify));
		ERR_clear_error();
	} else if (error == SSL_ERROR_ZERO_RETURN) {
		(void)snprintf(buf, size, "the server closed the connection");
	} else if (error == SSL_ERROR_SYSCALL && !ERR_peek_error()) {
		(void)snprintf(buf, size, "%s",
			       system_error ? strerror(system_error)
					    : "the server closed the connection");
	} else {
		char text[128];

		library_text(text, sizeof(text));
		(void)snprintf(buf, size, "TLS: %s%s", text,
			       strstr(text, "wrong version number")
				       ? " (does the server expect rtmp:// without s?)"
				       : "");
	}
}
