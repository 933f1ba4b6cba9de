// SPDX-License-Identifier: Apache-2.0
/*
 * A BMC that is asked for documents: by a session where it offers them, so that the password goes
 * over the wire once and the account's log stays short, else by the password each time.
 */
#pragma once

#include "meter/redfish_credentials.h"
#include "meter/redfish_http.h"

struct redfish_bmc;

/* @credentials are copied. Returns 0 or -ENOMEM. */
int redfish_bmc_new(const char *origin, const char *ca_file,
		    const struct redfish_credentials *credentials, struct redfish_bmc **bmc);

/* Takes user, password and token of @credentials from now on; what else they say does not change.
 */
void redfish_bmc_login_as(struct redfish_bmc *bmc, const struct redfish_credentials *credentials);

/* Ends the session, for which it takes a second at most. */
struct redfish_bmc *redfish_bmc_free(struct redfish_bmc *bmc);

/* What is asked from now on ends when @stop or @deadline_ns (monotonic) says so. */
void redfish_bmc_limit(struct redfish_bmc *bmc, const struct slow_stop *stop, u64 deadline_ns);

/* Gets the document at @path; the caller's. REDFISH_FINE, or why not: redfish_bmc_trouble(). */
enum redfish_fault redfish_bmc_get(struct redfish_bmc *bmc, const struct redfish_path *path,
				   json_t **doc);

/* The service root, which tells where the rest is. */
enum redfish_fault redfish_bmc_root(struct redfish_bmc *bmc, struct redfish_root *root);

/* What went wrong last; a caller that finds fault with a document says so here. */
struct redfish_trouble *redfish_bmc_trouble(struct redfish_bmc *bmc);

/* Whether the password is sent with every request, because sessions are refused. */
bool redfish_bmc_is_basic(const struct redfish_bmc *bmc);
