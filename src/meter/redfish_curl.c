// SPDX-License-Identifier: Apache-2.0
#include "meter/redfish_curl.h"

#include <dlfcn.h>
#include <string.h>

#include "base/types.h"

/* Debian's with GnuTLS, which the program is built against; then whatever there is. */
static const char *const names[] = { "libcurl-gnutls.so.4", "libcurl.so.4" };

static const struct {
	const char *name;
	size_t offset;
} functions[] = {
#define REDFISH_CURL_ENTRY(name) { "curl_" #name, offsetof(struct redfish_curl, name) },
	REDFISH_CURL_FUNCTIONS(REDFISH_CURL_ENTRY)
#undef REDFISH_CURL_ENTRY
};

static bool find_functions(void *library, struct redfish_curl *curl)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		void *address = dlsym(library, functions[i].name);

		if (!address)
			return false;
		memcpy((char *)curl + functions[i].offset, &address, sizeof(address));
	}
	return curl->global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

const struct redfish_curl *redfish_curl(void)
{
	static struct redfish_curl curl;
	static bool loaded;

	/* Never unloaded: its own libraries start threads and keep state of the process. */
	for (size_t i = 0; i < ARRAY_SIZE(names) && !loaded; i++) {
		void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);

		loaded = library && find_functions(library, &curl);
	}
	return loaded ? &curl : NULL;
}
