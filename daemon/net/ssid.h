#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * The name of the network that a Wi-Fi interface is associated with, asked of nl80211 without
 * privilege.
 */
struct ssid;

/* NULL: out of memory. A kernel without nl80211 just never has an answer. */
struct ssid *ssid_new(void);
struct ssid *ssid_free(struct ssid *ssid);
/* Into @text, for people: bytes that are no printable text become '?'. False: not associated, or
 * not to be had. */
bool ssid_get(struct ssid *ssid, int index, char *text, size_t size);
