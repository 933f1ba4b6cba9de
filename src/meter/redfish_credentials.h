// SPDX-License-Identifier: Apache-2.0
/*
 * The file that says how to reach the BMC of this node, in one of three shapes:
 *
 *	defaults: {user: U, password: P}	# for what a node does not say itself
 *	nodes:
 *	  NODE: {url: https://BMC, user: U, password: P, token: T, chassis: ID, insecure: true}
 *
 *	nodes: {NODE: BMC}			# as Kepler 0.10 and later had it
 *	bmcs:
 *	  BMC: {endpoint: https://BMC, username: U, password: P, insecure: true}
 *
 *	NODE,USER,PASSWORD,https://BMC		# as Kepler up to 0.9 had it: CSV, no header
 *
 * "{node}" in a url is the node's name; a node that is not named has the defaults, and their url
 * where it has "{node}" in it. Messages never repeat what the file holds.
 */
#pragma once

#include "meter/report.h"

struct redfish_credentials {
	char url[256];
	char user[128];
	char password[256];
	char token[512];  /* a ready X-Auth-Token, instead of user and password */
	char chassis[48]; /* the only one to be read; "" all that count */
	bool insecure;
};

/*
 * Parses @len bytes for the node @node. Returns 0; -ENOENT when it has no entry for that node; or
 * -EINVAL, -E2BIG with why in @error. @out is zeroed first, and after a failure.
 */
int redfish_credentials_parse(const char *data, size_t len, const char *node,
			      struct redfish_credentials *out, char error[120]);

/*
 * The same from the file @path, which must be a regular one that root or the user owns and nobody
 * else may read. Returns 0 or a negative errno with a note in @report.
 */
int redfish_credentials_load(const char *path, const char *node, struct redfish_credentials *out,
			     struct meter_report *report);

/* Overwrites what is secret. */
void redfish_credentials_wipe(struct redfish_credentials *credentials);
