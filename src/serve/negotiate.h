// SPDX-License-Identifier: Apache-2.0
/*
 * Content negotiation: pure functions of request headers. NULL is a header that was not sent.
 */
#pragma once

#include "base/types.h"

/* Whether Accept-Encoding allows gzip ("gzip;q=0" and silence do not). */
bool negotiate_gzip(const char *accept_encoding);

/* Whether Accept asks for OpenMetrics 1.0 at least as much as for plain text. */
bool negotiate_openmetrics(const char *accept);
