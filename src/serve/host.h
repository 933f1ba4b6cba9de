// SPDX-License-Identifier: Apache-2.0
/*
 * For whom a page is meant. A browser lets a page from elsewhere read what it says is its own
 * site's, and whose name a page's site has is decided by who answers for that name: the name may
 * be made to stand for 127.0.0.1. So what is not for everybody is only told to who asks by a name
 * that nobody else can give.
 */
#pragma once

#include "base/types.h"

/*
 * Whether @host, the header of a request (NULL: it has none), is an IP address, "localhost" or
 * @name, each with or without a port. Letters count as equal in both cases.
 */
bool host_is_ours(const char *host, const char *name);
