// SPDX-License-Identifier: Apache-2.0
/*
 * libcurl, which brings some twenty libraries along: it is loaded where a BMC is to be asked, and
 * costs nobody else 3 MB.
 */
#pragma once

/* Its macros that check types want to be called by the functions' own names. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

// clang-format off
#define REDFISH_CURL_FUNCTIONS(F) \
	F(global_init) F(free) F(slist_append) F(slist_free_all) \
	F(url) F(url_cleanup) F(url_set) F(url_get) \
	F(easy_init) F(easy_cleanup) F(easy_getinfo) F(easy_setopt) F(easy_strerror) \
	F(multi_init) F(multi_cleanup) F(multi_add_handle) F(multi_remove_handle) \
	F(multi_perform) F(multi_poll) F(multi_info_read)
// clang-format on

/* Its functions, by their names without "curl_". */
struct redfish_curl {
#define REDFISH_CURL_MEMBER(name) typeof(curl_##name) *name;
	REDFISH_CURL_FUNCTIONS(REDFISH_CURL_MEMBER)
#undef REDFISH_CURL_MEMBER
};

/*
 * Loads the library, and readies it, with the first call, which must be made while there is one
 * thread. NULL: there is no libcurl, or it is older than 7.66.
 */
const struct redfish_curl *redfish_curl(void);
