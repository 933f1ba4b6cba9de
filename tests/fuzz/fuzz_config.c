// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes are a configuration file: it is read, or there is an error with the file's name on one
 * line. What was read is within the limits that the rest of the program relies on.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/option.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void require_sound(const struct config *c)
{
	require(strnlen(c->web_listen_address, sizeof(c->web_listen_address)) <
		sizeof(c->web_listen_address));
	require(strrchr(c->web_listen_address, ':') != NULL);
	require(c->web_telemetry_path[0] == '/' && c->web_telemetry_path[1] != '\0');
	require(c->host_sysfs[0] == '/' && c->host_procfs[0] == '/');
	require(c->node_name[0] != '\0' && c->config_file[0] == '\0');
	require(c->monitor_interval_ns >= 100 * NSEC_PER_MSEC);
	require(c->monitor_interval_ns <= 3600 * NSEC_PER_SEC);
	require(c->exporter_levels != 0 && c->exporter_schemas == CONFIG_SCHEMA_CLASSIC);
	require(c->exporter_max_series >= 1000);
	require(c->log_level <= LOG_LEVEL_ERROR && c->log_format <= LOG_FORMAT_JSON);
	require(c->attribution_idle <= CONFIG_IDLE_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *none[] = { NULL };
	struct config_error error;
	struct config c;

	require(config_load(&c, 0, none, none, &error) == 0);
	if (config_parse_yaml(&c, "fuzz.yaml", (const char *)data, size, &error) < 0) {
		require(strncmp(error.text, "fuzz.yaml:", 10) == 0);
		require(strnlen(error.text, sizeof(error.text)) < sizeof(error.text));
		require(strchr(error.text, '\n') == NULL);
		return 0;
	}
	require_sound(&c);
	return 0;
}
