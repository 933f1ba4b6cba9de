// SPDX-License-Identifier: Apache-2.0
#include "serve/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/sysroot.h"

#define BACKLOG 1024

static void set_any(struct listen_address *address, int family, in_port_t port)
{
	memset(&address->addr, 0, sizeof(address->addr));
	address->addr.ss_family = (sa_family_t)family;
	if (family == AF_INET6) {
		((struct sockaddr_in6 *)&address->addr)->sin6_port = port;
		address->len = sizeof(struct sockaddr_in6);
	} else {
		((struct sockaddr_in *)&address->addr)->sin_port = port;
		address->len = sizeof(struct sockaddr_in);
	}
}

static in_port_t port_of(const struct listen_address *address)
{
	return address->addr.ss_family == AF_INET6
		       ? ((const struct sockaddr_in6 *)&address->addr)->sin6_port
		       : ((const struct sockaddr_in *)&address->addr)->sin_port;
}

static int set_host(struct listen_address *address, const char *host, in_port_t port)
{
	size_t len = strlen(host);

	if (len == 0) {
		address->any = true;
		set_any(address, AF_INET6, port);
		return 0;
	}
	if (host[0] == '[' && host[len - 1] == ']') {
		char inner[INET6_ADDRSTRLEN];

		if (len - 2 >= sizeof(inner))
			return -EINVAL;
		memcpy(inner, host + 1, len - 2);
		inner[len - 2] = '\0';
		set_any(address, AF_INET6, port);
		return inet_pton(AF_INET6, inner,
				 &((struct sockaddr_in6 *)&address->addr)->sin6_addr) == 1
			       ? 0
			       : -EINVAL;
	}
	set_any(address, AF_INET, port);
	return inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host,
			 &((struct sockaddr_in *)&address->addr)->sin_addr) == 1
		       ? 0
		       : -EINVAL;
}

int listen_address_parse(const char *text, struct listen_address *address)
{
	const char *colon = strrchr(text, ':');
	struct listen_address parsed = { 0 };
	char host[128];
	u64 port;
	int r;

	if (!colon || (size_t)(colon - text) >= sizeof(host) ||
	    sysroot_parse_u64(colon + 1, &port) < 0 || port > UINT16_MAX)
		return -EINVAL;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	r = set_host(&parsed, host, htons((u16)port));
	if (r == 0)
		*address = parsed;
	return r;
}

static int open_socket(const struct listen_address *address)
{
	_cleanup_close_ int fd =
		socket(address->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, off = 0;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	if (address->addr.ss_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, address->any ? &off : &on, sizeof(on)) < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address->addr, address->len) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int listen_address_open(const struct listen_address *address)
{
	struct listen_address v4 = *address;
	int fd = open_socket(address);

	if (fd >= 0 || !address->any || (fd != -EAFNOSUPPORT && fd != -EADDRNOTAVAIL))
		return fd;
	set_any(&v4, AF_INET, port_of(address));
	return open_socket(&v4);
}

u16 listen_socket_port(int fd)
{
	struct listen_address bound = { .len = sizeof(bound.addr) };

	if (getsockname(fd, (struct sockaddr *)&bound.addr, &bound.len) < 0)
		return 0;
	return ntohs(port_of(&bound));
}
