// SPDX-License-Identifier: Apache-2.0
/*
 * The YAML shapes of the credentials file; see redfish_credentials.h.
 */
#pragma once

#include "meter/redfish_credentials.h"

/* As redfish_credentials_parse(), for YAML alone. */
int redfish_yaml_parse(const char *data, size_t len, const char *node,
		       struct redfish_credentials *out, char error[120]);
