// SPDX-License-Identifier: Apache-2.0
/*
 * One connection to a BMC. What it sends back is bounded in size and time; nothing is sent anywhere
 * else, by proxy or redirect.
 */
#pragma once

#include "meter/meter_ops.h"
#include "meter/redfish_fault.h"

#define REDFISH_ORIGIN_MAX 160
#define REDFISH_ANSWER_MAX (1 << 20)
#define REDFISH_TOKEN_MAX 512

struct redfish_request {
	const char *method; /* "GET", "POST", "DELETE" */
	const struct redfish_path *path;
	const char *token;           /* for X-Auth-Token; NULL none */
	const char *user, *password; /* for basic authentication; NULL none */
	const char *body;            /* JSON; NULL none */
};

struct redfish_answer {
	long status;
	u64 retry_after_s; /* 0: not said */
	const char *body;  /* valid until the next request */
	size_t len;
	char token[REDFISH_TOKEN_MAX]; /* of X-Auth-Token, or "" */
	struct redfish_path location;  /* of Location, its path */
};

struct redfish_http;

/*
 * Readies the library that all of this needs, and returns whether there is one. To be called first,
 * while there is one thread.
 */
bool redfish_http_ready(void);

/*
 * The part of a URL that says whom to ask: "https://bmc.example:8443", the default port left out.
 * A bare host means https. Returns 0, -EINVAL for what is no such URL, or -EPERM for one that holds
 * a user or a password.
 */
int redfish_origin(const char *url, char origin[REDFISH_ORIGIN_MAX]);

/* Whether secrets sent to this origin may be read on their way. */
bool redfish_origin_is_open(const char *origin);

/* @ca_file: "" the system's; both strings are copied. Returns 0 or -ENOMEM. */
int redfish_http_new(const char *origin, const char *ca_file, bool insecure,
		     struct redfish_http **http);
struct redfish_http *redfish_http_free(struct redfish_http *http);

/* What is asked from now on ends when @stop (NULL: never) or @deadline_ns (monotonic) says so. */
void redfish_http_limit(struct redfish_http *http, const struct slow_stop *stop, u64 deadline_ns);

/*
 * Sends @request and waits for the answer, whatever its status: REDFISH_FINE. Redirects of GET are
 * followed once, on the same origin. @trouble says why there is no answer.
 */
enum redfish_fault redfish_http_send(struct redfish_http *http,
				     const struct redfish_request *request,
				     struct redfish_answer *answer,
				     struct redfish_trouble *trouble);
