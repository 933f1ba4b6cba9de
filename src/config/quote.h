// SPDX-License-Identifier: Apache-2.0
/*
 * A stranger's bytes inside a message: short, on one line, printable.
 */
#pragma once

#include "base/types.h"

struct quoted {
	char text[64];
};

/* @text as far as it fits, unprintable bytes as '?', "..." where it was cut. */
struct quoted config_quote(const char *text);

/* Whether the @len bytes at @text are valid UTF-8; @bad is set to the offset of the first that are
 * not. */
bool config_is_utf8(const char *text, size_t len, size_t *bad);
