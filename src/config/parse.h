// SPDX-License-Identifier: Apache-2.0
/*
 * Inside the room: one function per kind of value in options.def, as option.h's option_parse_fn
 * says.
 */
#pragma once

#include "base/types.h"

#define CONFIG_PARSER(kind) \
	int config_parse_##kind(const char *text, void *field, size_t size, const char **why)

CONFIG_PARSER(file);
CONFIG_PARSER(listen);
CONFIG_PARSER(route);
CONFIG_PARSER(dir);
CONFIG_PARSER(name);
CONFIG_PARSER(interval);
CONFIG_PARSER(retention);
CONFIG_PARSER(series);
CONFIG_PARSER(bool);
CONFIG_PARSER(schemas);
CONFIG_PARSER(levels);
CONFIG_PARSER(idle);
CONFIG_PARSER(meters_cpu);
CONFIG_PARSER(meters_platform);
CONFIG_PARSER(meters_gpu);
CONFIG_PARSER(assign);
CONFIG_PARSER(url);
CONFIG_PARSER(bmc_interval);
CONFIG_PARSER(log_level);
CONFIG_PARSER(log_format);
