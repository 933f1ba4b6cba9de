// SPDX-License-Identifier: Apache-2.0
#include "meter/redfish_bmc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define LOGOUT_NS NSEC_PER_SEC

static const struct redfish_path root_path = { "/redfish/v1/" };

enum access {
	ACCESS_OPEN,    /* nothing to show */
	ACCESS_TOKEN,   /* a token from the credentials */
	ACCESS_SESSION, /* a token of a session, which begins when it is needed */
	ACCESS_BASIC,   /* the password each time */
};

struct redfish_bmc {
	struct redfish_http *http;
	struct redfish_credentials credentials;
	enum access access;
	struct redfish_path sessions;  /* where a session begins */
	struct redfish_path session;   /* the one that is open, to be deleted; "" none */
	char token[REDFISH_TOKEN_MAX]; /* its; "" none */
	bool alive;                    /* the last request was answered */
	struct redfish_trouble trouble;
	struct redfish_answer answer;
};

static enum access best_access(const struct redfish_credentials *credentials)
{
	if (credentials->token[0])
		return ACCESS_TOKEN;
	return credentials->user[0] ? ACCESS_SESSION : ACCESS_OPEN;
}

int redfish_bmc_new(const char *origin, const char *ca_file,
		    const struct redfish_credentials *credentials, struct redfish_bmc **out)
{
	struct redfish_bmc *bmc = calloc(1, sizeof(*bmc));

	if (!bmc)
		return -ENOMEM;
	if (redfish_http_new(origin, ca_file, credentials->insecure, &bmc->http) < 0) {
		free(bmc);
		return -ENOMEM;
	}
	bmc->credentials = *credentials;
	bmc->access = best_access(credentials);
	redfish_path_set(&bmc->sessions, "/redfish/v1/SessionService/Sessions");
	*out = bmc;
	return 0;
}

void redfish_bmc_login_as(struct redfish_bmc *bmc, const struct redfish_credentials *credentials)
{
	struct redfish_credentials *own = &bmc->credentials;

	memcpy(own->user, credentials->user, sizeof(own->user));
	memcpy(own->password, credentials->password, sizeof(own->password));
	memcpy(own->token, credentials->token, sizeof(own->token));
	bmc->access = best_access(own);
}

void redfish_bmc_limit(struct redfish_bmc *bmc, const struct slow_stop *stop, u64 deadline_ns)
{
	redfish_http_limit(bmc->http, stop, deadline_ns);
}

struct redfish_trouble *redfish_bmc_trouble(struct redfish_bmc *bmc)
{
	return &bmc->trouble;
}

bool redfish_bmc_is_basic(const struct redfish_bmc *bmc)
{
	return bmc->access == ACCESS_BASIC;
}

static enum redfish_fault fail(struct redfish_bmc *bmc, enum redfish_fault fault)
{
	bmc->trouble.fault = fault;
	bmc->trouble.status = bmc->answer.status;
	bmc->trouble.retry_after_s = bmc->answer.retry_after_s;
	return fault;
}

static enum redfish_fault send(struct redfish_bmc *bmc, const struct redfish_request *request)
{
	enum redfish_fault fault =
		redfish_http_send(bmc->http, request, &bmc->answer, &bmc->trouble);

	/* A request that the agent's own end cut short says nothing of the BMC. */
	if (fault != REDFISH_STOPPED)
		bmc->alive = fault == REDFISH_FINE;
	return fault;
}

static void forget_session(struct redfish_bmc *bmc)
{
	explicit_bzero(bmc->token, sizeof(bmc->token));
	bmc->session.text[0] = '\0';
}

/* BMCs have room for a handful of sessions: none is left behind. */
static void logout(struct redfish_bmc *bmc)
{
	struct redfish_request request = { .method = "DELETE",
					   .path = &bmc->session,
					   .token = bmc->token };

	if (bmc->session.text[0] && bmc->alive)
		send(bmc, &request);
	forget_session(bmc);
}

struct redfish_bmc *redfish_bmc_free(struct redfish_bmc *bmc)
{
	if (!bmc)
		return NULL;
	redfish_http_limit(bmc->http, NULL, clock_read_ns(CLOCK_MONOTONIC) + LOGOUT_NS);
	logout(bmc);
	redfish_http_free(bmc->http);
	explicit_bzero(bmc, sizeof(*bmc));
	free(bmc);
	return NULL;
}

static void wipe_text(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static enum redfish_fault post_login(struct redfish_bmc *bmc)
{
	json_t *login = json_pack("{s:s, s:s}", "UserName", bmc->credentials.user, "Password",
				  bmc->credentials.password);
	char *text = login ? json_dumps(login, JSON_COMPACT) : NULL;
	struct redfish_request request = { .method = "POST", .path = &bmc->sessions, .body = text };
	enum redfish_fault fault;

	memset(&bmc->answer, 0, sizeof(bmc->answer));
	/* Credentials that are not UTF-8 make no JSON, and no BMC has such. */
	fault = text ? send(bmc, &request) : fail(bmc, REDFISH_LOGIN);
	json_decref(login);
	wipe_text(text);
	return fault;
}

/*
 * Begins a session. A BMC that has none, or no more, is asked with the password from now on; one
 * that does not know the password is not asked a second time, which would lock the account sooner.
 */
static enum redfish_fault login(struct redfish_bmc *bmc)
{
	struct redfish_answer *answer = &bmc->answer;
	enum redfish_fault fault = post_login(bmc);

	if (fault != REDFISH_FINE)
		return fault;
	if (answer->status == 401)
		return fail(bmc, REDFISH_LOGIN);
	/* 503 is also for "no more sessions", in which case no time is told. */
	if (answer->status == 429 || (answer->status == 503 && answer->retry_after_s))
		return fail(bmc, REDFISH_BUSY);
	if (answer->status < 200 || answer->status > 299 || !answer->token[0]) {
		bmc->access = ACCESS_BASIC;
		return REDFISH_FINE;
	}
	memcpy(bmc->token, answer->token, sizeof(bmc->token));
	explicit_bzero(answer->token, sizeof(answer->token));
	bmc->session = answer->location;
	return REDFISH_FINE;
}

static enum redfish_fault judge_status(struct redfish_bmc *bmc)
{
	switch (bmc->answer.status) {
	case 200:
		return REDFISH_FINE;
	case 401:
		return fail(bmc, REDFISH_LOGIN);
	case 403:
		return fail(bmc, REDFISH_FORBIDDEN);
	case 404:
	case 405:
	case 410:
	case 501:
		return fail(bmc, REDFISH_MISSING);
	case 429:
	case 503:
		return fail(bmc, REDFISH_BUSY);
	default:
		return fail(bmc, REDFISH_STATUS);
	}
}

static enum redfish_fault get_once(struct redfish_bmc *bmc, const struct redfish_path *path,
				   enum access access)
{
	struct redfish_request request = { .method = "GET", .path = path };
	enum redfish_fault fault;

	if (access == ACCESS_TOKEN)
		request.token = bmc->credentials.token;
	if (access == ACCESS_SESSION)
		request.token = bmc->token;
	if (access == ACCESS_BASIC) {
		request.user = bmc->credentials.user;
		request.password = bmc->credentials.password;
	}
	fault = send(bmc, &request);
	return fault == REDFISH_FINE ? judge_status(bmc) : fault;
}

/* A session may end at any time: a new one is begun then, but not if it has just begun. */
static enum redfish_fault get_with_session(struct redfish_bmc *bmc, const struct redfish_path *path)
{
	bool begun = bmc->token[0];
	enum redfish_fault fault;

	if (begun) {
		fault = get_once(bmc, path, ACCESS_SESSION);
		if (fault != REDFISH_LOGIN)
			return fault;
		forget_session(bmc);
	}
	fault = login(bmc);
	if (fault == REDFISH_FINE)
		fault = get_once(bmc, path, bmc->access);
	return fault;
}

static enum redfish_fault get(struct redfish_bmc *bmc, const struct redfish_path *path)
{
	enum redfish_fault fault;

	if (bmc->access == ACCESS_SESSION)
		fault = get_with_session(bmc, path);
	else
		fault = get_once(bmc, path, bmc->access);
	if (fault == REDFISH_LOGIN) {
		struct redfish_trouble trouble = bmc->trouble;

		/* The next try begins anew, whatever was found out about sessions. */
		logout(bmc);
		bmc->access = best_access(&bmc->credentials);
		bmc->trouble = trouble;
	}
	return fault;
}

static enum redfish_fault parse(struct redfish_bmc *bmc, json_t **doc)
{
	*doc = redfish_parse(bmc->answer.body, bmc->answer.len);
	return *doc ? REDFISH_FINE : fail(bmc, REDFISH_GARBAGE);
}

enum redfish_fault redfish_bmc_get(struct redfish_bmc *bmc, const struct redfish_path *path,
				   json_t **doc)
{
	enum redfish_fault fault = get(bmc, path);

	return fault == REDFISH_FINE ? parse(bmc, doc) : fault;
}

enum redfish_fault redfish_bmc_root(struct redfish_bmc *bmc, struct redfish_root *root)
{
	/* It needs no account, so that clients learn where sessions are; not every BMC agrees. */
	enum redfish_fault fault = get_once(bmc, &root_path, ACCESS_OPEN);
	json_t *doc;

	/* Sessions may have been refused for a while only. */
	if (bmc->access == ACCESS_BASIC)
		bmc->access = best_access(&bmc->credentials);
	if (fault == REDFISH_LOGIN || fault == REDFISH_FORBIDDEN)
		fault = get(bmc, &root_path);
	if (fault == REDFISH_FINE)
		fault = parse(bmc, &doc);
	if (fault != REDFISH_FINE)
		return fault;
	redfish_read_root(doc, root);
	json_decref(doc);
	if (root->sessions.text[0])
		bmc->sessions = root->sessions;
	return root->chassis.text[0] ? REDFISH_FINE : fail(bmc, REDFISH_GARBAGE);
}
