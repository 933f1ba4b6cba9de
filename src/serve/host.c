// SPDX-License-Identifier: Apache-2.0
#include "serve/host.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 256

static bool is_port(const char *text)
{
	return *text == '\0' || (*text == ':' && text[1 + strspn(text + 1, "0123456789")] == '\0');
}

static bool is_v6(const char *host)
{
	const char *end = strchr(host, ']');
	size_t len = end ? (size_t)(end - host) - 1 : 0;
	char text[INET6_ADDRSTRLEN];
	u8 address[16];

	if (!end || len >= sizeof(text) || !is_port(end + 1))
		return false;
	memcpy(text, host + 1, len);
	text[len] = '\0';
	return inet_pton(AF_INET6, text, address) == 1;
}

bool host_is_ours(const char *host, const char *name)
{
	char text[HOST_MAX];
	u8 address[4];
	size_t len;

	if (!host || *host == '\0')
		return true; /* no browser's */
	if (*host == '[')
		return is_v6(host);
	len = strcspn(host, ":");
	if (len >= sizeof(text) || !is_port(host + len))
		return false;
	if (len > 1 && host[len - 1] == '.') /* the root of all names, spelt out */
		len--;
	memcpy(text, host, len);
	text[len] = '\0';
	return strcasecmp(text, "localhost") == 0 || strcasecmp(text, name) == 0 ||
	       inet_pton(AF_INET, text, address) == 1;
}
