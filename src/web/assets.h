// SPDX-License-Identifier: Apache-2.0
/*
 * The files of the live page, built into the program.
 */
#pragma once

#include "base/types.h"

#define WEB_ASSETS 4

struct web_asset {
	const char *path; /* where the server offers it */
	const char *content_type;
	const u8 *data;
	size_t size;
};

extern const struct web_asset web_assets[WEB_ASSETS];
