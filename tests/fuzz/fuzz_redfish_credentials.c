// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes are a credentials file: there is an entry for the node, or there is an error that is
 * one line and no secret is left behind.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "meter/redfish_credentials.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_text(const char *text, size_t size)
{
	check(strnlen(text, size) < size);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	/* Of its exact size, so that a byte too far is seen. */
	char *text = malloc(size ? size : 1), error[120];
	static const struct redfish_credentials none;
	struct redfish_credentials c;
	int r;

	if (!text)
		return 0;
	memcpy(text, data, size);
	r = redfish_credentials_parse(text, size, "n", &c, error);
	check_text(error, sizeof(error));
	check(!strchr(error, '\n'));
	check(r == 0 || r == -ENOENT || r == -EINVAL || r == -E2BIG || r == -ENOMEM);
	if (r < 0) {
		check(memcmp(&c, &none, sizeof(c)) == 0);
		check(r == -ENOENT || r == -ENOMEM || error[0]);
	}
	check_text(c.url, sizeof(c.url));
	check_text(c.user, sizeof(c.user));
	check_text(c.password, sizeof(c.password));
	check_text(c.token, sizeof(c.token));
	check_text(c.chassis, sizeof(c.chassis));
	check(!c.user[0] == !c.password[0]);
	free(text);
	return 0;
}
