// SPDX-License-Identifier: Apache-2.0
#include "meter/redfish_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/escape.h"
#include "meter/redfish_curl.h"

#define CONNECT_MS 5000
#define REQUEST_MS 20000
#define WAIT_MS 500

/* Set by redfish_http_ready(), before all else. */
static const struct redfish_curl *curl;

struct redfish_http {
	CURLM *multi;
	CURL *easy;
	char origin[REDFISH_ORIGIN_MAX];
	const struct slow_stop *stop;
	u64 deadline_ns;
	char error[CURL_ERROR_SIZE];
	char *body;
	size_t len, size;
	bool too_big;
	struct redfish_answer *answer; /* of the request under way */
};

static void cleanup_url(CURLU **url)
{
	curl->url_cleanup(*url);
}
#define _cleanup_url_ __attribute__((cleanup(cleanup_url)))

static void cleanup_curl_free(char **text)
{
	curl->free(*text);
}
#define _cleanup_curl_ __attribute__((cleanup(cleanup_curl_free)))

static void cleanup_headers(struct curl_slist **list)
{
	for (struct curl_slist *i = *list; i; i = i->next)
		explicit_bzero(i->data, strlen(i->data));
	curl->slist_free_all(*list);
}
#define _cleanup_headers_ __attribute__((cleanup(cleanup_headers)))

bool redfish_http_ready(void)
{
	if (!curl)
		curl = redfish_curl();
	return curl != NULL;
}

static bool has_part(CURLU *url, CURLUPart part)
{
	_cleanup_curl_ char *text = NULL;

	return curl->url_get(url, part, &text, 0) == CURLUE_OK;
}

int redfish_origin(const char *text, char origin[REDFISH_ORIGIN_MAX])
{
	_cleanup_url_ CURLU *url = curl->url();
	_cleanup_curl_ char *scheme = NULL, *host = NULL, *port = NULL;
	int len;

	/* A bare host is one that answers by https, whatever its name begins with. */
	if (!url || curl->url_set(url, CURLUPART_URL, text,
				  strstr(text, "://") ? 0 : CURLU_DEFAULT_SCHEME) != CURLUE_OK)
		return -EINVAL;
	if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD))
		return -EPERM;
	if (curl->url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl->url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return -EINVAL;
	if (strcasecmp(scheme, "https") != 0 && strcasecmp(scheme, "http") != 0)
		return -EINVAL;
	curl->url_get(url, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT);
	len = snprintf(origin, REDFISH_ORIGIN_MAX, "%s://%s%s%s", scheme, host, port ? ":" : "",
		       port ? port : "");
	for (char *c = origin; *c; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
	return len < REDFISH_ORIGIN_MAX ? 0 : -EINVAL;
}

bool redfish_origin_is_open(const char *origin)
{
	const char *at = origin + strlen("http://");
	char host[REDFISH_ORIGIN_MAX];
	struct in_addr address;

	if (strncmp(origin, "http://", strlen("http://")) != 0)
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)strcspn(at, at[0] == '[' ? "]" : ":"), at);
	if (strcmp(host, "localhost") == 0 || strcmp(host, "[::1") == 0)
		return false;
	/* A name may begin like an address. */
	return inet_pton(AF_INET, host, &address) != 1 ||
	       ntohl(address.s_addr) >> 24 != IN_LOOPBACKNET;
}

/* Bounded: what comes beyond the limit ends the request. */
static size_t take_body(char *data, size_t one, size_t len, void *arg)
{
	struct redfish_http *http = arg;
	char *body;

	http->too_big = len > REDFISH_ANSWER_MAX - http->len;
	if (http->too_big)
		return 0;
	if (http->len + len > http->size) {
		size_t size = u64_max(2 * http->size, http->len + len);

		body = realloc(http->body, size);
		if (!body)
			return 0;
		http->body = body;
		http->size = size;
	}
	memcpy(http->body + http->len, data, len);
	http->len += len;
	return len;
}

/* The value of the header @name in @line, as a string in @out; one that does not fit is none. */
static bool take_value(const char *line, size_t len, const char *name, char *out, size_t size)
{
	size_t begin = strlen(name);

	if (len < begin || strncasecmp(line, name, begin) != 0)
		return false;
	while (begin < len && (line[begin] == ' ' || line[begin] == '\t'))
		begin++;
	while (len > begin && (line[len - 1] == '\r' || line[len - 1] == '\n'))
		len--;
	out[0] = '\0';
	if (len - begin >= size)
		return false;
	memcpy(out, line + begin, len - begin);
	out[len - begin] = '\0';
	return true;
}

/* Of an absolute Location only the path counts: nobody else is ever asked. */
static void take_location(struct redfish_path *out, const char *location)
{
	const char *host = strstr(location, "://");

	if (host)
		location = strchr(host + strlen("://"), '/');
	redfish_path_set(out, location);
}

static size_t take_header(char *line, size_t one, size_t len, void *arg)
{
	struct redfish_http *http = arg;
	struct redfish_answer *answer = http->answer;
	char location[512];

	take_value(line, len, "X-Auth-Token:", answer->token, sizeof(answer->token));
	if (take_value(line, len, "Location:", location, sizeof(location)))
		take_location(&answer->location, location);
	return len;
}

static int no_memory(struct redfish_http *http)
{
	redfish_http_free(http);
	return -ENOMEM;
}

int redfish_http_new(const char *origin, const char *ca_file, bool insecure,
		     struct redfish_http **out)
{
	struct redfish_http *http = calloc(1, sizeof(*http));
	CURL *easy;

	if (!http)
		return no_memory(http);
	http->multi = curl->multi_init();
	http->easy = easy = curl->easy_init();
	if (!http->multi || !easy)
		return no_memory(http);
	snprintf(http->origin, sizeof(http->origin), "%s", origin);
	curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl->easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl->easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl->easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, insecure ? 0L : 1L);
	curl->easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, insecure ? 0L : 2L);
	/* In the place of the system's authorities, which are in a directory. */
	if (ca_file[0] && (curl->easy_setopt(easy, CURLOPT_CAINFO, ca_file) != CURLE_OK ||
			   curl->easy_setopt(easy, CURLOPT_CAPATH, NULL) != CURLE_OK))
		return no_memory(http);
	/* A BMC is a neighbour: the proxy of the environment is for the world outside. */
	curl->easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* Does not wait for a name server when the agent ends. */
	curl->easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl->easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl->easy_setopt(easy, CURLOPT_USERAGENT, "kepler");
	curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, http->error);
	curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl->easy_setopt(easy, CURLOPT_WRITEDATA, http);
	curl->easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl->easy_setopt(easy, CURLOPT_HEADERDATA, http);
	*out = http;
	return 0;
}

struct redfish_http *redfish_http_free(struct redfish_http *http)
{
	if (!http)
		return NULL;
	if (http->easy)
		curl->easy_cleanup(http->easy);
	if (http->multi)
		curl->multi_cleanup(http->multi);
	free(http->body);
	free(http);
	return NULL;
}

void redfish_http_limit(struct redfish_http *http, const struct slow_stop *stop, u64 deadline_ns)
{
	http->stop = stop;
	http->deadline_ns = deadline_ns;
}

/* Time for one request, at most until the deadline. 0 is for ever to libcurl. */
static long request_ms(const struct redfish_http *http)
{
	u64 now_ns = clock_read_ns(CLOCK_MONOTONIC);
	u64 left_ns = http->deadline_ns > now_ns ? http->deadline_ns - now_ns : 0;

	return (long)u64_min(left_ns / NSEC_PER_MSEC + 1, REQUEST_MS);
}

static bool is_stopped(const struct redfish_http *http)
{
	return http->stop && slow_stopping(http->stop);
}

/* Runs the transfer to its end, or until it is time to stop. */
static CURLcode transfer(struct redfish_http *http)
{
	struct curl_waitfd wait = { .fd = http->stop ? http->stop->fd : -1,
				    .events = CURL_WAIT_POLLIN };
	CURLcode result = CURLE_ABORTED_BY_CALLBACK;
	const CURLMsg *message;
	int running = 1, left;

	if (curl->multi_add_handle(http->multi, http->easy) != CURLM_OK)
		return CURLE_OUT_OF_MEMORY;
	while (running && !is_stopped(http)) {
		if (curl->multi_perform(http->multi, &running) != CURLM_OK)
			break;
		if (running)
			curl->multi_poll(http->multi, &wait, wait.fd >= 0, WAIT_MS, NULL);
	}
	message = curl->multi_info_read(http->multi, &left);
	if (message && message->msg == CURLMSG_DONE)
		result = message->data.result;
	curl->multi_remove_handle(http->multi, http->easy);
	return result;
}

static enum redfish_fault fault_of(const struct redfish_http *http, CURLcode result)
{
	if (result == CURLE_OK)
		return REDFISH_FINE;
	if (is_stopped(http))
		return REDFISH_STOPPED;
	if (http->too_big)
		return REDFISH_TOO_BIG;
	switch (result) {
	case CURLE_OPERATION_TIMEDOUT:
		return REDFISH_TIMEOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		return REDFISH_CERTIFICATE;
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_HTTP2:
		return REDFISH_GARBAGE;
	default:
		return REDFISH_UNREACHABLE;
	}
}

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
	char line[REDFISH_TOKEN_MAX + 32];
	struct curl_slist *longer;

	snprintf(line, sizeof(line), "%s: %s", name, value);
	longer = curl->slist_append(*list, line);
	explicit_bzero(line, sizeof(line));
	if (longer)
		*list = longer;
	return longer != NULL;
}

static bool set_headers(CURL *easy, const struct redfish_request *request, struct curl_slist **list)
{
	bool good = add_header(list, "Accept", "application/json") &&
		    add_header(list, "OData-Version", "4.0");

	if (request->token)
		good = good && add_header(list, "X-Auth-Token", request->token);
	if (request->body)
		good = good && add_header(list, "Content-Type", "application/json");
	return good && curl->easy_setopt(easy, CURLOPT_HTTPHEADER, *list) == CURLE_OK;
}

/* All that one request may differ in from the one before. */
static bool set_request(struct redfish_http *http, const struct redfish_request *request,
			const char *path, struct curl_slist **list)
{
	char url[REDFISH_ORIGIN_MAX + 2 * REDFISH_PATH_MAX];
	CURL *easy = http->easy;
	bool good;

	snprintf(url, sizeof(url), "%s%s", http->origin, path);
	good = curl->easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK;
	/* HTTPGET also takes back what a POST has set. */
	curl->easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	if (request->body) {
		curl->easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
		curl->easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(request->body));
	}
	curl->easy_setopt(easy, CURLOPT_CUSTOMREQUEST,
			  strcmp(request->method, "DELETE") == 0 ? "DELETE" : NULL);
	curl->easy_setopt(easy, CURLOPT_HTTPAUTH,
			  request->user ? (long)CURLAUTH_BASIC : (long)CURLAUTH_NONE);
	curl->easy_setopt(easy, CURLOPT_USERNAME, request->user);
	curl->easy_setopt(easy, CURLOPT_PASSWORD, request->password);
	curl->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl->easy_setopt(easy, CURLOPT_TIMEOUT_MS, request_ms(http));
	return good && set_headers(easy, request, list);
}

static enum redfish_fault send_once(struct redfish_http *http,
				    const struct redfish_request *request, const char *path,
				    struct redfish_answer *answer, struct redfish_trouble *trouble)
{
	_cleanup_headers_ struct curl_slist *list = NULL;
	CURLcode result = CURLE_OUT_OF_MEMORY;
	curl_off_t retry_after_s = 0;

	memset(answer, 0, sizeof(*answer));
	http->len = 0;
	http->too_big = false;
	http->error[0] = '\0';
	http->answer = answer;
	if (set_request(http, request, path, &list))
		result = transfer(http);
	curl->easy_setopt(http->easy, CURLOPT_HTTPHEADER, NULL);
	trouble->fault = fault_of(http, result);
	if (trouble->fault != REDFISH_FINE && trouble->fault != REDFISH_TOO_BIG)
		text_clean(trouble->text, sizeof(trouble->text),
			   http->error[0] ? http->error : curl->easy_strerror(result));
	curl->easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &answer->status);
	curl->easy_getinfo(http->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
	answer->retry_after_s = retry_after_s > 0 ? (u64)retry_after_s : 0;
	answer->body = http->body;
	answer->len = http->len;
	return trouble->fault;
}

/* Where a redirect leads to on the same origin, or false with who else it names in @trouble. */
static bool redirected(struct redfish_http *http, struct redfish_trouble *trouble,
		       struct redfish_path *path)
{
	char origin[REDFISH_ORIGIN_MAX];
	const char *url = NULL;

	curl->easy_getinfo(http->easy, CURLINFO_REDIRECT_URL, &url);
	trouble->fault = REDFISH_REDIRECT;
	if (!url || redfish_origin(url, origin) < 0)
		return false;
	if (strcmp(origin, http->origin) != 0) {
		text_clean(trouble->text, sizeof(trouble->text), origin);
		return false;
	}
	take_location(path, url);
	return path->text[0] != '\0';
}

enum redfish_fault redfish_http_send(struct redfish_http *http,
				     const struct redfish_request *request,
				     struct redfish_answer *answer, struct redfish_trouble *trouble)
{
	struct redfish_path other;

	memset(trouble, 0, sizeof(*trouble));
	trouble->path = *request->path;
	if (send_once(http, request, request->path->text, answer, trouble) != REDFISH_FINE ||
	    strcmp(request->method, "GET") != 0 || answer->status < 300 || answer->status >= 400)
		return trouble->fault;
	if (!redirected(http, trouble, &other)) {
		trouble->status = answer->status;
		return trouble->fault;
	}
	return send_once(http, request, other.text, answer, trouble);
}
